// The folder of state snapshots: two are kept, with the runs of ids that they name. A snapshot is current when its
// file is there (atomic rename); what nothing names is removed. Names begin with the epoch of the process that made
// them, and nothing that a later epoch has written or names is removed: one that slept through a take-over does its
// successor no harm.
//
// Ids go to disk as they come, into the run of the next snapshot. Runs grow like the digits of a counter: the newest is
// merged with the one before as long as that is not twice as large. So there are few of them, an id is written some
// log2(n) times in its life, and forgotten buckets fall out.
#pragma once

#include <functional>
#include <optional>

#include "base/file.h"
#include "runtime/id_run.h"
#include "runtime/snapshot_file.h"

namespace pactolus {

class Snapshots {
 public:
  explicit Snapshots(fs::path folder) : folder_(std::move(folder)) {}
  void set_epoch(int64_t epoch) noexcept { epoch_ = epoch; }  // before anything is saved

  // The newest that can be read and that `accept` takes, its ids brought into `index`. Others are passed over with a
  // word to `say`. No value when there is none.
  Result<std::optional<StateSnapshot>> load(const std::function<Result<>(const StateSnapshot&)>& accept,
                                            DedupeIndex& index, const std::function<void(const std::string&)>& say);

  // An id for the next snapshot. What cannot be written is told by save().
  void note(const DedupeIndex::Entry& id);
  int64_t noted() const noexcept { return noted_; }  // since the last save()

  // Makes `snapshot` current, with what was noted since the one that was saved or loaded here. When there was none, or
  // after an error, it takes every id of `index` instead.
  Result<> save(StateSnapshot snapshot, const DedupeIndex& index);
  Result<> clear();    // every snapshot and run goes; whoever calls has the latest epoch
  void forget_base();  // what was noted is not all: the next save() takes every id

 private:
  Result<IdRunWriter> new_run(int64_t batch);
  Result<> write_snapshot(StateSnapshot& snapshot, const DedupeIndex& index);
  Result<> remove_unused(const StateSnapshot& current);
  Result<> remove_unnamed_runs();

  fs::path folder_;
  int64_t epoch_ = 0;
  std::optional<int64_t> base_;  // batch of the snapshot that runs_ belong to
  std::vector<IdRun> runs_;      // largest first
  std::optional<IdRunWriter> next_run_;
  int64_t noted_ = 0;
  Result<> noting_;  // the first error of note()
};

}  // namespace pactolus
