#include "lake/parquet/parquet_file.h"

#include <arrow/c/bridge.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <fstream>

#include "base/test_folder.h"

namespace pactolus {
namespace {

class ParquetFile : public InAFolder {};

ColumnBatch sample(int rows) {
  TextColumn id, words;
  FixedColumn<int64_t> time;
  FixedColumn<__int128> price;
  MapColumn<FixedColumn<int64_t>> map;
  std::vector<int32_t> codes;
  words.append("view"), words.append("purchase");
  for (int i = 0; i < rows; ++i) {
    id.append("evt_" + std::to_string(100000 + i));
    time.append(1'764'417'600'000'000 + i);
    i % 7 ? price.append(i * 10'000) : price.append_null();
    map.append_entry("a", i), map.end_row();
    codes.push_back(i % 5 == 4 ? -1 : i % 2);
  }
  std::vector<ColumnData> c;
  c.push_back(id.finish("event_id"));
  c.push_back(time.finish("event_timestamp", kFormatTimestamp));
  c.push_back(price.finish("price", kFormatMoney));
  c.push_back(map.finish("counts", kFormatInt64));
  c.push_back(dictionary_column("event_type", std::move(codes), words.finish("")));
  return ColumnBatch(rows, std::move(c));
}

TEST_F(ParquetFile, ComesBackAsItWent) {
  const ParquetOptions options{.delta_packed = {"event_timestamp"},
                               .delta_text = {"event_id"},
                               .plain = {"price"},
                               .no_statistics = {"event_id", "event_type"}};
  const fs::path path = root_ / "f.parquet";
  auto size = write_parquet(path, sample(1000), options);
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, *size_of_file(path));
  auto batch = read_parquet(path);
  ASSERT_TRUE(batch) << batch.error().message;
  const ColumnView v = ColumnView::of(*batch);
  ASSERT_EQ(v.length(), 1000);
  EXPECT_EQ(v.child("event_id").text_at(999), "evt_100999");
  EXPECT_EQ(v.child("event_timestamp").int_at(5), 1'764'417'600'000'005);
  EXPECT_TRUE(v.child("price").is_null(7));
  EXPECT_EQ(int64_t(v.child("price").decimal_at(8)), 80'000);
  EXPECT_EQ(v.child("counts").entries().child("value").int_at(v.child("counts").range_at(17).first), 17);
  EXPECT_TRUE(v.child("event_type").is_null(4));
  EXPECT_EQ(v.child("event_type").text_at(3), "purchase");
}

TEST_F(ParquetFile, ReadsNamedColumnsAndTheFooter) {
  const fs::path path = root_ / "f.parquet";
  ASSERT_TRUE(write_parquet(path, sample(10)));
  const std::vector<std::string> columns{"counts", "event_id", "not there"};
  auto batch = read_parquet(path, columns);
  ASSERT_TRUE(batch);
  EXPECT_EQ(ColumnView::of(*batch).children(), 2);
  auto footer = read_parquet_footer(path);
  ASSERT_TRUE(footer);
  EXPECT_EQ(footer->rows, 10);
  EXPECT_EQ(footer->columns.size(), 5u);
}

TEST_F(ParquetFile, TextsComeAsCodesWhereTheyAreAskedFor) {
  const fs::path path = root_ / "f.parquet";
  const std::vector<std::string> columns{"event_id", "event_type"};
  for (const ParquetOptions& options : {ParquetOptions{}, ParquetOptions{.plain = {"event_type"}}}) {
    ASSERT_TRUE(write_parquet(path, sample(1000), options));
    auto batch = read_parquet(path, columns, std::vector<std::string>{"event_type", "not there"});
    ASSERT_TRUE(batch) << batch.error().message;
    const ColumnView v = ColumnView::of(*batch), type = v.child("event_type");
    EXPECT_FALSE(v.child("event_id").has_dictionary());
    EXPECT_EQ(v.child("event_id").text_at(999), "evt_100999");
    ASSERT_TRUE(type.has_dictionary());
    EXPECT_EQ(type.format(), kFormatInt32);
    EXPECT_LT(type.dictionary().length(), 10);
    const auto plain = read_parquet(path, columns);
    for (int64_t row = 0; row < 1000; ++row) {
      ASSERT_EQ(type.is_null(row), ColumnView::of(*plain).child("event_type").is_null(row));
      if (!type.is_null(row)) {
        ASSERT_EQ(type.dictionary().text_at(type.code_at(row)), type.text_at(row));
        ASSERT_EQ(type.text_at(row), ColumnView::of(*plain).child("event_type").text_at(row));
      }
    }
    fs::remove(path);
  }
}

TEST_F(ParquetFile, RowGroupsBesideTheRangeArePassedOver) {
  constexpr int64_t kRows = (1 << 20) + 1000;  // two groups
  FixedColumn<int64_t> number, time;
  for (int64_t i = 0; i < kRows; ++i) number.append(i), time.append(kRows - i);
  std::vector<ColumnData> c;
  c.push_back(number.finish("number", kFormatInt64));
  c.push_back(time.finish("time", kFormatTimestamp));
  const fs::path path = root_ / "f.parquet";
  ASSERT_TRUE(write_parquet(path, ColumnBatch(kRows, std::move(c)), {.delta_packed = {"number", "time"}}));
  ASSERT_EQ(read_parquet_footer(path)->row_groups, 2);
  const auto rows = [&](std::vector<ParquetRange> within) {
    const auto batch = read_parquet(path, {}, {}, within);
    if (!batch) ADD_FAILURE() << batch.error().message;
    return batch ? batch->rows() : -1;
  };
  EXPECT_EQ(rows({}), kRows);
  EXPECT_EQ(rows({{"number", 5, 5}}), 1 << 20);
  EXPECT_EQ(rows({{"number", 1 << 20, INT64_MAX}}), 1000);
  EXPECT_EQ(rows({{"number", (1 << 20) - 1, 1 << 20}}), kRows);
  EXPECT_EQ(rows({{"time", INT64_MIN, 1000}}), 1000);
  EXPECT_EQ(rows({{"time", INT64_MIN, 1000}, {"number", 0, 5}}), 0);
  EXPECT_EQ(rows({{"not there", 1, 2}}), kRows);
}

// As a writer does it that knows no checksums.
void write_without_checksums(const fs::path& path, ColumnBatch batch) {
  ArrowSchema schema;
  ArrowArray array;
  batch.move_out(&schema, &array);
  const auto table = arrow::Table::FromRecordBatches({*arrow::ImportRecordBatch(&array, &schema)}).ValueOrDie();
  const auto file = arrow::io::FileOutputStream::Open(path.native()).ValueOrDie();
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file).ok());
  ASSERT_TRUE(file->Close().ok());
}

// Without fsync, which thousands of damaged files need not wait for.
void put(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::streamsize(bytes.size()));
}

// Headers of pages have no checksum: what changes in them is seen otherwise, or changes nothing.
TEST_F(ParquetFile, NoByteOfAPageChangesARowUnseen) {
  const fs::path path = root_ / "f.parquet";
  ASSERT_TRUE(write_parquet(path, sample(20)));
  ASSERT_TRUE(check_parquet_pages(path));
  const auto rows = [&] {
    ColumnBatch batch = read_parquet(path).value();
    ArrowSchema schema;
    ArrowArray array;
    batch.move_out(&schema, &array);
    return arrow::ImportRecordBatch(&array, &schema).ValueOrDie();
  };
  const auto whole = rows();
  std::string bytes = *read_file(path);
  uint32_t footer = 0;
  std::memcpy(&footer, bytes.data() + bytes.size() - 8, 4);
  const size_t pages_end = bytes.size() - 8 - footer;
  size_t found = 0;
  for (size_t i = 4; i < pages_end; ++i) {
    const char bit = i % 2 ? 0x01 : 0x10;
    bytes[i] = char(bytes[i] ^ bit);
    put(path, bytes);
    bytes[i] = char(bytes[i] ^ bit);
    if (!check_parquet_pages(path)) {
      ++found;
    } else if (read_parquet(path)) {
      EXPECT_TRUE(rows()->Equals(*whole)) << "byte " << i << " of " << pages_end;
    }
  }
  EXPECT_GT(found, pages_end / 2);
}

TEST_F(ParquetFile, DamagedCodesAreRefusedOrWithinTheirDictionary) {
  const fs::path path = root_ / "f.parquet";
  write_without_checksums(path, sample(40));
  std::string bytes = *read_file(path);
  const std::vector<std::string> columns{"event_type"};
  int refused = 0, out_of_bounds = 0;
  for (size_t i = 4; i < bytes.size(); ++i) {
    bytes[i] = char(bytes[i] ^ 0x55);
    put(path, bytes);
    bytes[i] = char(bytes[i] ^ 0x55);
    const auto batch = read_parquet(path, columns, columns);
    if (!batch) {
      ++refused;
      out_of_bounds += batch.error().message.find("bounds") != std::string::npos;
      continue;
    }
    const ColumnView v = ColumnView::of(*batch);
    if (!v.has_child("event_type") || !v.child("event_type").has_dictionary()) continue;
    const ColumnView type = v.child("event_type");
    for (int64_t row = 0; row < type.length(); ++row)
      if (!type.is_null(row)) {
        ASSERT_GE(type.code_at(row), 0) << i;
        ASSERT_LT(type.code_at(row), type.dictionary().length()) << i;
      }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(out_of_bounds, 0);
}

TEST_F(ParquetFile, RefusesWhatIsNoParquetAndNeverOverwrites) {
  const fs::path path = root_ / "f.parquet";
  ASSERT_TRUE(replace_file(path, "PAR1 but not really PAR1"));
  EXPECT_FALSE(read_parquet(path));
  EXPECT_FALSE(read_parquet_footer(path));
  EXPECT_FALSE(read_parquet(root_ / "missing"));
  EXPECT_FALSE(write_parquet(path, sample(1)));
}

}  // namespace
}  // namespace pactolus
