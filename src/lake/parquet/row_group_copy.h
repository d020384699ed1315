// Parquet files one behind the other: their row groups are copied as they are, bytes for bytes, and one footer is made
// of theirs (apache/parquet-format, parquet.thrift). Costs what copying costs; nothing is decoded. What is lost are
// page indexes, whose positions are in bytes that are not looked at; readers do without them.
#pragma once

#include <optional>
#include <span>

#include "base/file.h"

namespace pactolus {

inline constexpr int64_t kCopiedGroupRows = 5'000;  // row groups of so many rows in the middle are large enough

struct CopiedRowGroups {
  int64_t rows = 0;
};

// Writes what all these files hold to the new, empty file `out`. No value, and nothing written: their row groups are
// too small (kCopiedGroupRows), too many, or of different columns; then only decoding helps.
// Error corrupt when a footer makes no sense.
Result<std::optional<CopiedRowGroups>> copy_row_groups(std::span<const fs::path> files, File& out);

// The new footer's bytes; for tests. `shifts`: how many bytes the row groups of each file move.
Result<std::string> joined_footers(std::span<const std::string> footers, std::span<const int64_t> shifts);

}  // namespace pactolus
