#include "ingest/ingest_topic.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "bronze/embedded/embedded_log.h"
#include "runtime/job.h"

namespace pactolus {
namespace {

class IngestTopics : public testing::Test {
 protected:
  IngestTopics() : folder_("/tmp/pactolus-ingest-topic-" + std::to_string(::getpid())), lake_{folder_ / "lake"} {
    fs::create_directories(folder_);
    config_.lake = lake_.root;
    config_.time.max_ahead_us = kMicrosPerDay;
  }
  ~IngestTopics() override { fs::remove_all(folder_); }

  // n events; every fifth line is broken, every seventh repeats the event before it.
  fs::path events(int n, std::string_view name = "a.ndjson") {
    std::string text;
    for (int i = 0; i < n; ++i) {
      if (i % 5 == 4)
        text += "broken " + std::to_string(i) + "\n";
      else
        text += "{\"event_id\":\"e" + std::to_string(i % 7 == 6 ? i - 1 : i) +
                "\",\"user_id\":\"u\",\"product_id\":\"p\",\"event_type\":\"view\",\"price\":1,\"timestamp\":\"2019-10-"
                "01T00:00:00Z\"}\n";
    }
    const fs::path path = folder_ / name;
    EXPECT_TRUE(replace_file(path, text));
    return path;
  }
  IngestTopic append(const fs::path& path, AppendOptions options = {}) {
    auto done = append_file(path, "native", lake_, silver(), clock_, options);
    EXPECT_TRUE(done) << done.error().message;
    return done ? *done : IngestTopic{};
  }
  void run_job() {
    auto job = Job::open(config_, {}, clock_, Random(seed_++));
    ASSERT_TRUE(job) << job.error().message;
    for (;;) {
      const auto step = (*job)->step();
      ASSERT_TRUE(step) << step.error().message;
      if (step->caught_up) break;
    }
    ASSERT_TRUE((*job)->finish(false));
  }
  std::vector<std::string> values(const std::string& topic) {
    std::vector<std::string> out;
    const auto reader = open_reader(lake_.bronze(), topic).value();
    for (;;) {
      const auto polled = reader->poll(PartitionId(0), 1 << 20).value();
      if (polled.records.empty()) return out;
      for (const RecordView& r : polled.records) out.emplace_back(*r.value);
    }
  }
  delta::Snapshot silver() { return load_silver(lake_).value(); }
  std::optional<SourceAccount> account_of(const FileIdentity& identity) {
    const FileIdentity* one[] = {&identity};
    const auto accounts = accounts_of(lake_, silver(), "main", one).value();
    const auto at = accounts.find(identity.topic);
    return at == accounts.end() ? std::nullopt : std::optional(at->second);
  }
  int64_t silver_version() { return delta::Snapshot::load(lake_.silver())->version().value; }
  int64_t quarantine_version() { return delta::Snapshot::load(lake_.quarantine())->version().value; }

