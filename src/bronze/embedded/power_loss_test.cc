#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "bronze/embedded/log_test.h"

namespace pactolus::bronze {
namespace {

// The journal and the fault point are read from the environment at start: the writing half is this program again.
class PowerLossTest : public LogTest {
 protected:
  int run_child(const fs::path& journal, const std::string& fault, const std::string& test = "Writes") {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("PACTOLUS_DISK_JOURNAL", journal.c_str(), 1);
      ::setenv("PACTOLUS_FAULT", fault.c_str(), 1);
      ::setenv("PACTOLUS_BRONZE_TEST", root_.c_str(), 1);
      const std::string filter = "--gtest_filter=PowerLossChild." + test;
      ::execl("/proc/self/exe", "bronze_test", filter.c_str(), "--gtest_brief=1", nullptr);
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
};

TEST_F(PowerLossTest, WhatWasAcknowledgedIsThereAndNothingElse) {
  int64_t fewest = INT64_MAX, most = 0;
  for (int point = 1; point <= 41; point += point < 6 ? 1 : 5) {  // the first segments closely, then samples
    for (const bool power_loss : {true, false}) {
      fs::remove_all(bronze_);
      fs::remove(root_ / "acknowledged");
      const fs::path journal = root_ / ("journal" + std::to_string(point) + (power_loss ? "p" : "k"));
      const int status = run_child(journal, "*:" + std::to_string(point));
      ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << status;
      if (power_loss) {
        ASSERT_TRUE(forget_unsynced(journal));
      }
      const int64_t acknowledged = std::atoll(read_file(root_ / "acknowledged").value_or("0").c_str());
      if (!open_topic(bronze_, kTopic)) {  // killed before it was made
        EXPECT_EQ(acknowledged, 0);
        continue;
      }
      auto w = writer();
      const auto all = values(*reader());
      ASSERT_GE(int64_t(all.size()), acknowledged) << point;
      for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], "value " + std::to_string(i));
      fewest = std::min(fewest, acknowledged);
      most = std::max(most, acknowledged);
      write_group(*w, "after", 1);
      EXPECT_EQ(values(*reader()).size(), all.size() + 1);
    }
  }
  EXPECT_EQ(fewest, 0);
  EXPECT_GT(most, 50) << "the points cover the whole run";
}

// A writer is killed before its fsync, a reader finds the frame and shows it, and then the power goes.
TEST_F(PowerLossTest, WhatRecoveryShowedStays) {
  const fs::path journal = root_ / "journal";
  ASSERT_TRUE(WIFSIGNALED(run_child(journal, "bronze.frame_written:5")));
  ASSERT_EQ(run_child(journal, "none", "Reads"), 0);
  const int64_t shown = std::atoll(read_file(root_ / "shown").value_or("0").c_str());
  EXPECT_GT(shown, std::atoll(read_file(root_ / "acknowledged").value_or("0").c_str()))
      << "there was something to show";
  ASSERT_TRUE(forget_unsynced(journal));
  EXPECT_EQ(int64_t(values(*reader()).size()), shown);
}

TEST(PowerLossChild, Reads) {
  const char* root = std::getenv("PACTOLUS_BRONZE_TEST");
  if (!root) GTEST_SKIP() << "only runs as the child of PowerLossTest";
  const auto reader = *open_reader(fs::path(root) / "bronze", kTopic);
  std::ofstream(fs::path(root) / "shown") << reader->end(kP0)->value;
}

TEST(PowerLossChild, Writes) {
  const char* root = std::getenv("PACTOLUS_BRONZE_TEST");
  if (!root) GTEST_SKIP() << "only runs as the child of PowerLossTest";
  const fs::path bronze = fs::path(root) / "bronze";
  ManualClock clock(1);
  ASSERT_TRUE(create_topic(bronze, kTopic, 1, kTopicId));
  auto w = *open_writer(bronze, kTopic, {.segment_bytes = 700, .group_bytes = 150}, clock);
  for (int i = 0; i < 120;) {
    for (const int stop = i + 1 + i % 9; i < stop; ++i) ASSERT_TRUE(w->append({.value = "value " + std::to_string(i)}));
    ASSERT_TRUE(w->flush());
    std::ofstream(fs::path(root) / "acknowledged") << i;
  }
}

}  // namespace
}  // namespace pactolus::bronze
