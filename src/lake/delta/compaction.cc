#include "lake/delta/compaction.h"

#include <algorithm>
#include <map>

#include "base/json.h"

namespace pactolus::delta {
namespace {

struct File {
  const AddFile* add = nullptr;
  int64_t first_batch = 0, last_batch = 0;
  int64_t batches() const { return last_batch - first_batch + 1; }
};

// A file that does not say its batches counts as one of the lowest tier, before all others.
File file_of(const AddFile& add) {
  File file{&add, 0, 0};
  if (const auto stats = Json::parse(add.stats)) {
    file.first_batch = (*stats)["minValues"]["batch_id"].as_int();
    file.last_batch = (*stats)["maxValues"]["batch_id"].as_int(file.first_batch);
  }
  return file;
}

bool before(const File& a, const File& b) {
  return a.first_batch != b.first_batch ? a.first_batch < b.first_batch : a.add->path < b.add->path;
}

std::map<PartitionValues, std::vector<const AddFile*>> by_partition(const Snapshot& table) {
  std::map<PartitionValues, std::vector<const AddFile*>> out;
  for (const auto& [path, file] : table.files()) out[file.partition_values].push_back(&file);
  return out;
}

CompactionPlan plan_of(const PartitionValues& partition, std::vector<File> files) {
  std::sort(files.begin(), files.end(), before);
  CompactionPlan plan{partition, {}};
  for (const File& f : files) plan.files.push_back(*f.add);
  return plan;
}

std::vector<File> to_merge(const std::vector<const AddFile*>& adds, const CompactionRules& rules, bool closed,
                           int64_t now_ms) {
  std::vector<File> tiers[kTiers];
  for (const AddFile* add : adds) {
    const File file = file_of(*add);
    size_t tier = 0;
    while (tier + 1 < kTiers && file.batches() >= rules.tier_batches[tier]) ++tier;
    tiers[tier].push_back(file);
  }
  for (size_t tier = 0; tier + 1 < kTiers; ++tier)
    if (tiers[tier].size() >= rules.merge_files[tier]) return tiers[tier];
  if (!closed) return {};
  int64_t newest_ms = 0;
  for (const AddFile* add : adds) newest_ms = std::max(newest_ms, add->modification_time_ms);
  std::vector<File> low = tiers[0];
  low.insert(low.end(), tiers[1].begin(), tiers[1].end());
  const bool quiet = newest_ms + rules.quiet_ms <= now_ms, many = adds.size() > rules.closed_files;
  if ((quiet && low.size() >= 2) || (many && low.size() >= rules.closed_files / 4)) return low;
  if (!many) return {};
  std::vector<File> smallest;
  for (const AddFile* add : adds) smallest.push_back(file_of(*add));
  std::sort(smallest.begin(), smallest.end(), [](const File& a, const File& b) { return a.add->size < b.add->size; });
  smallest.resize(smallest.size() * 3 / 4);
  return smallest;
}

}  // namespace

std::optional<CompactionPlan> plan_compaction(const Snapshot& table, const CompactionRules& rules,
                                              const IsClosed& is_closed, int64_t now_ms) {
  const PartitionValues* partition = nullptr;
  std::vector<File> chosen;
  for (const auto& [values, adds] : by_partition(table)) {
    if (adds.size() < 2 || adds.size() <= chosen.size()) continue;
    std::vector<File> candidate = to_merge(adds, rules, is_closed(values), now_ms);
    if (candidate.size() < 2 || candidate.size() <= chosen.size()) continue;
    partition = &adds.front()->partition_values;
    chosen = std::move(candidate);
  }
  if (!partition) return std::nullopt;
  return plan_of(*partition, std::move(chosen));
}

std::vector<CompactionPlan> plan_optimize(const Snapshot& table, int64_t small_bytes, int64_t target_bytes,
                                          const std::function<bool(const PartitionValues&)>& wanted) {
  std::vector<CompactionPlan> out;
  for (const auto& [values, adds] : by_partition(table)) {
    if (!wanted(values)) continue;
    std::vector<File> files;
    for (const AddFile* add : adds)
      if (add->size < small_bytes) files.push_back(file_of(*add));
    std::sort(files.begin(), files.end(), before);
    for (size_t first = 0; first < files.size();) {
      size_t last = first;
      int64_t bytes = 0;
      while (last < files.size() && (last == first || bytes + files[last].add->size <= target_bytes))
        bytes += files[last++].add->size;
      if (last - first >= 2)
        out.push_back(plan_of(values, {files.begin() + int64_t(first), files.begin() + int64_t(last)}));
      first = last;
    }
  }
  return out;
}

size_t most_files_in_a_partition(const Snapshot& table) {
  size_t most = 0;
  for (const auto& [values, adds] : by_partition(table)) most = std::max(most, adds.size());
  return most;
}

}  // namespace pactolus::delta
