// Parquet files of whole batches. Only the sources of this folder name the Parquet library; batches cross by
// the C Data Interface (base/columns.h). Functions, not objects: a file is written in one go and never again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/columns.h"
#include "base/file.h"

namespace pactolus {

enum class Codec : uint8_t { uncompressed, snappy, zstd };

// How columns are laid out. Columns not named here are dictionary encoded with statistics, the library's default.
// Names are of top-level columns. The settings and their costs are measured in docs/benchmarks.md.
struct ParquetOptions {
  Codec codec = Codec::snappy;
  std::vector<std::string> delta_packed = {};  // integers and times that grow: DELTA_BINARY_PACKED
  std::vector<std::string> delta_text = {};    // nearly unique text, front-coded: DELTA_BYTE_ARRAY
  std::vector<std::string> plain = {};         // nearly unique numbers: PLAIN
  std::vector<std::string> no_statistics = {};
  std::vector<std::string> zstd = {};  // columns that are worth the denser codec, whatever the file's is
  bool data_page_v2 = true;
};

// The rows of a file as they were when it was written: whoever merges it soon need not read it. Shared, never changed.
class KeptRows;
int64_t bytes_of(const KeptRows& rows);  // about what they hold in memory
int64_t count_of(const KeptRows& rows);

// Creates `path`, which must not exist, writes the batch as one file with row groups of at most 1 Mi rows and fsyncs
// it. Its folder is not fsynced. The file's size in bytes.
Result<int64_t> write_parquet(const fs::path& path, ColumnBatch batch, const ParquetOptions& options = {},
                              std::shared_ptr<const KeptRows>* keep = nullptr);

// Of an integer or time column, both ends included.
struct ParquetRange {
  std::string column;
  int64_t min = INT64_MIN, max = INT64_MAX;
};
// The whole file, or the named top-level columns of it, as one batch. A column that the file lacks is left out. Those
// of `coded`, texts that are written by dictionary or plainly, come as codes into one dictionary. Row groups that have
// no row within all of `within`, by their statistics, are passed over; the others come whole.
Result<ColumnBatch> read_parquet(const fs::path& path, std::span<const std::string> columns = {},
                                 std::span<const std::string> coded = {}, std::span<const ParquetRange> within = {});

struct ParquetFooter {
  int64_t rows = 0;
  int64_t row_groups = 0;
  std::vector<std::string> columns;
};
Result<ParquetFooter> read_parquet_footer(const fs::path& path);

// Reads every page of every column: error corrupt when one does not have the checksum in its header (files of other
// writers may have none), cannot be decompressed, or the values are not as many as the footer says. A file of this
// program is whole then, but for the statistics in its footer.
Result<> check_parquet_pages(const fs::path& path);

}  // namespace pactolus
