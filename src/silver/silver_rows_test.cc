#include "silver/silver_rows.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "event/decoder.h"

namespace pactolus {
namespace {

class SilverRowsTest : public ::testing::Test {
 protected:
  void add(const std::string& id, const std::string& type, const std::string& time, const std::string& rest) {
    const std::string json = R"({"event_id":")" + id + R"(","user_id":"u","product_id":"p)" + id +
                             R"(","event_type":")" + type + R"(","timestamp":")" + time + "\"" + rest + "}";
    const std::string padded = json + std::string(kRecordPadding, ' ');
    RecordView r{Offset(offset_++), kNoTime, std::nullopt, std::string_view(padded).substr(0, json.size()), {}};
    decoder_.decode({&r, 1}, uint16_t(offset_ % 2), {*parse_iso_time("2025-12-01"), kNoTime}, batch_, rejects_);
    ASSERT_TRUE(rejects_.empty()) << rejects_[0].detail;
  }
  Decoder decoder_{DecodeRules{}};
  EventBatch batch_;
  std::vector<Reject> rejects_;
  int64_t offset_ = 0;
};

TEST_F(SilverRowsTest, SplitsByDateAndTypeAndDerives) {
  add("1", "view", "2025-11-29T23:59:59.9Z", R"(,"price":500,"x":1)");
  add("2", "view", "2025-11-30T00:00:00Z", R"(,"price":500.0001)");
  add("3", "purchase", "2025-11-29T05:00:00Z", R"(,"price":1,"quantity":4,"currency":"EUR","order_id":"o1")");
  add("4", "view", "2025-11-29T07:00:00Z", R"(,"price":2)");
  add("5", "search", "1969-12-31T23:30:00Z", "");
  const std::vector<uint32_t> rows{0, 1, 2, 3, 4};
  const auto parts = split_by_partition(batch_, rows);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(date_text(parts[0].event_date), "1969-12-31");
  EXPECT_EQ(parts[1].rows, (std::vector<uint32_t>{0, 3}));
  EXPECT_EQ(parts[2].event_type, uint8_t(EventKind::purchase));
  EXPECT_EQ(date_text(parts[3].event_date), "2025-11-30");

  const std::vector<SourceName> sources{{"t", 0}, {"t", 1}};
  const ColumnBatch columns = silver_columns(batch_, rows, {sources, 9, 77, 500 * kMoneyOne});
  const ColumnView v = ColumnView::of(columns);
  EXPECT_EQ(v.children(), 24);
  EXPECT_FALSE(v.child("is_high_value").bool_at(0));
  EXPECT_TRUE(v.child("is_high_value").bool_at(1));
  EXPECT_EQ(v.child("product_id").text_at(3), "p4");
  EXPECT_EQ(v.child("event_hour").int_at(0), 23);
  EXPECT_EQ(v.child("event_hour").int_at(4), 23);
  EXPECT_TRUE(v.child("price").is_null(4));
  EXPECT_EQ(v.child("quantity").int_at(2), 4);
  EXPECT_EQ(v.child("currency").text_at(2), "EUR");
  EXPECT_TRUE(v.child("currency").is_null(0));
  EXPECT_EQ(v.child("extra").text_at(0), R"({"x":1})");
  EXPECT_TRUE(v.child("extra").is_null(1));
  EXPECT_TRUE(v.child("kafka_timestamp").is_null(0));
  EXPECT_EQ(v.child("partition").int_at(0), 1);
  EXPECT_EQ(v.child("topic").text_at(4), "t");
  EXPECT_EQ(v.child("batch_id").int_at(4), 9);
  EXPECT_EQ(v.child("processing_timestamp").int_at(4), 77);
}

}  // namespace
}  // namespace pactolus
