#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/fault.h"
#include "bronze/embedded/log_test.h"

namespace pactolus::bronze {
namespace {

class EraseTest : public LogTest {
 protected:
  // Segments of a few frames, frames of a few records: "a0" to "a9", "b0" to "b9", and so on.
  static constexpr EmbeddedLogOptions kSmall{.segment_bytes = 400, .group_bytes = 100};
  void fill(const std::string& groups, int32_t partitions = 1) {
    create(partitions);
    const auto w = writer(kSmall);
    for (const char c : groups) write_group(*w, std::string(1, c), 10);
  }
  static bool is_of_b(PartitionId, const RecordView& r) { return r.value && r.value->starts_with("b"); }
  ErasedRecords erase(const std::function<bool(PartitionId, const RecordView&)>& is_erased = is_of_b) {
    const auto topic = hold_topic(bronze_, kTopic);
    if (!topic) throw std::runtime_error(topic.error().message);
    const auto erased = (*topic)->erase(is_erased);
    if (!erased) throw std::runtime_error(erased.error().message);  // ends the test
    return *erased;
  }
  // What a reader gets from its position on: values by offset, and the offsets that it was told to be skipped.
  struct Seen {
    std::map<int64_t, std::string> values;
    int64_t skipped = 0, next = 0;
  };
  static Seen see(LogReader& reader, int64_t max_bytes = 1 << 20) {
    Seen out;
    for (int64_t from = -1;;) {
      const auto polled = reader.poll(kP0, max_bytes);
      if (!polled) throw std::runtime_error(polled.error().message);
      if (polled->next.value == from) return out;
      from = out.next = polled->next.value;
      out.skipped += polled->skipped;
      EXPECT_EQ(polled->skipped_as, "erased");
      for (const RecordView& r : polled->records) out.values[r.offset.value] = std::string(r.value.value_or("(null)"));
    }
  }
  bool is_anywhere(std::string_view text) const {
    for (const auto& entry : fs::recursive_directory_iterator(bronze_))
      if (entry.is_regular_file() && bytes_of(entry.path()).find(text) != std::string::npos) return true;
    return false;
  }
};

TEST_F(EraseTest, OffsetsStayAndBytesGo) {
  fill("abab");
  EXPECT_TRUE(is_anywhere("b3"));
  const auto before = *reader()->end(kP0);
  const ErasedRecords erased = erase();
  EXPECT_EQ(erased.records, 20);
  EXPECT_GT(erased.segments, 1);
  EXPECT_FALSE(is_anywhere("b3"));
  const auto r = reader();
  EXPECT_EQ(*r->end(kP0), before);
  for (const int64_t max_bytes : {1, 150, 1 << 20}) {
    ASSERT_TRUE(r->seek(kP0, Offset(0)));
    const Seen seen = see(*r, max_bytes);
    EXPECT_EQ(seen.values.size(), 20u);
    EXPECT_EQ(seen.skipped, 20);
    EXPECT_EQ(seen.next, 40);
    for (const auto& [offset, value] : seen.values) {
      EXPECT_EQ(value, "a" + std::to_string(offset % 10));
      EXPECT_EQ(offset / 10 % 2, 0);
    }
  }
  // From the middle of what is gone.
  ASSERT_TRUE(r->seek(kP0, Offset(15)));
  const Seen rest = see(*r);
  EXPECT_EQ(rest.values.begin()->first, 20);
  EXPECT_EQ(rest.skipped, 15);
}

TEST_F(EraseTest, OnceMoreChangesNothing) {
  fill("ab");
  EXPECT_EQ(erase().records, 10);
  const ErasedRecords again = erase();
  EXPECT_EQ(again.records, 0);
  EXPECT_EQ(again.segments, 0);
  // Another one in frames that have been written anew already.
  EXPECT_EQ(erase([](PartitionId, const RecordView& r) { return r.value == "a9" || r.offset.value == 0; }).records, 2);
  EXPECT_EQ(see(*reader()).values.size(), 8u);
  EXPECT_EQ(see(*reader()).skipped, 12);
}

TEST_F(EraseTest, TheLogGoesOn) {
  fill("ab");
  erase();
  write_group(*writer(kSmall), "c", 10);
  const Seen seen = see(*reader());
  EXPECT_EQ(seen.values.size(), 20u);
  EXPECT_EQ(seen.values.at(20), "c0");
  EXPECT_EQ(seen.next, 30);
  erase([](PartitionId, const RecordView&) { return true; });
  EXPECT_EQ(see(*reader()).values.size(), 0u);
  EXPECT_EQ(see(*reader()).skipped, 30);
  EXPECT_EQ(writer()->next_offset(kP0), Offset(30));
}

TEST_F(EraseTest, WhoeverIsReadingGoesOn) {
  fill("abab");
  const auto at_the_end = reader(), in_the_middle = reader(), at_the_start = reader();
  ASSERT_TRUE(at_the_end->seek(kP0, Offset(40)));
  ASSERT_TRUE(in_the_middle->seek(kP0, Offset(33)));
  ASSERT_EQ(at_the_start->poll(kP0, 1)->records.front().offset, Offset(0));
  erase();
  EXPECT_EQ(see(*at_the_start).next, 40);
  EXPECT_TRUE(see(*in_the_middle).values.empty());
  write_group(*writer(kSmall), "c", 3);
  EXPECT_EQ(see(*at_the_end).values.size(), 3u);
  EXPECT_EQ(see(*in_the_middle).values.size(), 3u);
}

TEST_F(EraseTest, NotWhileSomebodyWritesAndNobodyWritesMeanwhile) {
  fill("ab");
  {
    const auto w = writer(kSmall);
    const auto held = hold_topic(bronze_, kTopic);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, ErrorCode::busy);
  }
  const auto held = hold_topic(bronze_, kTopic);
  ASSERT_TRUE(held);
  const auto w = open_writer(bronze_, kTopic, kSmall, clock_);
  ASSERT_FALSE(w);
  EXPECT_EQ(w.error().code, ErrorCode::busy);
}

TEST_F(EraseTest, WhatADropLeftBehindIsSwept) {
  fill("ab");
  fs::rename(bronze_ / kTopic, bronze_ / (std::string(kTopic) + "~"));
  EXPECT_TRUE(is_anywhere("b3"));
  ASSERT_TRUE(sweep_dropped(bronze_));
  EXPECT_FALSE(is_anywhere("b3"));
  fill("ab");
  ASSERT_TRUE(sweep_dropped(bronze_));
  EXPECT_EQ(see(*reader()).values.size(), 20u);
}

TEST_F(EraseTest, DamageIsRefused) {
  fill("aba");
  std::string bytes = bytes_of(segment());
  bytes[bytes.find("a3")] = 'z';
  overwrite(segment(), bytes);
  const auto topic = hold_topic(bronze_, kTopic);
  ASSERT_TRUE(topic);
  const auto erased = (*topic)->erase([](PartitionId, const RecordView&) { return true; });
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().code, ErrorCode::corrupt);
  EXPECT_EQ(bytes_of(segment()), bytes);
}

