#include "runtime/ledger.h"

#include <gtest/gtest.h>

namespace pactolus {
namespace {

SourceAccount busy_source() {
  SourceAccount s;
  s.topic = "clicks";
  s.topic_id = "t-1";
  s.partition = 3;
  s.start = 100, s.end = 112;
  s.consumed = 11;
  s.skipped = {{"control", 1}};
  s.silver = 5, s.duplicates = 3, s.conflicting = 1;
  s.quarantined = {{"missing_price", 2}, {"too_late", 1}};
  s.late = {{"product_interest", 2}};
  s.max_event_time = -1;  // just before 1970
  s.idle = false;
  return s;
}

BatchAccount sample(int64_t batch) {
  SourceAccount silent;
  silent.topic = "clicks";
  silent.topic_id = "t-1";
  silent.partition = 4;
  silent.idle = true;
  SourceAccount history = busy_source();
  history.topic = "_ingest.ab";
  history.history = true;
  return {"main",
          batch,
          2,
          "uuid-" + std::to_string(batch),
          1000 + batch,
          kNoTime,
          500,
          {busy_source(), silent, history},
          {{"part.parquet", 77, 3}}};
}

TEST(SourceAccount, ClosesWhenBothSumsDo) {
  SourceAccount s = busy_source();
  EXPECT_TRUE(s.closes());
  EXPECT_TRUE(SourceAccount().closes());
  ++s.end;
  EXPECT_FALSE(s.closes()) << "an offset without an account";
  ++s.skipped["control"];
  EXPECT_TRUE(s.closes());
  ++s.quarantined["too_late"];
  EXPECT_FALSE(s.closes()) << "a fate without a record";
}

TEST(BatchAccount, SurvivesTheCommit) {
  const BatchAccount a = sample(7);
  const auto text = Json::parse(to_json(a).dump());
  ASSERT_TRUE(text);
  const auto back = batch_account(*text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back).dump(), to_json(a).dump());
  EXPECT_EQ(back->watermark_before, kNoTime);
  EXPECT_EQ(back->sources[1].max_event_time, kNoTime);
  EXPECT_EQ(back->sources[0].max_event_time, -1);
  EXPECT_TRUE(back->sources[2].history);
  EXPECT_EQ(back->quarantine_files[0].rows, 3);
}

TEST(BatchAccount, IsToldFromOtherCommits) {
  EXPECT_TRUE(is_batch_account(to_json(sample(1)), "main"));
  EXPECT_FALSE(is_batch_account(to_json(sample(1)), "other"));
  EXPECT_FALSE(is_batch_account(Json::object().set("kind", "epoch").set("job", "main"), "main"));
  EXPECT_FALSE(is_batch_account(Json(), "main"));
  for (const char* text : {"{}", R"({"kind":"batch"})", R"({"kind":"batch","batch":"7","sources":[]})",
                           R"({"kind":"batch","batch":7,"sources":{}})"})
    EXPECT_EQ(batch_account(*Json::parse(text)).error().code, ErrorCode::corrupt) << text;
}

TEST(LedgerTable, SurvivesItsColumns) {
  const std::vector<BatchAccount> accounts{sample(1), sample(2)};
  const ColumnBatch columns = ledger_columns(accounts);
  EXPECT_EQ(columns.rows(), 6) << "one row for each source of each batch";
  const auto back = accounts_of(columns);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    BatchAccount wanted = accounts[i];
    wanted.job.clear();               // the table is of one job
    wanted.quarantine_files.clear();  // named by their own commit
    EXPECT_EQ(to_json((*back)[i]).dump(), to_json(wanted).dump());
  }
}

TEST(LedgerTable, IsCorruptWithoutItsColumns) {
  FixedColumn<int64_t> batch;
  batch.append(1);
  std::vector<ColumnData> columns;
  columns.push_back(batch.finish("batch_id", kFormatInt64));
  EXPECT_EQ(accounts_of(ColumnBatch(1, std::move(columns))).error().code, ErrorCode::corrupt);
  EXPECT_TRUE(accounts_of(ledger_columns({}))->empty());
}

TEST(AppIds, NameJobTopicAndPartition) {
  EXPECT_EQ(offset_app_id("main", "clicks", "t-1", 2), "main/clicks@t-1/2");
  EXPECT_EQ(app_id("main", "epoch"), "main/epoch");
}

}  // namespace
}  // namespace pactolus
