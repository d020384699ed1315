#include "sinks/postgres/copy_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/decimal.h"

namespace pactolus {
namespace {

using T = delta::FieldType;

std::string text(std::string_view value) {
  std::string out;
  append_copy_text(value, out);
  return out;
}

TEST(CopyText, EscapesWhatWouldEndAField) {
  EXPECT_EQ(text("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  EXPECT_EQ(text("\\N"), "\\\\N");  // not null
  EXPECT_EQ(text("naïve ☂"), "naïve ☂");
}

TEST(CopyText, KeepsTextsWithANulApart) {
  using namespace std::string_literals;
  const std::vector<std::string> texts = {"a\0"s, "a␀"s, "a␀0"s, "a␀\0"s, "a\0␀"s, "a␀␀"s, "a\0\0"s, "a0"s};
  std::set<std::string> escaped;
  for (const std::string& t : texts) {
    EXPECT_EQ(text(t).find('\0'), std::string::npos);
    escaped.insert(text(t));
  }
  EXPECT_EQ(escaped.size(), texts.size());
}

TEST(CopyText, OfTimesBeforeTheYearOne) {
  EXPECT_EQ(pg_time("2026-03-10T14:50:00Z"), "2026-03-10T14:50:00Z");
  EXPECT_EQ(pg_time("0000-12-31"), "0001-12-31 BC");
}

TEST(CopyText, OfEveryType) {
  FixedColumn<WideMoney> money;
  for (const WideMoney m : {WideMoney(-5), WideMoney(12'345'600), WideMoney(0)}) money.append(m);
  money.append_null();
  FixedColumn<double> rate;
  for (const double d : {0.1, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()})
    rate.append(d);
  rate.append_null();
  MapColumn<FixedColumn<WideMoney>> other;
  other.append_entry("EUR", WideMoney(15'000));
  other.append_entry("G\"P", WideMoney(1));
  for (int i = 0; i < 3; ++i) other.end_row();
  other.append_null();
  TextColumn bytes;
  bytes.append(std::string_view("\0\xff", 2));
  for (int i = 0; i < 3; ++i) bytes.append_null();
  std::vector<ColumnData> columns;
  columns.push_back(money.finish("money", kFormatWideMoney));
  columns.push_back(rate.finish("rate", kFormatDouble));
  columns.push_back(other.finish("other", kFormatWideMoney));
  columns.push_back(bytes.finish("bytes", kFormatBinary));
  const ColumnBatch batch(4, std::move(columns));
  const ColumnView all = ColumnView::of(batch);
  const auto row = [&](int64_t r) {
    std::string out;
    for (const auto& [name, type] : std::vector<std::pair<const char*, T>>{{"money", T::decimal(38, 4)},
                                                                           {"rate", T::double_float()},
                                                                           {"other", T::map_of(T::decimal(38, 4))},
                                                                           {"bytes", T::binary()}}) {
      out += out.empty() ? "" : " ";
      EXPECT_TRUE(append_copy_value({all.child(name), type}, r, out));
    }
    return out;
  };
  EXPECT_EQ(row(0), R"(-0.0005 0.1 {"EUR":1.5000,"G\\"P":0.0001} \\x00ff)");
  EXPECT_EQ(row(1), R"(1234.5600 NaN {} \N)");
  EXPECT_EQ(row(2), R"(0.0000 -Infinity {} \N)");
  EXPECT_EQ(row(3), R"(\N \N \N \N)");
}

// The key of a row stands in databases: it may not change from release to release.
TEST(RowKey, IsTheSameForEver) {
  TextColumn first, second;
  for (const char* t : {"a", "ab", "", "a"}) first.append(t);
  for (const char* t : {"bc", "c", "", "bc"}) second.append(t);
  first.append_null(), second.append("");
  FixedColumn<int64_t> start;
  for (int64_t i = 0; i < 5; ++i) start.append(1'700'000'000'000'000 + i / 3);
  std::vector<ColumnData> columns;
  columns.push_back(first.finish("first"));
  columns.push_back(second.finish("second"));
  columns.push_back(start.finish("window_start", kFormatTimestamp));
  const ColumnBatch batch(5, std::move(columns));
  const ColumnView all = ColumnView::of(batch);
  const std::vector<std::optional<TypedColumn>> keys = {TypedColumn{all.child("first"), T::string()},
                                                        TypedColumn{all.child("second"), T::string()},
                                                        TypedColumn{all.child("window_start"), T::timestamp()}};
  auto missing = keys;
  missing[0].reset();
  EXPECT_EQ(row_key(missing, 4), row_key(keys, 4));  // there it is null
  EXPECT_NE(row_key(missing, 0), row_key(keys, 0));
  std::set<std::string> different;
  for (int64_t r = 0; r < 5; ++r) different.insert(row_key(keys, r));
  EXPECT_EQ(different.size(), 5u);
  EXPECT_EQ(row_key(keys, 0), "217038b59116f06146412c98043cc023");
}

}  // namespace
}  // namespace pactolus
