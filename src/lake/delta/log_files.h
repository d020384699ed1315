// The files of `_delta_log`: their names, what lies there, and one commit read or put.
//
//   00000000000000000042.json                 commit 42, one action a line, put there once and never changed
//   00000000000000000042.checkpoint.parquet   the whole table as of version 42 (checkpoint.h)
//   _last_checkpoint                          a hint for other readers; we list the folder instead
//
// Functions without state; safe from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "lake/delta/actions.h"

namespace pactolus::delta {

fs::path log_folder(const fs::path& table_folder);
fs::path commit_path(const fs::path& table_folder, Version version);
fs::path checkpoint_path(const fs::path& table_folder, Version version);

// A checkpoint as it lies there: one file, or all parts of one that another writer has split.
struct CheckpointFiles {
  Version version;
  std::vector<std::string> names;
};

struct LogListing {
  std::vector<Version> commits;              // ascending
  std::vector<CheckpointFiles> checkpoints;  // ascending, complete ones only

  bool has_commits(Version first, Version last) const;  // all of them; true for none
  // The version can be put together: from a checkpoint at or below it, or from 0, no commit is missing up to it.
  bool can_load(Version version) const;
};
// An empty listing when the folder is missing.
Result<LogListing> list_log(const fs::path& table_folder);

// The version in front of a log file's name, also of checksums and temporary files; no value for other names.
std::optional<Version> version_of_name(std::string_view name);

bool has_commit(const fs::path& table_folder, Version version);
// Error `not_found` when the version is not there (not yet, or no longer).
Result<CommitActions> read_commit(const fs::path& table_folder, Version version);

// A commit without its files: what history shows, and what a writer looks at before it follows.
struct CommitRecord {
  Version version;
  int64_t timestamp_ms = 0;
  std::string operation;
  Json::Object parameters;
  std::string commit_uuid;
  bool blind_append = false;
  Json info;  // ours (CommitInfo::info); null in commits of other writers
  std::vector<Txn> txns;
  int64_t adds = 0, removes = 0;
  bool changes_metadata = false;  // or the protocol
};
CommitRecord record_of(Version version, const CommitActions& actions);

// Visits every commit above `after` in order, up to the newest; ends early with the visitor's error. The version
// reached; `after` itself when there is none. Error `not_found` when commits above `after` have been cleaned away.
Result<Version> commits_since(const fs::path& table_folder, Version after,
                              const std::function<Result<>(CommitRecord&&)>& visit);
// Newest first, at most `limit`, as far back as the log goes.
Result<std::vector<CommitRecord>> history(const fs::path& table_folder, int64_t limit = INT64_MAX);
// The commit of that UUID among those above `after`.
Result<std::optional<Version>> find_commit(const fs::path& table_folder, Version after, std::string_view commit_uuid);

// The version a time names: the newest whose timestamp is not above it. Timestamps count as monotone: one that is not
// above its predecessor's counts as that + 1. Error `not_found` for times before the oldest commit that is there.
Result<Version> version_at(const fs::path& table_folder, int64_t timestamp_ms);

}  // namespace pactolus::delta
