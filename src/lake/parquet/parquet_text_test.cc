#include "lake/parquet/parquet_text.h"

#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/table.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include <cmath>
#include <limits>

namespace pactolus {
namespace {

using Row = std::vector<std::string>;

class ParquetTexts : public testing::Test {
 protected:
  ParquetTexts() : path_("/tmp/pactolus-parquet-text-" + std::to_string(::getpid()) + ".parquet") {}
  ~ParquetTexts() override { fs::remove(path_); }

  void add(const std::string& name, const std::shared_ptr<arrow::Array>& column) {
    fields_.push_back(arrow::field(name, column->type()));
    columns_.push_back(column);
  }
  template <class Builder, class T>
  void add(const std::string& name, const std::vector<std::optional<T>>& values,
           const std::shared_ptr<arrow::DataType>& type) {
    Builder builder(type, arrow::default_memory_pool());
    for (const auto& v : values) EXPECT_TRUE((v ? builder.Append(*v) : builder.AppendNull()).ok());
    add(name, *builder.Finish());
  }
  void write(int64_t group = 1 << 20) {
    const auto table = arrow::Table::Make(arrow::schema(fields_), columns_);
    const auto out = *arrow::io::FileOutputStream::Open(path_);
    ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, group).ok());
    ASSERT_TRUE(out->Close().ok());
  }
  Result<std::vector<Row>> read() {
    const int fd = ::open(path_.c_str(), O_RDONLY);
    auto text = ParquetText::open(fd, path_);
    ::close(fd);
    if (!text) return std::unexpected(text.error());
    std::vector<Row> rows;
    std::vector<std::string_view> row;
    while (TRY((*text)->next(row))) rows.emplace_back(row.begin(), row.end());
    EXPECT_EQ(int64_t(rows.size()), (*text)->rows());
    return rows;
  }
  fs::path path_;
  arrow::FieldVector fields_;
  arrow::ArrayVector columns_;
};

TEST_F(ParquetTexts, ValuesStandAsInACsvFile) {
  add<arrow::StringBuilder, std::string>("text", {"a", "\xff,\n", std::nullopt}, arrow::utf8());
  add<arrow::Int8Builder, int8_t>("small", {-128, 7, std::nullopt}, arrow::int8());
  add<arrow::UInt64Builder, uint64_t>("large", {UINT64_MAX, 0, std::nullopt}, arrow::uint64());
  add<arrow::DoubleBuilder, double>("double", {6.95, 13085.0, std::nan("")}, arrow::float64());
  add<arrow::FloatBuilder, float>("float", {0.1f, -2.5f, std::nullopt}, arrow::float32());
  add<arrow::BooleanBuilder, bool>("bool", {true, false, std::nullopt}, arrow::boolean());
  add<arrow::Date32Builder, int32_t>("date", {14579, -1, INT32_MAX}, arrow::date32());
  add<arrow::TimestampBuilder, int64_t>("ms", {1259653500000, -1, std::nullopt},
                                        arrow::timestamp(arrow::TimeUnit::MILLI));
  add<arrow::TimestampBuilder, int64_t>("ns", {1259653500123456789, -1, INT64_MIN},
                                        arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin"));
  add<arrow::TimestampBuilder, int64_t>("us", {0, INT64_MAX, INT64_MIN}, arrow::timestamp(arrow::TimeUnit::MICRO));
  add<arrow::Decimal128Builder, arrow::Decimal128>(
      "money", {arrow::Decimal128(2999900), arrow::Decimal128(-5), std::nullopt}, arrow::decimal128(18, 4));
  write();
  const auto rows = read();
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(*rows,
            (std::vector<Row>{
                {"a", "-128", "18446744073709551615", "6.95", "0.1", "true", "2009-12-01", "2009-12-01 07:45:00",
                 "2009-12-01 07:45:00.123456", "1970-01-01 00:00:00", "299.9900"},
                {"\xff,\n", "7", "0", "13085.0", "-2.5", "false", "1969-12-31", "1969-12-31 23:59:59.999000",
                 "1969-12-31 23:59:59.999999", "9223372036854775807", "-0.0005"},
                {"", "", "", "", "", "", "2147483647", "", "1677-09-21 00:12:43.145224", "-9223372036854775808", ""}}));
}

TEST_F(ParquetTexts, DictionariesAndManyBatchesAndRowGroups) {
  arrow::StringDictionaryBuilder words;
  for (int i = 0; i < 30'000; ++i)
    EXPECT_TRUE((i % 7 ? words.Append("w" + std::to_string(i % 500)) : words.AppendNull()).ok());
  add("word", *words.Finish());
  arrow::Int64Builder numbers;
  for (int i = 0; i < 30'000; ++i) EXPECT_TRUE(numbers.Append(i).ok());
  add("number", *numbers.Finish());
  write(11'000);
  const auto rows = read();
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 30'000u);
  for (int i = 0; i < 30'000; ++i)
    ASSERT_EQ((*rows)[size_t(i)], (Row{i % 7 ? "w" + std::to_string(i % 500) : "", std::to_string(i)}));
}

TEST_F(ParquetTexts, ANestedColumnIsNamed) {
  arrow::ListBuilder list(arrow::default_memory_pool(), std::make_shared<arrow::Int64Builder>());
  EXPECT_TRUE(list.Append().ok());
  add("things", *list.Finish());
  write();
  const auto rows = read();
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::invalid);
  EXPECT_NE(rows.error().message.find("column things"), std::string::npos);
}

// Whatever is done to a file: it is an error, or it gives as many rows as it says.
TEST_F(ParquetTexts, ADamagedFileIsAnErrorAndNoCrash) {
  arrow::StringBuilder texts;
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(texts.Append("value " + std::to_string(i * 31)).ok());
  add("text", *texts.Finish());
  write();
  const std::string whole = read_file(path_).value();
  int errors = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x41);
    ASSERT_TRUE(replace_file(path_, damaged));
    errors += !read();
    if (at % 16 == 0) {
      ASSERT_TRUE(replace_file(path_, std::string_view(whole).substr(0, at)));
      EXPECT_FALSE(read());
    }
  }
  EXPECT_GT(errors, 50);
}

}  // namespace
}  // namespace pactolus
