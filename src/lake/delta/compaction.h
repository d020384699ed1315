// Which small files of a table to make one of. A commit a second is a file a second in each partition that it touches;
// files are merged in tiers, so that a row is rewritten a few times and a partition never has many of them:
//
//   commits ──100 files──► tier 1 ──30──► tier 2 (3,000 commits) ──30──► tier 3 ──30──► tier 4
//   closed partition: what is in tiers 0 and 1 becomes one file when it has been quiet, or is much
//
// A partition has at most 99 files of tier 0 and 29 of each tier above. A day of commits every second is 28 files of
// tier 2 and what is below them, and when it is closed 28 and one. What tier a file is in says how many batches it
// spans (statistics of `batch_id`): planning needs no memory, and every process plans alike. Pure functions over a
// snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lake/delta/snapshot.h"

namespace pactolus::delta {

inline constexpr size_t kTiers = 5;
struct CompactionRules {
  size_t merge_files[kTiers - 1] = {100, 30, 30, 30};                 // so many of a tier become one
  int64_t tier_batches[kTiers - 1] = {60, 2'000, 50'000, 1'500'000};  // what a file of tier 1, 2, … spans at least
  size_t closed_files = 40;                                           // more in a closed partition are too many
  int64_t quiet_ms = 10 * 60 * 1000;                                  // without a new file in a closed partition
};

struct CompactionPlan {
  PartitionValues partition;
  std::vector<AddFile> files;  // two or more, in the order of their first batch
};

// Does the partition get no more files, or hardly any?
using IsClosed = std::function<bool(const PartitionValues&)>;

// The most urgent merge; no value when nothing has to be done.
std::optional<CompactionPlan> plan_compaction(const Snapshot& table, const CompactionRules& rules,
                                              const IsClosed& is_closed, int64_t now_ms);
// What a person asks for: in every partition that `wanted` names, files below `small_bytes` together, up to about
// `target_bytes` each.
std::vector<CompactionPlan> plan_optimize(const Snapshot& table, int64_t small_bytes, int64_t target_bytes,
                                          const std::function<bool(const PartitionValues&)>& wanted);

// Largest number of live files in one partition.
size_t most_files_in_a_partition(const Snapshot& table);

}  // namespace pactolus::delta
