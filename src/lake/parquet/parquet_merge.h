// Several Parquet files as one: the rows of each behind those of the one before. Row groups that are large enough are
// copied as they are (row_group_copy.h). Small ones are decoded and written anew in groups of about half a million
// rows; text columns go from dictionary to dictionary, and memory is that of two row groups, however large the files
// are.
#pragma once

#include <span>

#include "lake/parquet/parquet_file.h"

namespace pactolus {

struct MergedParquet {
  int64_t rows = 0, size = 0;
};

// A file, and its rows when they are still held.
struct MergeInput {
  fs::path path;
  std::shared_ptr<const KeptRows> rows = {};
  std::vector<int64_t> left_out = {};  // numbers of rows, ascending, that do not go into the new file
};

// Creates `out`, which must not exist, and fsyncs it; its folder is not fsynced. Columns that a file lacks are null in
// its rows. Errors: corrupt (a file cannot be read, or two have a column with different types), io, disk_full; then
// there is no `out`. Any thread.
Result<MergedParquet> merge_parquet(std::span<const MergeInput> files, const fs::path& out,
                                    const ParquetOptions& options);

}  // namespace pactolus
