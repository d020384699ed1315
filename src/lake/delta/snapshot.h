// A Delta table as of one version: what all actions up to it add up to.
//
//   load: newest readable checkpoint at or below the version (found by listing) + the later commits
//   refresh: only the commits since
//
// A torn checkpoint is passed over: an older one, or the commits from 0, give the same table. A missing commit between
// two others is `corrupt`; a version before the oldest that can be put together is `not_found`.
// A value: copying copies all files' entries. One thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "lake/delta/actions.h"
#include "lake/delta/log_files.h"

namespace pactolus::delta {

class Snapshot {
 public:
  using Files = std::map<std::string, AddFile, std::less<>>;  // by path
  using Tombstones = std::map<std::string, RemoveFile, std::less<>>;
  using Txns = std::map<std::string, Txn, std::less<>>;

  Snapshot() = default;  // before version 0: nothing is there
  // Without a version the newest. Error `not_found` when there is no such table or version.
  static Result<Snapshot> load(const fs::path& table_folder, std::optional<Version> version = {});
  static Result<Snapshot> load_at(const fs::path& table_folder, int64_t timestamp_ms);

  // Takes in the commits since. `since`, when given, gets their records in order. True when all of them were there;
  // false when the log has been cleaned past this version, so that the table was loaded anew and `since` has a gap.
  Result<bool> refresh(std::vector<CommitRecord>* since = nullptr);

  const fs::path& table_folder() const { return table_folder_; }
  Version version() const { return version_; }            // -1 before the first commit
  int64_t timestamp_ms() const { return timestamp_ms_; }  // of the version's commit, monotone
  const Protocol& protocol() const { return protocol_; }
  const Metadata& metadata() const { return metadata_; }
  const Files& files() const { return files_; }
  const Tombstones& tombstones() const { return tombstones_; }
  const Txns& txns() const { return txns_; }
  std::optional<int64_t> txn_version(std::string_view app_id) const;
  int64_t rows() const;   // by the files' statistics; -1 when one has none
  int64_t bytes() const;  // of all live files
  // Newest checkpoint known, -1 without one, and why a newer one was passed over when it could not be read.
  Version checkpoint_version() const { return checkpoint_version_; }
  const std::optional<Error>& damaged_checkpoint() const { return damaged_checkpoint_; }

  // The next version. Error `unsupported` for a protocol that this release does not read, `corrupt` when the first
  // commit does not say what the table is.
  Result<> apply(Version version, CommitActions&& actions);
  void drop_tombstones(int64_t deleted_before_ms);
  void set_checkpoint_version(Version version) { checkpoint_version_ = std::max(checkpoint_version_, version); }

 private:
  friend Result<Snapshot> read_checkpoint(const fs::path& table_folder, const CheckpointFiles& checkpoint);
  static Result<Snapshot> load_listed(const fs::path& table_folder, const LogListing& listing, Version version);
  Result<> read_commits_to(Version version);
  Result<> check_complete() const;  // it has been said what the table is

  fs::path table_folder_;
  Version version_{-1};
  int64_t timestamp_ms_ = 0;
  Protocol protocol_;
  bool has_protocol_ = false, has_metadata_ = false;
  Metadata metadata_;
  Files files_;
  Tombstones tombstones_;
  Txns txns_;
  Version checkpoint_version_{-1};
  std::optional<Error> damaged_checkpoint_;
};

}  // namespace pactolus::delta
