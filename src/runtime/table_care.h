// Care of the lake's tables by hand, by any process, also beside the one that runs the lake: merging small files and
// removing old ones. Both commit, or remove, only what the running process cannot be relying on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "lake/delta/snapshot.h"
#include "lake/delta/vacuum.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct LakeTable {
  std::string name;  // silver, quarantine, ledger, gold/<view>
  fs::path folder;
};
// Those that are there, in the order of the lake.
Result<std::vector<LakeTable>> lake_tables(const LakePaths& lake);
// Error usage, with the names that there are.
Result<LakeTable> find_table(const LakePaths& lake, std::string_view name);

// That one, or all of them when the name is empty.
Result<std::vector<LakeTable>> tables_named(const LakePaths& lake, std::string_view name);
inline constexpr const char* kTableHelp = "silver, quarantine, ledger or a Gold view";

struct OptimizeOptions {
  int64_t target_bytes = int64_t(256) << 20;
  std::optional<int32_t> from_day, to_day;  // partitions of these dates; without both: all
  std::function<bool()> stop = {};
  std::function<void(int64_t done, int64_t of)> progress = {};  // files
};
struct Optimized {
  int64_t merges = 0, files_before = 0, files_after = 0;  // before and after: of the partitions that were merged
  int64_t rows = 0, bytes = 0;                            // written
  int64_t given_up = 0;                                   // another process was first
};
Result<Optimized> optimize_table(const LakePaths& lake, const LakeTable& table, const OptimizeOptions& options,
                                 Clock& clock, Random& random);

// By the rules of the running process (maintenance.h): what a reader within the retention, `keep_us`, needs stays.
Result<delta::Vacuumed> vacuum_table(const LakePaths& lake, const LakeTable& table, std::string_view job,
                                     int64_t keep_us, bool dry_run, Clock& clock);

}  // namespace pactolus
