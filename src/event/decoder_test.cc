#include "event/decoder.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "event/json_syntax.h"

namespace pactolus {
namespace {

const std::string kClassic =
    R"({"event_id":"evt_00000001","user_id":"user_0042","product_id":"prod_0042","event_type":"view",)"
    R"("timestamp":"2025-11-29T10:15:30.123456Z","session_id":"session_1234","product_category":"Electronics",)"
    R"("device_type":"mobile","page_url":"/product/prod_0042","price":299.99})";
const int64_t kNow = *parse_iso_time("2025-11-29T10:16:00Z");

class DecoderTest : public ::testing::Test {
 protected:
  // Decodes one record and answers "ok" or "reason field".
  std::string decode(std::string json, std::optional<std::string> key = "user_0042") {
    batch_.clear();
    rejects_.clear();
    value_ = std::move(json);
    const std::string padded = value_ + std::string(kRecordPadding, behind_);  // what lies behind must not matter
    RecordView r{Offset(7), kNow, std::nullopt, std::string_view(padded).substr(0, value_.size()), {}};
    if (key) r.key = *key;
    decoder_.decode({&r, 1}, 3, times_, batch_, rejects_);
    EXPECT_EQ(batch_.rows() + rejects_.size(), 1u);
    if (rejects_.empty()) return "ok";
    EXPECT_EQ(rejects_[0].value, value_) << "a reject keeps its exact bytes";
    return std::string(name_of(rejects_[0].reason)) + (rejects_[0].field.empty() ? "" : " " + rejects_[0].field);
  }
  // The classic event with one field's JSON text replaced, or left out when the text is empty.
  std::string with(const std::string& field, const std::string& text) {
    std::string out = "{";
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"event_id", R"("e1")"},
                                      {"user_id", R"("u1")"},
                                      {"product_id", R"("p1")"},
                                      {"event_type", R"("view")"},
                                      {"timestamp", R"("2025-11-29T10:15:30.123456Z")"},
                                      {"price", "10.5"}}) {
      const std::string& v = name == field ? text : value;
      if (!v.empty()) out += (out.size() > 1 ? "," : "") + ("\"" + name + "\":" + v);
    }
    if (out.find("\"" + field + "\":") == out.npos && !text.empty()) out += ",\"" + field + "\":" + text;
    return out + "}";
  }
  std::string time_of(const std::string& timestamp) {
    const std::string fate = decode(with("timestamp", timestamp));
    return fate == "ok" ? iso_time(batch_.event_time[0]) : fate;
  }

  Decoder decoder_{DecodeRules{.extra_types = {{"wishlist", EventKind::view}, {"scroll"}}}};
  BatchTimes times_{kNow, kNoTime};
  EventBatch batch_;
  std::vector<Reject> rejects_;
  std::string value_;
  char behind_ = 'x';
};

