// What golden cases (tests/golden) cannot say: errors, fencing, and what a Job tells others.
#include <fmt/core.h>

#include "event/persons.h"
#include "lake/delta/log_files.h"
#include "runtime/account_log.h"
#include "runtime/erasure.h"
#include "runtime/runtime_test_lake.h"
#include "runtime/status.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

using JobTest = RuntimeTest;

TEST(ViewSchema, IsThatOfTheRows) {
  for (const ViewDeclaration& view : built_in_views()) {
    const ViewRows none(std::make_shared<const ViewDeclaration>(view));
    const ColumnBatch rows = none.columns(0, 0, ViewBasis::stream, 1);
    const ColumnView made = ColumnView::of(rows);
    const delta::TableSchema schema = view_schema(view);
    ASSERT_EQ(int64_t(schema.fields.size()), made.children() + 1);
    std::vector<std::string> declared;
    for (const Measure& m : view.measures)
      for (const std::string& column : m.columns()) declared.push_back(column);
    for (int64_t i = 0; i < made.children(); ++i) {
      EXPECT_EQ(schema.fields[size_t(i)].name, made.child(i).name());
      const size_t measured = size_t(i) - view.keys.size() - 2;
      if (measured < declared.size()) {
        EXPECT_EQ(made.child(i).name(), declared[measured]);
      }
    }
    EXPECT_EQ(schema.fields.back().name, "window_date");
  }
}

TEST_F(JobTest, ASecondOneIsTurnedAwayAndATakeOverFencesTheFirst) {
  send({event("e1", -1)});
  ASSERT_OK(open());
  const auto second = Job::open(config_, {.lock_wait_us = 0}, clock_, Random(50));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  auto successor = Job::open(config_, {.take_over = true, .lock_wait_us = 0}, clock_, Random(51));
  ASSERT_OK(successor);
  const auto late = commit();  // of the first
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::fenced);
  EXPECT_TRUE(late.error().fatal());
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 0) << "the sleeper's batch is not there";
  job_ = std::move(*successor);
  ASSERT_OK(commit());
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 1);
  EXPECT_EQ(job_->view().epoch, 2);
}

// Events of the ledger table: name, batch.
std::vector<std::pair<std::string, int64_t>> ledger_events(const LakePaths& lake) {
  std::vector<std::pair<std::string, int64_t>> out;
  const auto table = delta::Snapshot::load(lake.ledger());
  for (const auto& [path, file] : table->files()) {
    const ColumnBatch rows = *read_parquet(lake.ledger() / path);
    const ColumnView v = ColumnView::of(rows);
    for (int64_t i = 0; i < v.length(); ++i)
      if (!v.child("event").is_null(i))
        out.emplace_back(v.child("event").text_at(i),
                         v.child("batch_id").is_null(i) ? 0 : v.child("batch_id").int_at(i));
  }
  return out;
}

TEST_F(JobTest, TakeOversAndClosedWindowsAreInTheLedger) {
  send({event("e1", -1)});
  ASSERT_OK(open({.take_over = true, .lock_wait_us = 0}));  // nobody was there: no event
  ASSERT_OK(commit());
  auto successor = Job::open(config_, {.take_over = true, .lock_wait_us = 0}, clock_, Random(51));
  ASSERT_OK(successor);
  job_ = std::move(*successor);
  send({event("e2", 1)});
  ASSERT_OK(commit());
  ASSERT_TRUE(job_->finish(true));
  EXPECT_EQ(ledger_events(lake()),
            (std::vector<std::pair<std::string, int64_t>>{{"take_over", 0}, {"close_windows", 3}}));
}

TEST_F(JobTest, ATopicThatHasAnAccountHasBegun) {
  ASSERT_OK(create_topic(lake().bronze(), "clicks", 1, kTopicId));
  ASSERT_OK(open());
  clock_.sleep_us(2 * kMicrosPerMinute);
  ASSERT_TRUE(job_->step()->committed) << "that the empty partition is idle";
  stop();
  send({event("e1", 60)});
  config_.run.start = {StartFrom::Kind::latest, 0};
  ASSERT_OK(open());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1) << "the offsets in the lake win";
}

TEST_F(JobTest, AHistoryDoesNotBeginALiveTopic) {
  send("_ingest.a", {event("h1", -600)});
  ASSERT_OK(open());
  ASSERT_TRUE(job_->step()->committed);
  stop();
  send({event("e1", -1)});
  config_.run.start = {StartFrom::Kind::latest, 0};
  ASSERT_OK(open());
  ASSERT_OK(commit());
  send({event("e2", 1)});
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1) << "e2 alone";
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 2);
}

