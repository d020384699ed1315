// A Delta table that is written to: made, opened, committed to, checkpointed (cleaned: log_cleanup.h).
//
// A commit is one file put where no file was (link(2)); whoever comes second reads what came first, looks whether the
// own change can still follow, and tries the next version:
//
//   stale? list again ─► check ─► encode ─► put ──done──► still the tip? ─► version
//                          ▲                 ├─exists─► read newer commits: mine? ─► version
//                          └── may it follow ┘          not mine ─► checks, caller's recheck
//                                            └─error──► read: mine? ─► make durable ─► version;  no: the error
//
// Success always means: a commit with this UUID is in the log and will stay. After an error of the disk the outcome
// may be unknown; committing the same transaction (same UUID) again settles it and never doubles it.
//
// The data files are the caller's: written, fsynced, their folders fsynced, before commit() is called. Several tables,
// objects and processes may write to one folder; one object belongs to one thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/json.h"
#include "lake/delta/actions.h"
#include "lake/delta/log_files.h"
#include "lake/delta/schema.h"
#include "lake/delta/snapshot.h"

namespace pactolus::delta {

struct Transaction {
  std::string operation;              // "WRITE", "OPTIMIZE": what history shows
  Json::Object operation_parameters;  // texts only
  Json info;                          // any object: rides in the commit (the ledger), not in checkpoints
  std::vector<AddFile> adds;
  std::vector<RemoveFile> removes;  // each must be live, at every rebase again
  std::vector<Txn> txns;
  std::optional<Metadata> metadata;  // when the schema grows
  std::string commit_uuid;           // fresh for each transaction; the same when one is tried again
  int64_t time_ms = 0;               // the commit gets max(time_ms, previous + 1)
  bool blind_append = false;
};

struct CommitPolicy {
  // Asked after other commits came first: `now` includes them, `since` lists them in order. An error gives the
  // transaction up: `fenced`, `conflict`. Asked before the rules of the table itself (removed files still live,
  // metadata and protocol unchanged). Without it a txn app id that has moved meanwhile is a conflict.
  std::function<Result<>(const Snapshot& now, std::span<const CommitRecord> since)> recheck = {};
  int max_attempts = 1000;  // lost races before `busy` is answered
};

struct DeltaOptions {
  Clock* clock = nullptr;  // boot time only; null: the system's
  // Fault points (base/fault.h) around the link.
  const char* before_link = "delta.before_link";
  const char* linked = "delta.linked";
  std::string engine = "pactolus";  // commitInfo.engineInfo
  // How a commit file is put; null: put_if_absent of base/file.h. Tests give one that fails or dawdles.
  std::function<Result<PutOutcome>(const fs::path& path, std::string_view bytes)> put = {};
};

struct NewTable {
  TableSchema schema;
  std::string id;  // UUID
  int64_t time_ms = 0;
  std::string name = {};
  // We clean our logs ourselves, after the ledger has been folded.
  std::map<std::string, std::string> configuration = {{"delta.enableExpiredLogCleanup", "false"}};
};

class DeltaTable {
 public:
  // Version 0. Error `conflict` when a table is there, also when another process made it a moment ago.
  static Result<DeltaTable> create(const fs::path& folder, const NewTable& table, DeltaOptions options = {});
  // Error `not_found` without a table, `unsupported` when it may not be written by this release.
  static Result<DeltaTable> open(const fs::path& folder, DeltaOptions options = {});
  // Whichever applies; of several at once one creates and all open it. The schema may be wider than asked for, or
  // narrower by nullable columns: then commit `metadata_for(schema)`.
  static Result<DeltaTable> open_or_create(const fs::path& folder, const NewTable& table,
                                           const DeltaOptions& options = {});

  const fs::path& folder() const { return snapshot_.table_folder(); }
  const Snapshot& snapshot() const { return snapshot_; }  // as of the last open, refresh or commit
  Result<> refresh();
  Result<TableSchema> schema() const;
  // The metadata that the table needs for `wanted`; no value when it has all of its columns.
  Result<std::optional<Metadata>> metadata_for(const TableSchema& wanted) const;

  Result<Version> commit(const Transaction& transaction, const CommitPolicy& policy = {});

  // Checkpoint of the snapshot's version. Tombstones from before `keep_tombstones_from_ms` are left out, and forgotten.
  Result<> checkpoint(int64_t keep_tombstones_from_ms);
  // Checkpoint of an older version that is still in the log.
  Result<> checkpoint(Version version, int64_t keep_tombstones_from_ms);

 private:
  DeltaTable(Snapshot snapshot, DeltaOptions options);
  int64_t boot_us() const;
  Result<> list_again();
  Result<> check_against(const Transaction& transaction) const;
  CommitActions actions_of(const Transaction& transaction) const;
  // After others came first: the version of this transaction when it is among them, no value when it may follow.
  Result<std::optional<Version>> rebase(const Transaction& transaction, const CommitPolicy& policy);
  Result<bool> is_in_log(Version version);
  Result<PutOutcome> put(Version version, std::string_view text) const;

  Snapshot snapshot_;
  DeltaOptions options_;
  int64_t listed_boot_us_ = 0;
  // A commit whose outcome is not known, and the version above which it would be.
  std::string unsettled_uuid_;
  Version unsettled_after_{-1};
};

}  // namespace pactolus::delta
