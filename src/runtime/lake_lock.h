// Who may run a job on a lake: one process at a time, by an flock that ends with its holder, however that ends. The
// lock keeps honest processes apart; what keeps a sleeper from harm is the epoch in the Silver log (job.h).
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"

namespace pactolus {

struct LockHolder {
  int64_t pid = 0;
  int64_t since_us = 0;
  std::string command;
};

struct LakeLock {
  FileLock lock;
  bool taken_over = false;  // from a holder that was still there
};

// Waits up to `wait_us` for the holder to go; then an Error busy names its pid, unless `take_over`: then the lock
// file is replaced, so that the old holder keeps a lock that nobody looks at any more, and meets the higher epoch.
Result<LakeLock> lock_lake(const fs::path& lock_file, bool take_over, int64_t wait_us, std::string_view command,
                           Clock& clock);
Result<LockHolder> read_lock_holder(const fs::path& lock_file);
// Is anybody holding it now? Does not keep it.
Result<bool> lake_is_locked(const fs::path& lock_file);
// Who holds it now; nothing when nobody does. A pid of 0 stands for a holder that has not yet said who it is.
Result<std::optional<LockHolder>> lake_holder(const fs::path& lock_file);

// Who works on the files of tables that are there (merges, vacuum, a rebuild of Gold), beside the one that runs the
// lake, shares this lock; an erasure, after which no file of before may be left, holds it alone. Error busy after
// `wait_us`.
Result<FileLock> lock_table_care(const fs::path& lock_file, bool alone, int64_t wait_us, Clock& clock);
inline constexpr int64_t kCareWait_us = 10'000'000;

}  // namespace pactolus