  fs::path folder_;
  LakePaths lake_;
  Config config_;
  ManualClock clock_{1'800'000'000 * kMicrosPerSecond};
  uint64_t seed_ = 1;
};

TEST_F(IngestTopics, ARowIsARecordAndItsNumberTheOffset) {
  const IngestTopic topic = append(events(10));
  EXPECT_EQ(topic.rows, 10);
  EXPECT_EQ(topic.appended, 10);
  EXPECT_TRUE(topic.complete);
  const auto rows = values(topic.identity.topic);
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_EQ(rows[4], "broken 4");
  const auto identity = open_topic(lake_.bronze(), topic.identity.topic).value();
  EXPECT_EQ(identity.dialect, "native");
  EXPECT_EQ(identity.partitions, 1);
  EXPECT_EQ(identity.id, topic.identity.topic_id);
}

TEST_F(IngestTopics, ASecondAppendAddsNothing) {
  append(events(10));
  const IngestTopic again = append(events(10, "another-name.ndjson"));
  EXPECT_EQ(again.appended, 0);
  EXPECT_EQ(again.rows, 10);
  EXPECT_TRUE(again.complete);
  EXPECT_EQ(values(again.identity.topic).size(), 10u);
}

TEST_F(IngestTopics, AnInterruptedAppendGoesOnWhereItStopped) {
  const auto path = events(20'000);
  const IngestTopic part = append(path, {.stop = [] { return true; }, .flush_bytes = 1000});
  EXPECT_FALSE(part.complete);
  EXPECT_LT(part.rows, 20'000);
  EXPECT_GT(part.rows, 0);
  const IngestTopic rest = append(path);
  EXPECT_EQ(rest.appended, 20'000 - part.rows);
  EXPECT_TRUE(rest.complete);
  const auto rows = values(rest.identity.topic);
  ASSERT_EQ(rows.size(), 20'000u);
  EXPECT_EQ(rows[19'999], "broken 19999");
  EXPECT_EQ(rows[size_t(part.rows)].find("broken") == 0, part.rows % 5 == 4);
}

// Killed between the last flush and the mark: the rows are all there, only nobody has said so.
TEST_F(IngestTopics, ATopicWithoutItsMarkIsCompletedWithoutNewRows) {
  const IngestTopic first = append(events(10));
  fs::remove(lake_.bronze() / first.identity.topic / "ingest.json");
  const IngestTopic again = append(events(10));
  EXPECT_EQ(again.appended, 0);
  EXPECT_TRUE(again.complete);
  EXPECT_TRUE(fs::exists(lake_.bronze() / first.identity.topic / "ingest.json"));
}

TEST_F(IngestTopics, AFileWithOtherContentIsAnotherTopic) {
  EXPECT_NE(append(events(10)).identity.topic, append(events(11)).identity.topic);
}

TEST_F(IngestTopics, TheJobMakesSilverAndTheAccountSaysWhatBecameOfTheRows) {
  const IngestTopic topic = append(events(70));
  EXPECT_FALSE(committed_end(silver(), "main", topic.identity.topic, topic.identity.topic_id));
  run_job();
  EXPECT_EQ(committed_end(silver(), "main", topic.identity.topic, topic.identity.topic_id), 70);
  const auto account = account_of(topic.identity);
  ASSERT_TRUE(account);
  EXPECT_TRUE(account->closes());
  EXPECT_EQ(account->quarantined, (CountByName{{"malformed_json", 14}}));
  EXPECT_EQ(account->duplicates, 6);
  EXPECT_EQ(account->silver, 50);
}

TEST_F(IngestTopics, NobodyReadsAFileThatIsNotWhole) {
  const auto path = events(20'000);
  const IngestTopic part = append(path, {.stop = [] { return true; }, .flush_bytes = 1000});
  run_job();
  EXPECT_FALSE(committed_end(silver(), "main", part.identity.topic, part.identity.topic_id));
  append(path);
  run_job();
  EXPECT_EQ(account_of(part.identity)->consumed, 20'000);
}

// As earlier releases did: half of it is in Silver already, so the rest is taken too.
TEST_F(IngestTopics, AHistoryThatWasBegunIsGoneOnWith) {
  const auto path = events(20'000);
  const IngestTopic part = append(path, {.stop = [] { return true; }, .flush_bytes = 1000});
  const fs::path mark = lake_.bronze() / part.identity.topic / "ingest.json";
  ASSERT_TRUE(replace_file(mark, "{}"));
  run_job();
  fs::remove(mark);
  EXPECT_EQ(account_of(part.identity)->consumed, part.rows);
  append(path);
  fs::remove(mark);
  run_job();
  EXPECT_EQ(account_of(part.identity)->consumed, 20'000);  // of both batches
  EXPECT_TRUE(account_of(part.identity)->closes());
}

TEST_F(IngestTopics, AFileThatChangesMeanwhileLeavesNothing) {
  const auto path = events(20'000);
  auto grow = [&, grown = false]() mutable {
    if (!grown) {
      auto file = File::open_append(path).value();
      EXPECT_TRUE(file.write("one more line\n"));
    }
    grown = true;
    return false;
  };
  const auto done = append_file(path, "native", lake_, silver(), clock_, {.stop = grow, .flush_bytes = 1000});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::invalid);
  EXPECT_NE(done.error().message.find("changed"), std::string::npos);
  EXPECT_TRUE(list_topics(lake_.bronze())->empty());
  run_job();
  const IngestTopic whole = append(path);
  EXPECT_EQ(whole.rows, 20'001);
}

TEST_F(IngestTopics, ARunAfterASecondAppendCommitsNothing) {
  append(events(70));
  run_job();
  const int64_t silver = silver_version(), quarantine = quarantine_version();
  append(events(70));
  run_job();
  EXPECT_EQ(silver_version(), silver + 1);  // the epoch alone
  EXPECT_EQ(quarantine_version(), quarantine);
}

TEST_F(IngestTopics, AFileWhoseTopicIsGoneIsKnownFromSilver) {
  const IngestTopic topic = append(events(70));
  run_job();
  fs::remove_all(lake_.bronze() / topic.identity.topic);
  const IngestTopic again = append(events(70));
  EXPECT_TRUE(again.in_silver);
  EXPECT_TRUE(again.complete);
  EXPECT_EQ(again.rows, 70);
  EXPECT_EQ(again.appended, 0);
  EXPECT_FALSE(fs::exists(lake_.bronze() / topic.identity.topic));
}

TEST_F(IngestTopics, TwoAppendersOfOneFileDoNotMix) {
  const IngestTopic part = append(events(10));
  const auto writer = open_writer(lake_.bronze(), part.identity.topic, {}, clock_).value();
  const auto second = append_file(events(10), "native", lake_, silver(), clock_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
}

}  // namespace
}  // namespace pactolus
