#include "simulate/bad_records.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/json.h"
#include "base/time_text.h"
#include "simulate/shop.h"

namespace pactolus {
namespace {

// The closed list of contracts.md, "Quarantine".
const std::set<std::string_view> kContract = {
    "malformed_json",     "malformed_row",      "not_an_object",     "too_large",          "too_deep",
    "invalid_utf8",       "empty_value",        "missing_event_id",  "missing_user_id",    "missing_product_id",
    "missing_event_type", "unknown_event_type", "missing_timestamp", "invalid_timestamp",  "future_timestamp",
    "too_late",           "missing_price",      "invalid_price",     "non_positive_price", "invalid_quantity",
    "invalid_currency",   "wrong_type",         "field_too_long"};

const std::string kGood =
    R"({"event_id":"evt_1","user_id":"user_1","product_id":"prod_0001","event_type":"purchase",)"
    R"("timestamp":"2025-11-29T10:15:30.000000Z","page_url":"/product/prod_0001","price":12.50,"quantity":1,)"
    R"("currency":"USD","order_id":"ord_1"})";

std::string broken(const BadKind& kind) {
  std::string record = kGood;
  break_record(kind, *parse_iso_time("2025-11-29T10:15:30Z"), record);
  return record;
}

TEST(BadRecords, NameReasonsOfTheContractAndCoverAllThatARecordAloneCanMeet) {
  std::set<std::string_view> met;
  for (const BadKind& kind : bad_kinds()) {
    EXPECT_TRUE(kContract.contains(kind.reason)) << kind.reason;
    met.insert(kind.reason);
  }
  std::set<std::string_view> expected = kContract;
  for (const char* elsewhere : {"malformed_row", "too_large", "too_late"}) expected.erase(elsewhere);
  EXPECT_EQ(met, expected);
}

TEST(BadRecords, AreBrokenTheWayTheySay) {
  const std::set<std::string_view> no_json = {"malformed_json", "invalid_utf8", "empty_value", "too_deep"};
  for (const BadKind& kind : bad_kinds()) {
    const std::string record = broken(kind);
    EXPECT_NE(record, kGood) << kind.name;
    EXPECT_EQ(record.find('\n'), std::string::npos) << kind.name;
    const auto json = Json::parse(record);
    EXPECT_EQ(!json.has_value(), no_json.contains(kind.reason)) << kind.name << ": " << record;
    if (!json) continue;
    EXPECT_EQ(!json->is_object(), kind.reason == "not_an_object") << kind.name;
    const std::string reason(kind.reason);
    if (reason.starts_with("missing_")) {
      EXPECT_EQ(json->find(reason.substr(8)), nullptr) << record;
    }
    if (json->is_object() && kind.how == BadKind::How::replace) {
      EXPECT_EQ(json->size(), 10u) << kind.name << ": one field is changed and none is lost";
      EXPECT_NE((*json)[kind.field].dump(), (*Json::parse(kGood))[kind.field].dump()) << kind.name;
    }
    if (reason == "invalid_timestamp") {
      EXPECT_FALSE(parse_iso_time((*json)["timestamp"].as_string())) << kind.name;
    }
  }
}

TEST(BadRecords, OutOfTheShopEveryKindComesAndOnlyOneFieldIsWrong) {
  ShopOptions o{.schedule = {.rate = 1000, .count = 20'000}};
  o.bad_ratio = 0.5;
  auto source = make_shop(o);
  GeneratedEvent e;
  std::set<std::string> seen;
  while (source->next(e)) {
    if (e.fate.reject.empty()) continue;
    seen.emplace(e.fate.reject);
    EXPECT_EQ(e.key.empty(), e.fate.reject == "missing_user_id");
  }
  EXPECT_EQ(seen.size(), 20u);
}

TEST(BadRecords, NoEmptyOnesWhereALineIsARecord) {
  ShopOptions o{.schedule = {.rate = 1000, .count = 20'000}};
  o.bad_ratio = 0.5;
  o.empty_records = false;
  auto source = make_shop(o);
  GeneratedEvent e;
  while (source->next(e)) ASSERT_FALSE(e.value.empty());
}

}  // namespace
}  // namespace pactolus