TEST_F(DecoderTest, ReadsTheClassicEvent) {
  ASSERT_EQ(decode(kClassic), "ok");
  EXPECT_EQ(batch_.event_id.at(0), "evt_00000001");
  EXPECT_EQ(batch_.users.value(batch_.user_id.codes[0]), "user_0042");
  EXPECT_EQ(batch_.user_id.codes[0], batch_.kafka_key.codes[0]);
  EXPECT_EQ(batch_.products.value(batch_.product_id.codes[0]), "prod_0042");
  EXPECT_EQ(batch_.event_type[0], uint8_t(EventKind::view));
  EXPECT_EQ(iso_time(batch_.event_time[0]), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(batch_.sessions.value(batch_.session_id.codes[0]), "session_1234");
  EXPECT_EQ(batch_.categories.value(batch_.product_category.codes[0]), "Electronics");
  EXPECT_EQ(batch_.devices.value(batch_.device_type.codes[0]), "mobile");
  EXPECT_EQ(batch_.pages.value(batch_.page_url.codes[0]), "/product/prod_0042");
  EXPECT_EQ(batch_.price[0], 2'999'900);
  EXPECT_EQ(batch_.quantity[0], 1);
  EXPECT_EQ(batch_.currency.codes[0], -1);
  EXPECT_EQ(batch_.extra.at(0), "");
  EXPECT_EQ(batch_.source[0], 3);
  EXPECT_EQ(batch_.offset[0], 7);
}

TEST_F(DecoderTest, GivesTheReasonForBrokenRecords) {
  EXPECT_EQ(decode(""), "empty_value");
  EXPECT_EQ(decode(" \n"), "empty_value");
  EXPECT_EQ(decode("hello"), "malformed_json");
  EXPECT_EQ(decode("{\"event_id\":"), "malformed_json");
  EXPECT_EQ(decode(kClassic.substr(0, kClassic.size() - 1)), "malformed_json");
  EXPECT_EQ(decode(kClassic + "x"), "malformed_json");
  EXPECT_EQ(decode(kClassic + kClassic), "malformed_json");
  EXPECT_EQ(decode(kClassic + "}"), "malformed_json");
  EXPECT_EQ(decode("{'event_id':1}"), "malformed_json");
  EXPECT_EQ(decode(R"({"event_id":"a":"b","user_id":"u"})"), "malformed_json");
  EXPECT_EQ(decode(R"({"event_id":"a":[1],"user_id":"u"})"), "malformed_json");
  EXPECT_EQ(decode(with("x", R"("b":[1])")), "malformed_json");
  EXPECT_EQ(decode(with("x", "1:2")), "malformed_json");
  EXPECT_EQ(decode(with("note", R"("a":[1,-"b")")), "malformed_json");
  EXPECT_EQ(decode(with("session_id", R"("a":{"b":1})")), "malformed_json");
  EXPECT_EQ(decode("[" + kClassic + "]"), "not_an_object");
  EXPECT_EQ(decode("[1,]"), "malformed_json");
  EXPECT_EQ(decode("12"), "not_an_object");
  EXPECT_EQ(decode("null"), "not_an_object");
  EXPECT_EQ(decode("\"text\""), "not_an_object");
  EXPECT_EQ(decode("{\"event_id\":\"a\xff\"}"), "invalid_utf8");
  EXPECT_EQ(decode(with("extra", std::string(70, '[') + std::string(70, ']'))), "too_deep");
  EXPECT_EQ(decode(with("extra", std::string(20, '[') + std::string(20, ']'))), "ok");
  EXPECT_EQ(decode(with("note", "\"" + std::string(1 << 20, 'x') + "\"")), "too_large");
  EXPECT_EQ(decode(with("note", "\"" + std::string(1'000'000, 'x') + "\"")), "ok");
  EXPECT_EQ(batch_.extra.at(0).size(), 1'000'000u + 11);
}

TEST_F(DecoderTest, EveryPrefixOfAnEventIsRefused) {
  for (const char behind : {'x', ',', '}', '"', '{', ' '}) {
    behind_ = behind;
    for (size_t n = 0; n < kClassic.size(); ++n)
      EXPECT_NE(decode(kClassic.substr(0, n)), "ok") << n << " before " << behind;
  }
}

TEST_F(DecoderTest, GivesTheReasonForFields) {
  EXPECT_EQ(decode(with("event_id", "")), "missing_event_id event_id");
  EXPECT_EQ(decode(with("event_id", "null")), "missing_event_id event_id");
  EXPECT_EQ(decode(with("event_id", "\"\"")), "missing_event_id event_id");
  EXPECT_EQ(decode(with("event_id", "\"" + std::string(128, 'i') + "\"")), "ok");
  EXPECT_EQ(decode(with("event_id", "\"" + std::string(129, 'i') + "\"")), "field_too_long event_id");
  EXPECT_EQ(decode(with("user_id", "")), "missing_user_id user_id");
  EXPECT_EQ(decode(with("user_id", "541312140")), "wrong_type user_id");
  EXPECT_EQ(decode(with("product_id", "")), "missing_product_id product_id");
  EXPECT_EQ(decode(with("product_id", "{}")), "wrong_type product_id");
  EXPECT_EQ(decode(with("event_type", "")), "missing_event_type event_type");
  EXPECT_EQ(decode(with("event_type", "\"VIEW\"")), "unknown_event_type event_type");
  EXPECT_EQ(decode(with("event_type", "true")), "wrong_type event_type");
  EXPECT_EQ(decode(with("timestamp", "")), "missing_timestamp timestamp");
  EXPECT_EQ(decode(with("timestamp", "\"yesterday\"")), "invalid_timestamp timestamp");
  EXPECT_EQ(decode(with("timestamp", "[1]")), "wrong_type timestamp");
  EXPECT_EQ(decode(with("price", "")), "missing_price price");
  EXPECT_EQ(decode(with("price", "0")), "non_positive_price price");
  EXPECT_EQ(decode(with("price", "-1")), "non_positive_price price");
  EXPECT_EQ(decode(with("price", "1.00001")), "invalid_price price");
  EXPECT_EQ(decode(with("price", "123456789012345")), "invalid_price price");
  EXPECT_EQ(decode(with("price", "\"12,50\"")), "invalid_price price");
  EXPECT_EQ(decode(with("price", "true")), "wrong_type price");
  EXPECT_EQ(decode(with("price", "\"12.50\"")), "ok");
  EXPECT_EQ(batch_.price[0], 125'000);
  EXPECT_EQ(decode(with("price", "012")), "malformed_json");
  EXPECT_EQ(decode(with("price", "1.")), "malformed_json");
  EXPECT_EQ(decode(with("quantity", "3")), "ok");
  EXPECT_EQ(batch_.quantity[0], 3);
  EXPECT_EQ(decode(with("quantity", "2.0")), "ok");
  EXPECT_EQ(decode(with("quantity", "0")), "invalid_quantity quantity");
  EXPECT_EQ(decode(with("quantity", "1.5")), "invalid_quantity quantity");
  EXPECT_EQ(decode(with("quantity", "3000000000")), "invalid_quantity quantity");
  EXPECT_EQ(decode(with("quantity", "\"3\"")), "wrong_type quantity");
  EXPECT_EQ(decode(with("currency", "\"EUR\"")), "ok");
  EXPECT_EQ(decode(with("currency", "\"eur\"")), "invalid_currency currency");
  EXPECT_EQ(decode(with("currency", "\"EURO\"")), "invalid_currency currency");
  EXPECT_EQ(decode(with("session_id", "5")), "wrong_type session_id");
  EXPECT_EQ(decode(with("session_id", "null")), "ok");
  EXPECT_EQ(decode(with("page_url", "\"" + std::string(9000, 'u') + "\"")), "field_too_long page_url");
}

TEST_F(DecoderTest, EventsWithoutAProductNeedNoPrice) {
  const std::string search = R"({"event_id":"e","user_id":"u","event_type":"search","timestamp":1764411330})";
  EXPECT_EQ(decode(search), "ok");
  EXPECT_EQ(batch_.price[0], kNoMoney);
  EXPECT_EQ(batch_.product_id.codes[0], -1);
  EXPECT_EQ(decode(with("event_type", "\"wishlist\"")), "ok");
  EXPECT_EQ(decoder_.type_name(batch_.event_type[0]), "wishlist");
  EXPECT_EQ(decode(R"({"event_id":"e","user_id":"u","event_type":"wishlist","timestamp":1764411330})"),
            "missing_product_id product_id");
  EXPECT_EQ(decode(R"({"event_id":"e","user_id":"u","event_type":"scroll","timestamp":1764411330})"), "ok");
}

TEST_F(DecoderTest, TheFirstReasonOfTheContractWins) {
  EXPECT_EQ(decode("{}"), "missing_event_id event_id");
  EXPECT_EQ(decode(R"({"event_id":"e","user_id":"u","event_type":"view","price":0})"), "missing_product_id product_id");
  EXPECT_EQ(
      decode(
          R"({"price":0,"currency":"x","timestamp":"bad","event_type":"view","product_id":"p","user_id":"u","event_id":"e"})"),
      "invalid_timestamp timestamp");
}

TEST_F(DecoderTest, ReadsEveryFormOfTime) {
  EXPECT_EQ(time_of("1764411330"), "2025-11-29T10:15:30.000000Z");
  EXPECT_EQ(time_of("1764411330.25"), "2025-11-29T10:15:30.250000Z");
  EXPECT_EQ(time_of("1764411330123"), "2025-11-29T10:15:30.123000Z");
  EXPECT_EQ(time_of("1764411330123456"), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(time_of("1.76441133e9"), "2025-11-29T10:15:30.000000Z");
  EXPECT_EQ(time_of("-1.5"), "1969-12-31T23:59:58.500000Z");
  EXPECT_EQ(time_of("\"2025-11-29T12:15:30.5+02:00\""), "2025-11-29T10:15:30.500000Z");
  EXPECT_EQ(time_of("\"2025-11-29T10:15:30.1234567Z\""), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(time_of("\"2025-11-29T10:15:30.123456Z\""), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(time_of("\"2025-11-29T10:65:30.123456Z\""), "invalid_timestamp timestamp");
  EXPECT_EQ(time_of("\"2025-11-2910:15:30.1234567Z\""), "invalid_timestamp timestamp");
  EXPECT_EQ(time_of("999999999999999999"), "invalid_timestamp timestamp");
  EXPECT_EQ(time_of("-9223372036854775808"), "invalid_timestamp timestamp");
  EXPECT_EQ(time_of("1e300"), "invalid_timestamp timestamp");
}

TEST_F(DecoderTest, JudgesTimeByTheRecordAndTheBatch) {
  EXPECT_EQ(time_of("\"2025-11-29T10:21:00Z\""), "2025-11-29T10:21:00.000000Z");
  EXPECT_EQ(time_of("\"2025-11-29T10:21:00.000001Z\""), "future_timestamp timestamp");
  times_.batch_time = kNow - 10 * kMicrosPerMinute;  // the earlier of the two clocks counts
  EXPECT_EQ(time_of("\"2025-11-29T10:12:00Z\""), "future_timestamp timestamp");
  times_ = {kNow, kNow - kMicrosPerDay};
  EXPECT_EQ(time_of("\"2025-11-28T10:16:00Z\""), "2025-11-28T10:16:00.000000Z");
  EXPECT_EQ(time_of("\"2025-11-28T10:15:59.999999Z\""), "too_late timestamp");
}

TEST_F(DecoderTest, ReadsEscapesAndKeepsUnknownFields) {
  EXPECT_EQ(decode(with("user_id", R"("a\"b\\\u00e9\ud83d\ude00\n")")), "ok");
  EXPECT_EQ(batch_.users.value(batch_.user_id.codes[0]), "a\"b\\é😀\n");
  EXPECT_EQ(decode(with("user_id", R"("a\u0000b")")), "ok");
  EXPECT_EQ(batch_.users.value(batch_.user_id.codes[0]), std::string_view("a\0b", 3));
  EXPECT_EQ(decode(with("user_id", R"("a\ud800b")")), "invalid_utf8");
  EXPECT_EQ(decode(with("user_id", R"("a\udc00b")")), "invalid_utf8");
  EXPECT_EQ(decode(with("user_id", R"("a\qb")")), "malformed_json");
  EXPECT_EQ(decode(with("user_id", std::string("\"a\0b\"", 5))), "malformed_json");
  EXPECT_EQ(decode(with("user_id", "\"a\nb\"")), "malformed_json");
  EXPECT_EQ(decode("\xEF\xBB\xBF" + kClassic), "ok");
  EXPECT_EQ(
      decode(
          R"({"event_id":"e","\u0075ser_id":"u","event_type":"page_view","timestamp":1, "a b":[1, {"x":null}],"n":12345678901234567890123,"s":"t\u00e9","b":false})"),
      "ok");
  EXPECT_EQ(batch_.extra.at(0), R"({"a b":[1, {"x":null}],"n":12345678901234567890123,"s":"t\u00e9","b":false})");
  EXPECT_EQ(decode(with("x", "nul")), "malformed_json");
  EXPECT_EQ(decode(with("x", "[1 2]")), "malformed_json");
  EXPECT_EQ(decode(with("x", "01")), "malformed_json");
  EXPECT_EQ(decode(with("x", R"("\ud800")")), "invalid_utf8");
  EXPECT_EQ(decode(with("session_id", "tru")), "malformed_json");
}

TEST_F(DecoderTest, TheLastOfTwoEqualKeysCounts) {
  EXPECT_EQ(decode(R"({"event_id":"first","event_id":"last","user_id":"u","event_type":"search","timestamp":1})"),
            "ok");
  EXPECT_EQ(batch_.event_id.at(0), "last");
  EXPECT_EQ(decode(R"({"event_id":"first","event_id":null,"user_id":"u","event_type":"search","timestamp":1})"),
            "missing_event_id event_id");
}

TEST_F(DecoderTest, KeysMayBeNullForeignOrNoText) {
  EXPECT_EQ(decode(kClassic, std::nullopt), "ok");
  EXPECT_EQ(batch_.kafka_key.codes[0], -1);
  EXPECT_EQ(decode(kClassic, "other"), "ok");
  EXPECT_EQ(batch_.users.value(batch_.kafka_key.codes[0]), "other");
  EXPECT_EQ(decode(kClassic, "\xff\x01"), "ok");
  EXPECT_EQ(batch_.users.value(batch_.kafka_key.codes[0]), "0xff01");
}

TEST_F(DecoderTest, OrderAndSpaceOfFieldsDoNotMatter) {
  const std::string spaced =
      "\t{ \"price\" : 10.5 , \"event_id\":\"e\",\n\"user_id\": \"u\" "
      ",\"product_id\":\"p\",\r\"event_type\":\"view\",\"timestamp\":1 } ";
  for (const std::string& json : {spaced, kClassic, spaced, spaced}) {
    EXPECT_EQ(decode(json), "ok");
    EXPECT_EQ(batch_.price[0], json == spaced ? 105'000 : 2'999'900);
    EXPECT_EQ(batch_.event_id.at(0), json == spaced ? "e" : "evt_00000001");
  }
  EXPECT_EQ(decode(with("user_id", "\"Jos\xC3\xA9\"")), "ok");
  EXPECT_EQ(batch_.users.value(batch_.user_id.codes[0]), "Jos\xC3\xA9");
  EXPECT_EQ(decode(with("user_id", "\"Jos\xC3\"")), "invalid_utf8");
  EXPECT_EQ(decode(with("a", "12")), "ok");
  EXPECT_EQ(batch_.extra.at(0), R"({"a":12})");
  for (const char* name : {"user_ie", "user_idx", "User_id", "user_i", ""}) {
    EXPECT_EQ(decode(with(name, "\"v\"")), "ok") << name;
    EXPECT_EQ(batch_.extra.at(0), "{\"" + std::string(name) + "\":\"v\"}");
  }
}

// Rows wait for each other; what comes between them, and what unescaping leaves in a buffer, must not matter.
TEST_F(DecoderTest, ManyRecordsAreManyTimesOne) {
  std::vector<std::string> values;
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    std::string value = with("user_id", i % 7 == 0 ? "\"u\\t" + n + "\"" : "\"u" + std::to_string(i % 50) + "\"");
    if (i % 5 == 0) value.insert(1, "\"n\":" + n + ",");
    if (i % 11 == 0) value.pop_back();
    values.push_back(value + std::string(kRecordPadding, ' '));
  }
  std::vector<RecordView> records;
  for (const std::string& v : values)
    records.push_back(
        {Offset(int64_t(records.size())), kNow, "u1", std::string_view(v).substr(0, v.size() - kRecordPadding), {}});
  decoder_.decode(records, 0, times_, batch_, rejects_);
  EXPECT_EQ(batch_.rows() + rejects_.size(), records.size());
  EventBatch alone;
  size_t row = 0;
  for (const RecordView& record : records) {
    alone.clear();
    std::vector<Reject> rejects;
    decoder_.decode({&record, 1}, 0, times_, alone, rejects);
    if (!rejects.empty()) continue;
    EXPECT_EQ(batch_.offset[row], record.offset.value);
    EXPECT_EQ(batch_.users.value(batch_.user_id.codes[row]), alone.users.value(alone.user_id.codes[0]));
    EXPECT_EQ(batch_.users.value(batch_.kafka_key.codes[row]), "u1");
    EXPECT_EQ(batch_.extra.at(row), alone.extra.at(0));
    EXPECT_EQ(batch_.fingerprint[row], alone.fingerprint[0]);
    ++row;
  }
  EXPECT_EQ(row, batch_.rows());
}

TEST_F(DecoderTest, ATombstoneIsAReject) {
  RecordView r{Offset(1), kNoTime, std::nullopt, std::nullopt, {}};
  decoder_.decode({&r, 1}, 0, times_, batch_, rejects_);
  ASSERT_EQ(rejects_.size(), 1u);
  EXPECT_EQ(rejects_[0].reason, RejectReason::empty_value);
  EXPECT_FALSE(rejects_[0].has_value);
}

TEST(JsonSyntaxCheck, KnowsTheGrammar) {
  for (const char* good : {"1", "-0.5e+7", " [ ] ", "{}", R"({"a":[1,{"b":null}],"c":"\u00e9\ud83d\ude00"})", "true",
                           "\"\"", "123456789012345678901234567890"})
    EXPECT_EQ(check_json(good, 8), JsonSyntax::ok) << good;
  for (const char* bad :
       {"",   "[",   "]",     "[1,]", "[,1]",    "{\"a\"}",     "{\"a\":}", "{a:1}", "{\"a\":1,}", "01",  "1.", ".5",
        "+1", "tru", "truex", "\"a",  "\"\\x\"", "\"\\u12g4\"", "\"\t\"",   "1 2",   "nul",        "--1", "1e", "\"\\"})
    EXPECT_EQ(check_json(bad, 8), JsonSyntax::malformed) << bad;
  EXPECT_EQ(check_json("[[[1]]]", 3), JsonSyntax::ok);
  EXPECT_EQ(check_json("[[[[1]]]]", 3), JsonSyntax::too_deep);
  EXPECT_EQ(check_json(R"("\ud83d")", 3), JsonSyntax::lone_surrogate);
  EXPECT_EQ(check_json(R"("\ude00")", 3), JsonSyntax::lone_surrogate);
}

TEST(TextDictionary, CodesAreDenseAndStable) {
  TextDictionary d;
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(d.code("value " + std::to_string(i)), i);
  EXPECT_EQ(d.size(), 5000);
  EXPECT_EQ(d.value(4321), "value 4321");
  EXPECT_EQ(d.find("none"), -1);
  EXPECT_EQ(d.code(""), 5000);
  d.clear();
  EXPECT_EQ(d.find("value 1"), -1);
  EXPECT_EQ(d.code("x"), 0);
}

}  // namespace
}  // namespace pactolus
