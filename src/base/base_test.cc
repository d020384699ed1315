#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/clock.h"
#include "base/columns.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

std::string money(std::string_view text) {
  Money m = -1;
  switch (parse_money(text, m)) {
    case DecimalError::none: return money_text(m);
    case DecimalError::not_a_number: return "not a number";
    case DecimalError::too_many_decimals: return "too many decimals";
    case DecimalError::too_large: return "too large";
  }
  return "?";
}

TEST(Money, IsExact) {
  EXPECT_EQ(money("299.99"), "299.9900");
  EXPECT_EQ(money("0.1"), "0.1000");
  EXPECT_EQ(money("-0.0001"), "-0.0001");
  EXPECT_EQ(money("0"), "0.0000");
  EXPECT_EQ(money("100"), "100.0000");
  EXPECT_EQ(money("1050.50"), "1050.5000");
  EXPECT_EQ(money("99999999999999.9999"), "99999999999999.9999");
  EXPECT_EQ(money("1e2"), "100.0000");
  EXPECT_EQ(money("12.5E-1"), "1.2500");
  EXPECT_EQ(money("0.00010000000000000000000000"), "0.0001");
  EXPECT_EQ(money("123e-4"), "0.0123");
}

TEST(Money, RefusesWhatItCannotHold) {
  EXPECT_EQ(money("0.00001"), "too many decimals");
  EXPECT_EQ(money("1.23456"), "too many decimals");
  EXPECT_EQ(money("100000000000000"), "too large");
  EXPECT_EQ(money("1e20"), "too large");
  EXPECT_EQ(money("1e999999999999"), "too large");
  EXPECT_EQ(money("1e-999999999999"), "too many decimals");
  for (const char* bad : {"", "-", ".", ".5", "5.", "1e", "1e+", "+1", "NaN", "1 ", "1,5", "0x10", "--1"})
    EXPECT_EQ(money(bad), "not a number") << bad;
}

std::string time(std::string_view text) {
  const auto t = parse_iso_time(text);
  return t ? iso_time(*t) : "none";
}