TEST_F(JobTest, ATableOfAnEarlierReleaseGetsTheColumnsThatItLacks) {
  for (const auto& [folder, schema] :
       {std::pair(lake().silver(), silver_schema()),
        std::pair(lake().gold(kProductInterest), view_schema(built_in_views().front()))}) {
    delta::TableSchema earlier = schema;
    std::erase_if(earlier.fields,
                  [](const delta::SchemaField& f) { return f.name == "referrer" || f.name == "viewers_approx"; });
    ASSERT_OK(make_folders(folder));
    ASSERT_OK(delta::DeltaTable::create(folder, {.schema = earlier, .id = "22222222-2222-4222-8222-222222222222"}));
  }
  send({event("e1", -1)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  stop();
  EXPECT_NE(delta::DeltaTable::open(lake().silver())->schema()->find("referrer"), nullptr);
  EXPECT_NE(delta::DeltaTable::open(lake().gold(kProductInterest))->schema()->find("viewers_approx"), nullptr);
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 1);
}

TEST_F(JobTest, ATopicMadeAnewIsDataLoss) {
  send({event("e1", -1)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  stop();
  fs::remove_all(lake().bronze() / "clicks");
  ASSERT_OK(create_topic(lake().bronze(), "clicks", 1, "99999999-9999-4999-8999-999999999999"));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::data_loss);
  EXPECT_NE(opened.error().hint.find("bring it back"), std::string::npos);
}

TEST_F(JobTest, ATruncatedTopicIsDataLoss) {
  send({event("e1", -1), event("e2", -1)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  stop();
  fs::remove_all(lake().bronze() / "clicks");
  send({event("e1", -1)});  // the same topic id, fewer records than Silver has read
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::data_loss);
}

TEST_F(JobTest, IdsOfAHistoryAreKnownWhenItsTopicIsGone) {
  // Two partitions, one of them silent: there is no watermark, so live rows are looked for in Silver.
  config_.bronze.partitions = 2;
  ASSERT_OK(create_topic(lake().bronze(), "clicks", 2, kTopicId));
  send("_ingest.a", {event("h1", -60)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  stop();
  fs::remove_all(lake().bronze() / "_ingest.a");
  ASSERT_OK(open());
  auto writer = std::move(*open_writer(lake().bronze(), "clicks", {}, clock_));
  ASSERT_OK(writer->append({.key = "u1", .value = event("h1", -60), .timestamp_us = kStart}));
  ASSERT_OK(writer->flush());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().watermark, kNoTime);
  EXPECT_EQ(job_->view().totals.duplicates, 1);
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 1);
}

// An account has to fit into a commit: with room for one source it takes a commit for each file.
TEST_F(JobTest, AnErasureOfManyBatchesHasSeveralCommits) {
  ASSERT_OK(open({.lock_wait_us = 0, .erased_sources = 1}));
  for (int i = 0; i < 3; ++i) {
    send({event(fmt::format("e{}", i), i), R"({"event_id":"r","user_id":"u1"})"});
    ASSERT_OK(commit());
  }
  const int64_t before = job_->view().silver_version;
  Persons persons({"u1"}, decode_rules(config_));
  const auto done = job_->erase(persons);
  ASSERT_OK(done);
  EXPECT_EQ(done->number, 3);
  EXPECT_EQ(done->silver_rows, 3);
  EXPECT_EQ(done->quarantine_rows, 3);
  EXPECT_EQ(done->ids_kept, 3);
  EXPECT_EQ(job_->view().silver_version, before + 4) << "and the batch behind them";
  send({event("e0", 5), event("e1", 5), event("e2", 5)});
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.duplicates, 3);
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 0);
}

TEST_F(JobTest, AnAbortedBatchLeavesNothing) {
  send({event("e1", -1)});
  ASSERT_OK(open());
  ASSERT_EQ(job_->step()->records, 1);
  EXPECT_EQ(job_->provisional(1).size(), 1u) << "live views show the open batch";
  ASSERT_OK(open());  // dropped before its cut
  EXPECT_EQ(job_->view().batch, 0);
  EXPECT_TRUE(job_->provisional(1).empty());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1);
}

