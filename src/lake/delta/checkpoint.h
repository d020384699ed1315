// A checkpoint: the whole state of a table as of one version in one Parquet file (classic, "V1", one part), so that a
// reader need not replay the log from its start. One row per action, one nullable struct column per kind of action.
//
// Written beside its name, fsynced, then renamed: several readers give up on a torn one. Writing the same version
// twice, also at the same time, gives the same content under the same name and does no harm. Functions; any thread,
// as long as nobody changes the snapshot.
#pragma once

#include <string>

#include "base/file.h"
#include "base/ids.h"
#include "lake/delta/log_files.h"

namespace pactolus::delta {

class Snapshot;

// Afterwards `_last_checkpoint` names the version.
Result<> write_checkpoint(const Snapshot& snapshot);

// Error `corrupt` or `io` for a file that cannot be read whole or lacks what a checkpoint must hold. Columns and fields
// that we do not know are skipped.
Result<Snapshot> read_checkpoint(const fs::path& table_folder, const CheckpointFiles& checkpoint);

}  // namespace pactolus::delta
