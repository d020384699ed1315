#include "runtime/snapshots.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/fault.h"

namespace pactolus {
namespace {

constexpr size_t kKept = 2;
constexpr std::string_view kSuffix = ".state", kRunSuffix = ".ids";

constexpr size_t kEpochDigits = 10, kBatchDigits = 20;  // names sort as their numbers do
std::string name_of(int64_t epoch, int64_t batch) {
  return fmt::format("{:0{}d}-{:0{}d}", epoch, kEpochDigits, batch, kBatchDigits);
}
int64_t epoch_of(const std::string& name) { return std::atoll(name.c_str()); }

std::vector<std::string> snapshots_of(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& n) {
    return n.size() != kEpochDigits + 1 + kBatchDigits + kSuffix.size() || !n.ends_with(kSuffix);
  });
  std::reverse(names.begin(), names.end());  // newest first
  return names;
}

void insert(const IdBlock& block, DedupeIndex& index) {
  constexpr size_t kAhead = 16;
  for (size_t i = 0; i < block.size(); ++i) {
    if (i + kAhead < block.size()) index.prefetch_to_insert(block.fingerprint(i + kAhead));
    index.insert(block.fingerprint(i), block.content(i), block.bucket_start);
  }
}

}  // namespace

Result<std::optional<StateSnapshot>> Snapshots::load(const std::function<Result<>(const StateSnapshot&)>& accept,
                                                     DedupeIndex& index,
                                                     const std::function<void(const std::string&)>& say) {
  for (const std::string& name : snapshots_of(TRY(list_folder(folder_)))) {
    const auto attempt = [&]() -> Result<StateSnapshot> {
      StateSnapshot snapshot = TRY(decode_snapshot(TRY(read_file(folder_ / name))));
      TRY(accept(snapshot));
      // All runs are checked before the first id is taken: a snapshot counts whole or not at all.
      size_t ids = 0;
      for (const IdRun& run : snapshot.runs)
        TRY(read_id_run(folder_ / run.name, run.ids, [&](const IdBlock& block) -> Result<> {
          if (block.bucket_start >= index.oldest_time()) ids += block.size();
          return {};
        }));
      index.reserve(ids);
      for (const IdRun& run : snapshot.runs)
        TRY(read_id_run(folder_ / run.name, run.ids, [&](const IdBlock& block) -> Result<> {
          if (block.bucket_start >= index.oldest_time()) insert(block, index);
          return {};
        }));
      return snapshot;
    };
    auto snapshot = attempt();
    if (!snapshot) {
      if (say) say(fmt::format("state snapshot {} is not used: {}", name, snapshot.error().message));
      continue;
    }
    forget_base();
    base_ = snapshot->batch;
    runs_ = snapshot->runs;
    TRY(remove_unnamed_runs());  // what a killed process had begun
    return std::optional(std::move(*snapshot));
  }
  TRY(remove_unnamed_runs());
  return std::optional<StateSnapshot>();
}

void Snapshots::forget_base() {
  base_.reset();
  runs_.clear();
  if (next_run_)
    (void)remove_file(folder_ / next_run_->name());  // where there was no space for it, its rest takes none
  next_run_.reset();
  noting_ = {};
}

Result<> Snapshots::clear() {
  forget_base();
  const auto names = TRY(list_folder(folder_));
  for (const std::string& name : names) TRY(remove_file(folder_ / name));
  return names.empty() ? Result<>() : sync_folder(folder_);
}

Result<IdRunWriter> Snapshots::new_run(int64_t batch) {
  TRY(make_folders(folder_));
  fs::path path;
  for (int attempt = 0; path.empty() || fs::exists(path); ++attempt)
    path = folder_ / fmt::format("{}-{}{}", name_of(epoch_, batch), attempt, kRunSuffix);
  return IdRunWriter::create(path);
}

void Snapshots::note(const DedupeIndex::Entry& id) {
  ++noted_;
  if (!base_ || !noting_) return;
  if (!next_run_) {
    auto run = new_run(*base_);
    if (!run) {
      noting_ = std::unexpected(run.error());
      return;
    }
    next_run_ = std::move(*run);
  }
  noting_ = next_run_->add(id);
}

Result<> Snapshots::save(StateSnapshot snapshot, const DedupeIndex& index) {
  noted_ = 0;
  const Result<> written = write_snapshot(snapshot, index);
  if (!written) {
    forget_base();
    return written;
  }
  base_ = snapshot.batch;
  runs_ = snapshot.runs;
  next_run_.reset();
  return remove_unused(snapshot);
}

Result<> Snapshots::write_snapshot(StateSnapshot& snapshot, const DedupeIndex& index) {
  TRY(make_folders(folder_));
  TRY(noting_);
  const int64_t oldest = index.oldest_time();
  snapshot.runs = runs_;
  std::erase_if(snapshot.runs, [&](const IdRun& r) { return r.newest_bucket < oldest; });
  if (!base_ && index.size() > 0) {
    next_run_ = TRY(new_run(snapshot.batch));
    Result<> added;
    index.for_each([&](const DedupeIndex::Entry& id) {
      if (added) added = next_run_->add(id);
    });
    TRY(added);
  }
  if (next_run_) {
    for (auto& runs = snapshot.runs; !runs.empty() && runs.back().ids <= 2 * next_run_->ids(); runs.pop_back())
      TRY(read_id_run(folder_ / runs.back().name, runs.back().ids, [&](const IdBlock& block) {
        return block.bucket_start < oldest ? Result<>() : next_run_->add(block);
      }));
    TRY(next_run_->finish());
    snapshot.runs.push_back({next_run_->name(), next_run_->ids(), next_run_->newest_bucket()});
  }
  fault_point("snapshot.run_written");
  TRY(replace_file(folder_ / (name_of(epoch_, snapshot.batch) + std::string(kSuffix)), encode_snapshot(snapshot)));
  fault_point("snapshot.current");
  return {};
}

// Two of those up to `current` that are whole are kept; what is damaged, lacks a run or is of a history that was left
// goes.
Result<> Snapshots::remove_unused(const StateSnapshot& current) {
  size_t kept = 0;
  for (const std::string& name : snapshots_of(TRY(list_folder(folder_)))) {
    if (epoch_of(name) > epoch_) continue;
    const auto snapshot = decode_snapshot(TRY(read_file(folder_ / name)));
    const auto is_there = [&](const IdRun& run) { return fs::exists(folder_ / run.name); };
    if (kept < kKept && snapshot && snapshot->batch <= current.batch && std::ranges::all_of(snapshot->runs, is_there))
      ++kept;
    else
      TRY(remove_file(folder_ / name));
  }
  return remove_unnamed_runs();
}

// A later epoch may name runs of this one, and may have begun others.
Result<> Snapshots::remove_unnamed_runs() {
  const auto names = TRY(list_folder(folder_));
  std::set<std::string> named;
  for (const std::string& name : snapshots_of(names))
    if (const auto snapshot = decode_snapshot(TRY(read_file(folder_ / name))))
      for (const IdRun& run : snapshot->runs) named.insert(run.name);
  if (next_run_) named.insert(next_run_->name());
  for (const std::string& name : names)
    if (name.ends_with(kRunSuffix) && epoch_of(name) <= epoch_ && !named.contains(name))
      TRY(remove_file(folder_ / name));
  return {};
}

}  // namespace pactolus
