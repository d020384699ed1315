// Removing the old part of a log. When and how far is the caller's decision: ledgers are folded first, and readers that
// travel in time lose what is removed.
#pragma once

#include <cstdint>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"

namespace pactolus::delta {

struct CleanedLog {
  int64_t files = 0;   // removed
  Version oldest{-1};  // the oldest version that can still be loaded; -1: nothing could be removed
};
// Removes what versions from `keep_from` on do not need: everything before the newest readable checkpoint at or below
// it. The checkpoint's own commit stays, so that its time is known and a stale writer finds the end of the log.
// Oldest first: a stop on the way leaves a log that is whole from some version on. Ledgers must have been folded.
// Between the base and the three newest checkpoints one in a thousand commits stays: a checkpoint holds every file of
// the table, and what lies between two of them is read from the commits.
Result<CleanedLog> clean_log(const fs::path& table_folder, Version keep_from);

}  // namespace pactolus::delta
