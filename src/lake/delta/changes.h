// What became of a table's rows after a version: for whoever keeps a copy of them somewhere else.
//
//   commits after it:  add ─► its rows come            remove ─► the partition's rows are to be made anew
//                      files that were only merged, and checkpoints, change nothing
//
// Functions without state; safe from any thread.
#pragma once

#include <set>
#include <vector>

#include "base/ids.h"
#include "lake/delta/actions.h"
#include "lake/delta/snapshot.h"

namespace pactolus::delta {

struct TableChanges {
  Version version{-1};  // up to which
  // The log does not tell any more, or the table became another one: all rows are to be made anew.
  bool everything = false;
  bool new_metadata = false;
  std::set<PartitionValues> replaced;  // whose rows are to be made anew, from the table as it is
  std::vector<AddFile> added;          // in order, none of a replaced partition; such a file may have been merged since
  bool nothing() const { return !everything && !new_metadata && replaced.empty() && added.empty(); }
};

// Of an `after` that the table has never had, everything. Error not_found when there is no table.
Result<TableChanges> changes_since(const fs::path& table_folder, Version after);

}  // namespace pactolus::delta