TEST(IsoTime, ReadsEveryForm) {
  EXPECT_EQ(time("2025-11-29T10:15:30.123456Z"), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(time("2025-11-29T10:15:30.123456789Z"), "2025-11-29T10:15:30.123456Z");
  EXPECT_EQ(time("2025-11-29T10:15:30.5+02:00"), "2025-11-29T08:15:30.500000Z");
  EXPECT_EQ(time("2025-11-29 10:15:30-0530"), "2025-11-29T15:45:30.000000Z");
  EXPECT_EQ(time("2025-11-29T10:15+01"), "2025-11-29T09:15:00.000000Z");
  EXPECT_EQ(time("2019-10-01 00:00:00 UTC"), "2019-10-01T00:00:00.000000Z");
  EXPECT_EQ(time("2025-11-29"), "2025-11-29T00:00:00.000000Z");
  EXPECT_EQ(time("2024-02-29T00:00:00"), "2024-02-29T00:00:00.000000Z");
  EXPECT_EQ(time("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
}

TEST(IsoTime, RefusesWhatIsNoTime) {
  for (const char* bad :
       {"", "2025-13-01", "2025-02-29", "2025-11-29T24:00:00Z", "2025-11-29T10:60Z", "2025-11-29T10:15:60Z",
        "2025-11-29T10:15:30.Z", "2025-11-29T10:15:30X", "2025-11-29T10:15:30+", "2025-11-29T10", "0000-01-01",
        "2025-11-29T10:15:30+25:00", "2025-11-29T10:15:30+01:0", "20251129", "2025-11-29T10:15:30Z "})
    EXPECT_EQ(time(bad), "none") << bad;
}

TEST(Durations, NeedAUnit) {
  EXPECT_EQ(parse_duration("5m"), 5 * kMicrosPerMinute);
  EXPECT_EQ(parse_duration("250ms"), 250'000);
  EXPECT_EQ(parse_duration("1.5h"), 90 * kMicrosPerMinute);
  EXPECT_EQ(parse_duration("5"), std::nullopt);
  EXPECT_EQ(parse_duration("-5s"), std::nullopt);
  EXPECT_EQ(parse_size("64MiB"), 64 << 20);
  EXPECT_EQ(parse_size("64 MiB"), std::nullopt);
}

TEST(FloorTo, WorksBeforeTheEpoch) {
  EXPECT_EQ(floor_to(7, 5), 5);
  EXPECT_EQ(floor_to(-1, 5), -5);
  EXPECT_EQ(floor_to(-5, 5), -5);
  EXPECT_EQ(floor_div(-1, kMicrosPerDay), -1);
}

// Expected values of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
TEST(Murmur2, EqualsJavas) {
  EXPECT_EQ(int32_t(murmur2("21")), -973932308);
  EXPECT_EQ(int32_t(murmur2("foobar")), -790332482);
  EXPECT_EQ(int32_t(murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(int32_t(murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(int32_t(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
  EXPECT_EQ(int32_t(murmur2("abc")), 479470107);
}

TEST(JsonDocument, RoundTrips) {
  const std::string text = R"({"a":[1,-2,3.5,true,null],"b":{"c":"x\"\\\n\u0001é"},"n":9223372036854775807})";
  auto json = Json::parse(text);
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->dump(), text);
  EXPECT_EQ((*json)["b"]["c"].as_string(), "x\"\\\n\x01é");
  EXPECT_EQ((*json)["missing"]["too"].as_int(7), 7);
  EXPECT_FALSE(Json::parse("{\"a\":1} x"));
  EXPECT_FALSE(Json::parse(""));
  EXPECT_FALSE(Json::parse(std::string(100, '[') + std::string(100, ']')));
}

TEST(Columns, TextsAreReadInTheViewLayoutToo) {
  // Arrow, "Variable-size Binary View Layout": size; then up to 12 bytes, or a prefix, a buffer and a place in it.
  std::array<int32_t, 8> views{};
  views[0] = 12;
  std::memcpy(&views[1], "inside12byte", 12);
  views[4] = 13, views[6] = 1, views[7] = 2;
  const std::string first = "unused", second = "..outside thirteen";
  const int64_t sizes[] = {int64_t(first.size()), int64_t(second.size())};
  const void* buffers[] = {nullptr, views.data(), first.data(), second.data(), sizes};
  ArrowSchema schema{};
  schema.format = "vz";
  ArrowArray array{};
  array.length = 2, array.n_buffers = 5, array.buffers = buffers;
  const ColumnView view(schema, array);
  EXPECT_EQ(view.text_at(0), "inside12byte");
  EXPECT_EQ(view.text_at(1), "outside thirt");
}

TEST(Columns, ComeBackAsTheyWent) {
  FixedColumn<int64_t> n;
  TextColumn t;
  BoolColumn b;
  MapColumn<FixedColumn<int64_t>> m;
  for (int i = 0; i < 20; ++i) {
    i % 3 == 1 ? n.append_null() : n.append(i);
    i % 5 == 2 ? t.append_null() : t.append("row " + std::to_string(i));
    b.append(i % 2);
    m.append_entry("k", i);
    if (i % 2) m.append_entry("l", -i);
    m.end_row();
  }
  TextColumn words;
  words.append("no"), words.append("yes");
  ColumnBatch batch(20, [&] {
    std::vector<ColumnData> c;
    c.push_back(n.finish("n", kFormatInt64));
    c.push_back(t.finish("t"));
    c.push_back(b.finish("b"));
    c.push_back(m.finish("m", kFormatInt64));
    std::vector<int32_t> codes(20, 1);
    codes[4] = -1, codes[5] = 0;
    c.push_back(dictionary_column("d", std::move(codes), words.finish("")));
    return c;
  }());
  const ColumnView view = ColumnView::of(batch);
  EXPECT_TRUE(view.child("n").is_null(1));
  EXPECT_EQ(view.child("n").int_at(18), 18);
  EXPECT_TRUE(view.child("t").is_null(17));
  EXPECT_EQ(view.child("t").text_at(19), "row 19");
  EXPECT_FALSE(view.child("b").bool_at(8));
  EXPECT_TRUE(view.child("b").bool_at(9));
  EXPECT_EQ(view.child("m").range_at(1), std::make_pair(int64_t(1), int64_t(3)));
  EXPECT_EQ(view.child("m").entries().child("value").int_at(2), -1);
  EXPECT_TRUE(view.child("d").is_null(4));
  EXPECT_EQ(view.child("d").text_at(5), "no");
  EXPECT_FALSE(view.has_child("x"));
}

TEST(Uuids, SayTheirVersion) {
  Random a(1), b(1);
  const std::string u = a.uuid();
  EXPECT_EQ(u, b.uuid());
  EXPECT_EQ(u.size(), 36u);
  EXPECT_EQ(u[14], '4');
  EXPECT_EQ(a.uuid_v7(1'700'000'000'000'000).substr(0, 15), "018bcfe5-6800-7");
}

}  // namespace
}  // namespace pactolus