// Killed at every point, with and without a loss of power: what was not to go is there, and the same call ends it.
TEST_F(EraseTest, AfterAKillTheSameCallGoesOn) {
  int killed = 0;
  for (int point = 1; point < 40; ++point)
    for (const bool power_loss : {true, false}) {
      fs::remove_all(bronze_);
      fill("abab");
      const fs::path journal = root_ / ("journal" + std::to_string(point) + (power_loss ? "p" : "k"));
      const pid_t child = ::fork();
      if (child == 0) {
        ::setenv("PACTOLUS_DISK_JOURNAL", journal.c_str(), 1);
        ::setenv("PACTOLUS_FAULT", ("*:" + std::to_string(point)).c_str(), 1);
        ::setenv("PACTOLUS_BRONZE_TEST", root_.c_str(), 1);
        ::execl("/proc/self/exe", "bronze_test", "--gtest_filter=EraseChild.Erases", "--gtest_brief=1", nullptr);
        ::_exit(127);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << status;
      if (!WIFSIGNALED(status)) continue;
      ++killed;
      if (power_loss) {
        ASSERT_TRUE(forget_unsynced(journal));
      }
      const Seen half = see(*reader());
      EXPECT_EQ(half.next, 40);
      EXPECT_EQ(int64_t(half.values.size()) + half.skipped, 40);
      EXPECT_EQ(half.skipped + erase().records, 20);
      EXPECT_FALSE(is_anywhere("b3")) << point;
      write_group(*writer(kSmall), "c", 1);
      const Seen seen = see(*reader());
      EXPECT_EQ(seen.values.size(), 21u);
      EXPECT_EQ(seen.values.at(40), "c0");
    }
  EXPECT_GE(killed, 12);
}

TEST(EraseChild, Erases) {
  const char* root = std::getenv("PACTOLUS_BRONZE_TEST");
  if (!root) GTEST_SKIP() << "run by AfterAKillTheSameCallGoesOn";
  const auto topic = hold_topic(fs::path(root) / "bronze", kTopic);
  ASSERT_TRUE(topic);
  ASSERT_TRUE((*topic)->erase([](PartitionId, const RecordView& r) { return r.value->starts_with("b"); }));
}

}  // namespace
}  // namespace pactolus::bronze
