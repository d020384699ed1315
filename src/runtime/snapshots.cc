#include "runtime/snapshots.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/fault.h"

namespace pactolus {
namespace {

constexpr size_t kKept = 2;
constexpr std::string_view kSuffix = ".state", kRunSuffix = ".ids";

std::string snapshot_name(int64_t batch) { return fmt::format("{:020d}{}", batch, kSuffix); }

std::vector<std::string> snapshots_of(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& n) { return n.size() != 20 + kSuffix.size() || !n.ends_with(kSuffix); });
  std::reverse(names.begin(), names.end());  // newest first
  return names;
}

}  // namespace

Result<std::optional<StateSnapshot>> Snapshots::load(const std::function<Result<>(const StateSnapshot&)>& accept,
                                                     const std::function<int64_t(const StateSnapshot&)>& first_bucket,
                                                     const std::function<void(const DedupeIndex::Entry&)>& insert,
                                                     const std::function<void(const std::string&)>& say) {
  for (const std::string& name : snapshots_of(TRY(list_folder(folder_)))) {
    const auto attempt = [&]() -> Result<StateSnapshot> {
      StateSnapshot snapshot = TRY(decode_snapshot(TRY(read_file(folder_ / name))));
      TRY(accept(snapshot));
      // All runs are read before the first id is inserted: a snapshot counts whole or not at all.
      std::vector<std::vector<DedupeIndex::Entry>> runs;
      for (const IdRun& run : snapshot.runs) TRY(decode_run(TRY(read_file(folder_ / run.name)), run.ids, first_bucket(snapshot), runs.emplace_back()));
      for (const auto& ids : runs)
        for (const DedupeIndex::Entry& id : ids) insert(id);
      return snapshot;
    };
    auto snapshot = attempt();
    if (!snapshot) {
      if (say) say(fmt::format("state snapshot {} is not used: {}", name, snapshot.error().message));
      continue;
    }
    runs_ = snapshot->runs;
    has_base_ = true;
    return std::optional(std::move(*snapshot));
  }
  return std::optional<StateSnapshot>();
}

Result<IdRun> Snapshots::write_run(std::span<const DedupeIndex::Entry> ids, int64_t batch) {
  const std::string bytes = encode_run(ids);
  int64_t newest = INT64_MIN;
  for (const DedupeIndex::Entry& e : ids) newest = std::max(newest, e.bucket_start);
  const std::string base = fmt::format("{:020d}", batch);
  for (int attempt = 0;; ++attempt) {
    const std::string name = fmt::format("{}-{}{}", base, attempt, kRunSuffix);
    if (TRY(put_if_absent(folder_ / name, bytes)) == PutOutcome::done)
      return IdRun{name, int64_t(ids.size()), newest};
  }
}

Result<> Snapshots::save(StateSnapshot snapshot, std::vector<DedupeIndex::Entry> new_ids, int64_t first_bucket) {
  TRY(make_folders(folder_));
  std::vector<IdRun> runs = has_base_ ? runs_ : std::vector<IdRun>();
  std::erase_if(runs, [&](const IdRun& r) { return r.newest_bucket < first_bucket; });
  while (!runs.empty() && runs.back().ids <= 2 * int64_t(new_ids.size())) {
    TRY(decode_run(TRY(read_file(folder_ / runs.back().name)), runs.back().ids, first_bucket, new_ids));
    runs.pop_back();
  }
  if (!new_ids.empty()) runs.push_back(TRY(write_run(new_ids, snapshot.batch)));
  fault_point("snapshot.run_written");
  snapshot.runs = runs;
  TRY(replace_file(folder_ / snapshot_name(snapshot.batch), encode_snapshot(snapshot)));
  fault_point("snapshot.current");
  runs_ = std::move(runs);
  has_base_ = true;
  return remove_unused(snapshot);
}

Result<> Snapshots::remove_unused(const StateSnapshot& current) {
  const auto names = TRY(list_folder(folder_));
  std::vector<std::string> used;
  size_t kept = 0;
  for (const std::string& name : snapshots_of(names)) {
    if (kept == kKept) {
      TRY(remove_file(folder_ / name));
      continue;
    }
    const auto other = decode_snapshot(TRY(read_file(folder_ / name)));
    if (!other || other->batch > current.batch) {  // damaged, or of a history that was left
      TRY(remove_file(folder_ / name));
      continue;
    }
    ++kept;
    for (const IdRun& r : other->runs) used.push_back(r.name);
  }
  for (const std::string& name : names)
    if (name.ends_with(kRunSuffix) && std::find(used.begin(), used.end(), name) == used.end()) TRY(remove_file(folder_ / name));
  return {};
}

}  // namespace pactolus