TEST_F(JobTest, BatchTimeFollowsTheClockWhileABatchIsOpen) {
  config_.run.commit_interval_us = 20 * kMicrosPerMinute;
  send({event("e1", 0)});
  ASSERT_OK(open());
  ASSERT_EQ(job_->step()->records, 1);
  clock_.sleep_us(15 * kMicrosPerMinute);  // longer than a clock may run ahead
  send({event("e2", 900)});
  ASSERT_EQ(job_->step()->records, 1);
  clock_.sleep_us(6 * kMicrosPerMinute);
  ASSERT_TRUE(job_->step()->committed);
  EXPECT_EQ(job_->view().totals.silver, 2);
  EXPECT_TRUE(job_->view().totals.quarantined.empty());
  EXPECT_EQ(job_->view().batch_time, at(900)) << "when the last record was read";
}

TEST_F(JobTest, ManyFinishedHistoriesNeedNoOpenFiles) {
  const auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  ASSERT_OK(open());
  const auto before = open_files();
  for (int i = 0; i < 40; ++i) send("_ingest." + std::to_string(i), {event("h" + std::to_string(i), -i)});
  ASSERT_OK(open());
  for (int i = 0; i < 3; ++i) ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 40);
  EXPECT_LE(open_files(), before + 4);
  stop();
  ASSERT_OK(open());  // nor does a start, which finds all of them
  ASSERT_OK(commit());
  EXPECT_LE(open_files(), before + 4);
}

TEST_F(JobTest, ACleanStopCommitsWhatIsOpenAndBringsAllTablesUp) {
  send({event("e1", -1)});
  ASSERT_OK(open());
  ASSERT_EQ(job_->step()->records, 1);
  stop();
  for (const fs::path& table : {lake().silver(), lake().quarantine(), lake().gold(kProductInterest)})
    EXPECT_EQ(delta::Snapshot::load(table)->txn_version("main/batch"), 1) << table;
  EXPECT_EQ(delta::Snapshot::load(lake().ledger())->txn_version("main/fold"), 1);
}

TEST_F(JobTest, AStopWithoutABatchLeavesTheTablesEmpty) {
  ASSERT_OK(open());
  stop();
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->txn_version("main/batch"), std::nullopt);
  ASSERT_OK(open());
  EXPECT_EQ(job_->view().epoch, 2);
}

TEST_F(JobTest, AnotherHorizonMakesAnotherMemory) {
  send({event("e1", -3 * 3600), event("e2", 0)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().remembered_ids, 2u);
  stop();
  config_.dedup.horizon_us = kMicrosPerHour;
  std::vector<std::string> said;
  ASSERT_OK(open({.lock_wait_us = 0, .say = [&](const std::string& s) { said.push_back(s); }}));
  EXPECT_EQ(job_->view().remembered_ids, 1u) << "made from Silver for the new horizon";
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("horizon"), std::string::npos);
}

TEST_F(JobTest, StatusTellsWhatRuns) {
  EXPECT_EQ(read_status(lake()).error().code, ErrorCode::not_found);
  send({event("e1", -1), "no event"});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  ASSERT_OK(write_status(*job_, clock_, true));
  const auto status = read_status(lake());
  ASSERT_OK(status);
  const Json& s = *status;
  EXPECT_TRUE(s["running"].as_bool());
  EXPECT_EQ(s["batch"].as_int(), 1);
  EXPECT_EQ(s["epoch"].as_int(), 1);
  EXPECT_EQ(s["records"].as_int(), 2);
  EXPECT_EQ(s["silver"].as_int(), 1);
  EXPECT_EQ(s["quarantined"]["malformed_json"].as_int(), 1);
  EXPECT_EQ(s["watermark"].as_string(), "2025-11-29T09:54:59.000000Z");
  EXPECT_EQ(s["sources"].as_array()[0]["next_offset"].as_int(), 2);
  EXPECT_EQ(s["product_interest"].as_array()[0]["product_id"].as_string(), "p1");
  EXPECT_EQ(s["product_interest_totals"]["views"].as_int(), 1);
  ASSERT_OK(write_status(*job_, clock_, false));
  EXPECT_FALSE((*read_status(lake()))["running"].as_bool(true));
}

TEST_F(JobTest, StatusIsBoundedAndItsTotalsAreOfAllProducts) {
  std::vector<std::string> values;
  for (size_t product = 0; product < kProvisionalRows + 50; ++product)
    values.push_back(fmt::format(
        R"({{"event_id":"{0}","user_id":"u","product_id":"p{0}","event_type":"view","price":1,"timestamp":"{1}"}})",
        product, iso_time(at(-1))));
  send(values);
  ASSERT_OK(open());
  ASSERT_OK(commit());
  const Json s = status_json(*job_, clock_.now_us(), true);
  EXPECT_EQ(s["product_interest"].size(), kProvisionalRows);
  EXPECT_EQ(s["product_interest_totals"]["products"].as_int(), int64_t(values.size()));
  EXPECT_EQ(s["product_interest_totals"]["views"].as_int(), int64_t(values.size()));
}

