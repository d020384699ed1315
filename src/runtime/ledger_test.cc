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
          batch % 2 == 0,
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
  const ColumnBatch columns = ledger_columns(accounts, {{"take_over", "run", 2, 0, "uuid-t", 5}});
  EXPECT_EQ(columns.rows(), 8) << "one for each source of each batch, and the events";
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

TEST(LedgerTable, TellsEventsInRowsOfTheirOwn) {
  const ColumnBatch columns = ledger_columns({sample(1), sample(2)}, {{"take_over", "run", 2, 0, "uuid-t", 5}});
  const ColumnView v = ColumnView::of(columns);
  const auto text = [&](const char* column, int64_t row) { return std::string(v.child(column).text_at(row)); };
  for (int64_t row = 0; row < 6; ++row) EXPECT_TRUE(v.child("event").is_null(row));
  EXPECT_EQ(text("event", 6), "take_over");
  EXPECT_EQ(text("detail", 6), "run");
  EXPECT_EQ(v.child("epoch").int_at(6), 2);
  EXPECT_TRUE(v.child("batch_id").is_null(6));
  EXPECT_TRUE(v.child("consumed").is_null(6)) << "it counts in no sum";
  EXPECT_EQ(text("event", 7), "close_windows");
  EXPECT_EQ(v.child("batch_id").int_at(7), 2);
  EXPECT_EQ(v.child("watermark_after").int_at(7), 500);
}

TEST(LedgerTable, IsCorruptWithoutItsColumns) {
  FixedColumn<int64_t> batch;
  batch.append(1);
  std::vector<ColumnData> columns;
  columns.push_back(batch.finish("batch_id", kFormatInt64));
  EXPECT_EQ(accounts_of(ColumnBatch(1, std::move(columns))).error().code, ErrorCode::corrupt);
  EXPECT_TRUE(accounts_of(ledger_columns({}, {}))->empty());
}

TEST(AppIds, NameJobTopicAndPartition) {
  EXPECT_EQ(offset_app_id("main", "clicks", "t-1", 2), "main/clicks@t-1/2");
  EXPECT_EQ(app_id("main", "epoch"), "main/epoch");
}

}  // namespace
}  // namespace pactolus
