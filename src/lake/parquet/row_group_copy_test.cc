#include "lake/parquet/row_group_copy.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/clock.h"
#include "base/test_folder.h"
#include "lake/parquet/parquet_merge.h"

namespace pactolus {
namespace {

// The merge itself against other readers of Parquet: tests/tables.
class RowGroupCopy : public InAFolder {
 protected:
  // Rows numbered from `first` on.
  fs::path file(int64_t first, int64_t rows, bool wider = false) {
    TextColumn id, device;
    FixedColumn<int64_t> number;
    MapColumn<FixedColumn<int64_t>> map;
    for (int64_t i = first; i < first + rows; ++i) {
      i % 11 ? id.append("evt_" + std::to_string(i)) : id.append_null();
      number.append(i);
      i % 7 ? device.append(device_of(i)) : device.append_null();
      map.append_entry("a", i), map.end_row();
    }
    std::vector<ColumnData> c;
    c.push_back(id.finish("event_id"));
    c.push_back(number.finish("batch_id", kFormatInt64));
    c.push_back(device.finish("device"));
    c.push_back(map.finish("counts", kFormatInt64));
    if (wider) {
      FixedColumn<int64_t> more;
      for (int64_t i = 0; i < rows; ++i) more.append(i);
      c.push_back(more.finish("more", kFormatInt64));
    }
    const fs::path path = root_ / (std::to_string(++files_) + ".parquet");
    EXPECT_TRUE(write_parquet(path, ColumnBatch(rows, std::move(c)), kOptions));
    return path;
  }
  // Every 5,000 rows have others.
  static std::string device_of(int64_t row) { return "device " + std::to_string(row / 5'000 * 3 + row % 3); }
  // Of the merged file: its row groups; every row is looked at.
  int64_t merged(const std::vector<fs::path>& paths, int64_t rows) {
    std::vector<MergeInput> inputs;
    for (const fs::path& path : paths) inputs.push_back({path});
    const fs::path out = root_ / ("merged" + std::to_string(++files_));
    const auto done = merge_parquet(inputs, out, kOptions);
    if (!done) ADD_FAILURE() << done.error().message;
    if (!done) return -1;
    EXPECT_EQ(done->rows, rows);
    EXPECT_EQ(done->size, *size_of_file(out));
    const std::vector<std::string> coded = {"device"};  // row groups have dictionaries of their own
    const auto batch = read_parquet(out, {}, coded);
    const ColumnView v = ColumnView::of(*batch), device = v.child("device");
    EXPECT_EQ(v.length(), rows);
    EXPECT_TRUE(device.has_dictionary());
    int64_t wrong = 0;
    for (int64_t i = 0; i < v.length(); ++i) {
      const bool right =
          v.child("batch_id").int_at(i) == i && (i % 7 ? device.text_at(i) == device_of(i) : device.is_null(i)) &&
          v.child("counts").entries().child("value").int_at(v.child("counts").range_at(i).first) == i &&
          (i % 11 ? v.child("event_id").text_at(i) == "evt_" + std::to_string(i) : v.child("event_id").is_null(i));
      wrong += !right;
    }
    EXPECT_EQ(wrong, 0);
    last_ = out;
    return read_parquet_footer(out)->row_groups;
  }

  inline static const ParquetOptions kOptions{.codec = Codec::snappy, .delta_packed = {"batch_id"}};
  fs::path last_;
  int files_ = 0;
};

TEST_F(RowGroupCopy, LargeOnesAreCopiedAgainAndAgain) {
  EXPECT_EQ(merged({file(0, 30'000), file(30'000, 12'000), file(42'000, 15'000)}, 57'000), 3);
  const fs::path three = last_;
  EXPECT_EQ(merged({three, file(57'000, 20'000)}, 77'000), 4);
}

TEST_F(RowGroupCopy, SmallOnesAreWrittenAnew) {
  EXPECT_EQ(merged({file(0, 100), file(100, 4'000), file(4'100, 10'000)}, 14'100), 1);
  // A small one among large ones is none.
  EXPECT_EQ(merged({file(0, 40'000), file(40'000, 100)}, 40'100), 2);
}

TEST_F(RowGroupCopy, ColumnsThatCameLaterAreNullBefore) {
  EXPECT_EQ(merged({file(0, 20'000), file(20'000, 20'000, true)}, 40'000), 1);
}

TEST_F(RowGroupCopy, AFooterThatMakesNoSenseIsAnError) {
  const fs::path good = file(0, 20'000), bad = file(20'000, 20'000);
  std::string bytes = *read_file(bad);
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + bytes.size() - 8, sizeof length);
  const std::string footer = bytes.substr(bytes.size() - 8 - length, length);
  Random random(5);
  const std::vector<std::string> same = {footer, footer};
  ASSERT_TRUE(joined_footers(same, std::vector<int64_t>{0, 100}));
  int refused = 0;
  for (int i = 0; i < 3'000; ++i) {  // never more than an error
    std::vector<std::string> two = same;
    std::string& damaged = two[random.below(2)];
    for (uint32_t n = 1 + random.below(3); n > 0; --n)
      damaged[random.below(uint32_t(damaged.size()))] = char(random.next());
    if (random.below(4) == 0) damaged.resize(random.below(uint32_t(damaged.size())));
    refused += !joined_footers(two, std::vector<int64_t>{0, 100});
  }
  EXPECT_GT(refused, 500);
  bytes.resize(bytes.size() - 20);
  bytes += "PAR1";
  ASSERT_TRUE(replace_file(bad, bytes));
  const std::vector<MergeInput> inputs = {{good}, {bad}};
  const auto done = merge_parquet(inputs, root_ / "out", kOptions);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::corrupt);
  EXPECT_FALSE(fs::exists(root_ / "out"));
}

}  // namespace
}  // namespace pactolus