TEST_F(JobTest, StatusOfAFreshLakeHasNoTimes) {
  ASSERT_OK(open());
  const Json s = status_json(*job_, clock_.now_us(), true);
  EXPECT_TRUE(s["watermark"].is_null());
  EXPECT_TRUE(s["batch_time"].is_null());
  EXPECT_EQ(s["product_interest"].size(), 0u);
}

TEST_F(JobTest, ATopicThatWasNeverReadIsBegunWhereTheUserSays) {
  config_.run.start = {StartFrom::Kind::latest, 0};
  send({event("e1", -2), event("e2", -1)});
  std::vector<std::string> said;
  const auto say = [&](const std::string& s) { said.push_back(s); };
  ASSERT_OK(open({.lock_wait_us = 0, .say = say}));
  EXPECT_EQ(job_->view().batch, 1) << "the start is committed before anything is read";
  EXPECT_EQ(job_->view().sources[0].end, 2);
  ASSERT_EQ(said, std::vector<std::string>{"clicks is begun at its end: 2 records before it stay unread"});
  send({event("e3", 0)});
  ASSERT_OK(open({.lock_wait_us = 0, .say = say}));  // the first one died
  EXPECT_EQ(said.back(), "clicks goes on at the offsets in the lake; run.start is for a topic that was never read");
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1) << "what came after the first start is not left out";
  const auto last = last_batch(*delta::Snapshot::load(lake().silver()), "main");
  ASSERT_OK(last);
  EXPECT_EQ((*last)->batch, 2);
  EXPECT_EQ((*last)->sources[0].start, 2);
  EXPECT_EQ((*last)->sources[0].end, 3);
}

TEST_F(JobTest, ATopicIsBegunAtATime) {
  send({event("e1", -2)});
  clock_.sleep_us(10 * kMicrosPerSecond);
  send({event("e2", 9)});
  config_.run.start = {StartFrom::Kind::time, at(10)};
  ASSERT_OK(open());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1);
  EXPECT_EQ(job_->provisional(2).size(), 1u);
}

TEST_F(JobTest, AnEmptyTopicThatIsBegunAtItsEndHasItsStart) {
  config_.run.start = {StartFrom::Kind::latest, 0};
  ASSERT_OK(open());
  send({event("e1", -1)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1);
}

TEST_F(JobTest, TheUserIsToldThatTheLakesOffsetsWin) {
  send({event("e1", -1)});
  std::vector<std::string> said;
  const auto say = [&](const std::string& s) { said.push_back(s); };
  ASSERT_OK(open({.lock_wait_us = 0, .start_given = true, .say = say}));
  EXPECT_TRUE(said.empty()) << said[0];
  ASSERT_OK(commit());
  ASSERT_OK(open({.lock_wait_us = 0, .say = say}));
  EXPECT_TRUE(said.empty()) << "the default needs no word";
  ASSERT_OK(open({.lock_wait_us = 0, .start_given = true, .say = say}));
  EXPECT_EQ(said.size(), 1u);
}

TEST_F(JobTest, HistoriesAreReadFromTheirBeginning) {
  config_.run.start = {StartFrom::Kind::latest, 0};
  send("_ingest.a", {event("h1", -60)});
  ASSERT_OK(open());
  ASSERT_OK(commit());
  EXPECT_EQ(job_->view().totals.silver, 1);
}

TEST_F(JobTest, TopicsAreMadeOnceAndHistoriesFound) {
  Random random(1);
  const auto made = open_live_topic(config_, random, clock_, {});
  ASSERT_OK(made);
  const std::string id = (*made)->topic().id;
  EXPECT_EQ((*open_live_topic(config_, random, clock_, {}))->topic().id, id);
  EXPECT_TRUE(list_history_topics(config_)->empty());
  ASSERT_OK(create_topic(lake().bronze(), "_ingest.b", 1, kTopicId, "rees46"));
  ASSERT_OK(create_topic(lake().bronze(), "_replay.a", 1, kTopicId));
  ASSERT_OK(create_topic(lake().bronze(), "other", 1, kTopicId));
  EXPECT_EQ(*list_history_topics(config_), (std::vector<std::string>{"_ingest.b", "_replay.a"}));
  EXPECT_EQ((*open_history_topic(config_, "_ingest.b"))->topic().dialect, "rees46");
  EXPECT_EQ(open_history_topic(config_, "_ingest.none").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace pactolus
