// The folder of state snapshots: two are kept, with the runs of ids that they name. A snapshot is current when its
// file is there (atomic rename); what nothing names is removed.
//
// Runs grow like the digits of a counter: the newest is merged with the one before as long as that is not twice as
// large. So there are few of them, an id is written some log2(n) times in its life, and forgotten buckets fall out.
#pragma once

#include <functional>
#include <optional>

#include "base/file.h"
#include "runtime/snapshot_file.h"

namespace pactolus {

class Snapshots {
 public:
  explicit Snapshots(fs::path folder) : folder_(std::move(folder)) {}

  // The newest that can be read and that `accept` takes, its ids given to `insert`. Others are passed over with a
  // word to `say`. No value when there is none.
  Result<std::optional<StateSnapshot>> load(const std::function<Result<>(const StateSnapshot&)>& accept,
                                            const std::function<int64_t(const StateSnapshot&)>& first_bucket,
                                            const std::function<void(const DedupeIndex::Entry&)>& insert,
                                            const std::function<void(const std::string&)>& say);

  // Makes `snapshot` current. `new_ids` are those since the last one that was saved or loaded here, or all of them
  // when there was none (has_base() false). Buckets before `first_bucket` are forgotten.
  Result<> save(StateSnapshot snapshot, std::vector<DedupeIndex::Entry> new_ids, int64_t first_bucket);

  bool has_base() const noexcept { return has_base_; }
  void forget_base() { has_base_ = false; }  // the next save() is given all ids

 private:
  Result<IdRun> write_run(std::span<const DedupeIndex::Entry> ids, int64_t batch);
  Result<> remove_unused(const StateSnapshot& current);

  fs::path folder_;
  bool has_base_ = false;
  std::vector<IdRun> runs_;  // of the current snapshot, largest first
};

}  // namespace pactolus
