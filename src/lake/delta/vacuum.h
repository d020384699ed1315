// Removing data files that no version within the retention needs: those of tombstones that are old enough, and files
// that no commit names and that nobody can still be about to name.
#pragma once

#include <cstdint>
#include <functional>

#include "lake/delta/snapshot.h"

namespace pactolus::delta {

struct VacuumRules {
  int64_t tombstones_before_ms = 0;    // a file that was removed from the table before then
  int64_t unreferenced_before_ms = 0;  // a file without any name in the log, last modified before then; 0: such files
                                       // are not looked for, and no folder is listed
  std::function<bool(const std::string& path)> keep = {};  // unreferenced files that stay all the same
  bool dry_run = false;
};

struct Vacuumed {
  int64_t tombstoned = 0, unreferenced = 0;  // files
  int64_t bytes = 0;
  int64_t waiting = 0, waiting_bytes = 0;  // files of younger tombstones
};

// Errors: io. A stop on the way leaves files that the next vacuum finds.
Result<Vacuumed> vacuum(const Snapshot& table, const VacuumRules& rules);

}  // namespace pactolus::delta
