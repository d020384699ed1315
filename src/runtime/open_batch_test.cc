#include "runtime/open_batch.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "gold/interest_row.h"
#include "runtime/lake_tables.h"

namespace pactolus {
namespace {

const int64_t kNow = *parse_iso_time("2025-11-29T10:00:00Z");

class OpenBatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int32_t p = 0; p < 2; ++p) {
      SourceAccount a;
      a.topic = "clicks";
      a.partition = p;
      a.end = 10 * p;  // where the last batch ended
      sources_.push_back(a);
    }
  }
  void start(int64_t watermark = kNoTime) { batch_.start(sources_, kNow, watermark); }

  // Views of p1 by their ids, at 09:59:00; an empty id makes a reject.
  void add(size_t source, const std::vector<std::string>& ids, int64_t skipped = 0) {
    std::vector<std::string> values;
    for (const std::string& id : ids)
      values.push_back(
          "{\"event_id\":\"" + id + "\",\"user_id\":\"u" + std::to_string(source) +
          "\",\"product_id\":\"p1\",\"event_type\":\"view\",\"price\":1,\"timestamp\":\"2025-11-29T09:59:00Z\"}" +
          std::string(kRecordPadding, ' '));
    std::vector<RecordView> records;
    int64_t& next = next_[source];
    if (next == 0) next = sources_[source].end;
    for (const std::string& v : values)
      records.push_back(
          {Offset(next++), kNow, std::nullopt, std::string_view(v).substr(0, v.size() - kRecordPadding), {}});
    next += skipped;
    batch_.add(decoder_, source, {PartitionId(0), records, Offset(next), skipped}, RejectReason::malformed_json,
               &dedupe_, views_);
  }
  // (source, id) of the kept rows, in order.
  std::string kept() const {
    std::string out;
    for (const uint32_t row : batch_.kept())
      out += std::to_string(batch_.events().source[row]) + ":" + std::string(batch_.events().event_id.at(row)) + " ";
    return out;
  }
  const SourceAccount& account(size_t source) { return batch_.accounts()[source]; }

  std::vector<SourceAccount> sources_;
  int64_t next_[2] = {};
  Decoder decoder_{DecodeRules{}};
  DedupeIndex dedupe_{kMicrosPerDay};
  static std::vector<StreamView> interest() {
    Config config;
    config.gold.views.resize(1);
    return stream_views(config);
  }
  std::vector<StreamView> views_ = interest();
  WindowView& interest_ = static_cast<WindowView&>(*views_.front().view);
  OpenBatch batch_;
};

TEST_F(OpenBatchTest, AccountsForEveryRecord) {
  start();
  add(0, {"a", "b", "a", ""});
  add(1, {"c"}, 2);
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(kept(), "0:a 0:b 1:c ");
  EXPECT_EQ(account(0).start, 0);
  EXPECT_EQ(account(0).end, 4);
  EXPECT_EQ(account(0).silver, 2);
  EXPECT_EQ(account(0).duplicates, 1);
  EXPECT_EQ(account(0).quarantined.at("missing_event_id"), 1);
  EXPECT_EQ(account(1).start, 10);
  EXPECT_EQ(account(1).end, 13);
  EXPECT_EQ(account(1).consumed, 1);
  EXPECT_EQ(account(1).skipped.at("control"), 2);
}

TEST_F(OpenBatchTest, RowsAreInTheOrderOfSourcesHoweverTheyArrive) {
  start();
  add(1, {"x", ""});
  add(0, {"a", ""});
  add(1, {"y"});
  add(0, {"b"});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(kept(), "0:a 0:b 1:x 1:y ");
  ASSERT_EQ(batch_.rejects().size(), 2u);
  EXPECT_EQ(batch_.rejects()[0].source, 0);
}

TEST_F(OpenBatchTest, TheFirstInOrderWinsThoughAnotherCameFirst) {
  start();
  add(1, {"a", "b"});
  EXPECT_EQ(kept(), "1:a 1:b ") << "provisionally";
  add(0, {"a"});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(kept(), "0:a 1:b ");
  EXPECT_EQ(account(1).duplicates, 1);
  EXPECT_EQ(account(1).conflicting, 1) << "users differ";
  const auto rows = interest_rows(interest_.provisional(interest_.newest_open_window(), 1));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].views, 2) << "the overlay has each event once";
}

TEST_F(OpenBatchTest, LateRowsAreCountedOnceAfterASecondJudgement) {
  const int64_t watermark = *parse_iso_time("2025-11-29T10:00:00Z");
  (void)interest_.commit(watermark);
  start(watermark);
  add(1, {"a"});
  add(0, {"a"});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(account(0).late.at(kProductInterest), 1);
  EXPECT_TRUE(account(1).late.empty());
}

TEST_F(OpenBatchTest, WhatOnlyTheCallerKnowsCountsAsACopy) {
  start();
  add(0, {"a", "b", "a"});
  batch_.also_seen({Seen::same, Seen::no, Seen::same});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(kept(), "0:b ");
  EXPECT_EQ(account(0).duplicates, 2);
}

TEST_F(OpenBatchTest, AHistoryIsJudgedByItsCaller) {
  start();
  std::vector<std::string> values{"{\"event_id\":\"h\",\"user_id\":\"u\",\"event_type\":\"search\",\"timestamp\":1}" +
                                  std::string(kRecordPadding, ' ')};
  const RecordView record{
      Offset(0), kNow, std::nullopt, std::string_view(values[0]).substr(0, values[0].size() - kRecordPadding), {}};
  batch_.add(decoder_, 0, {PartitionId(0), {&record, 1}, Offset(1)}, RejectReason::malformed_row, nullptr, {});
  batch_.set_fates({Seen::conflicting});
  batch_.settle(dedupe_, {});
  EXPECT_EQ(kept(), "");
  EXPECT_EQ(account(0).conflicting, 1);
}

TEST_F(OpenBatchTest, StartsAnewAfterClear) {
  start();
  add(0, {"a", ""});
  batch_.settle(dedupe_, views_);
  batch_.clear();
  EXPECT_FALSE(batch_.is_open());
  sources_ = batch_.accounts();
  interest_.drop_overlay();
  start();
  EXPECT_EQ(account(0).start, 2);
  add(0, {"a"});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(kept(), "0:a ") << "the index was not told, so the id is new";
  EXPECT_TRUE(account(0).quarantined.empty());
}

TEST_F(OpenBatchTest, TooLateIsJudgedByTheBoundThatWasSet) {
  start();
  batch_.set_too_late_before(*parse_iso_time("2025-11-29T09:59:00.000001Z"));
  add(0, {"a"});
  batch_.settle(dedupe_, views_);
  EXPECT_EQ(account(0).quarantined.at("too_late"), 1);
}

}  // namespace
}  // namespace pactolus
