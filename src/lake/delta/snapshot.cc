#include "lake/delta/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/stats.h"

namespace pactolus::delta {
namespace {

// Clean-up may remove what a listing has just named; after it the folder is listed again.
constexpr int kLoadAttempts = 3;

}  // namespace

Result<Snapshot> Snapshot::load(const fs::path& table_folder, std::optional<Version> version) {
  Error last{ErrorCode::not_found, "", {}, {}};
  for (int attempt = 0; attempt < kLoadAttempts; ++attempt) {
    const LogListing listing = TRY(list_log(table_folder));
    if (listing.commits.empty() && listing.checkpoints.empty())
      return fail(ErrorCode::not_found, fmt::format("no Delta table: {}", table_folder.native()));
    Version newest{-1};
    if (!listing.commits.empty()) newest = listing.commits.back();
    if (!listing.checkpoints.empty()) newest = std::max(newest, listing.checkpoints.back().version);
    if (version && (*version > newest || *version < Version(0)))
      return fail(ErrorCode::not_found, fmt::format("version {} is not in the log, the newest is {}: {}", *version,
                                                    newest, table_folder.native()));
    auto loaded = load_listed(table_folder, listing, version.value_or(newest));
    if (loaded || (loaded.error().code != ErrorCode::not_found && loaded.error().code != ErrorCode::corrupt))
      return loaded;
    last = std::move(loaded.error());
  }
  return std::unexpected(std::move(last));
}

Result<Snapshot> Snapshot::load_listed(const fs::path& table_folder, const LogListing& listing, Version version) {
  const auto gap = [&] {
    return fail(ErrorCode::corrupt,
                fmt::format("the log has a gap before version {}: {}", version, log_folder(table_folder).native()));
  };
  std::optional<Error> damaged;
  for (auto checkpoint = listing.checkpoints.rbegin(); checkpoint != listing.checkpoints.rend(); ++checkpoint) {
    if (checkpoint->version > version) continue;
    if (!listing.has_commits(checkpoint->version + 1, version)) return gap();
    auto snapshot = read_checkpoint(table_folder, *checkpoint);
    if (!snapshot && snapshot.error().code == ErrorCode::unsupported) return snapshot;
    if (!snapshot) {
      if (!damaged) damaged = std::move(snapshot.error());
      continue;
    }
    snapshot->damaged_checkpoint_ = std::move(damaged);
    TRY(snapshot->read_commits_to(version));
    return snapshot;
  }
  if (listing.commits.empty() || listing.commits.front() > Version(0)) {
    if (damaged) return std::unexpected(std::move(*damaged));
    return fail(ErrorCode::not_found,
                fmt::format("version {} is no longer in the log: {}", version, table_folder.native()),
                "commits beyond the retention time are cleaned away");
  }
  if (!listing.has_commits(Version(0), version)) return gap();
  Snapshot snapshot;
  snapshot.table_folder_ = table_folder;
  snapshot.damaged_checkpoint_ = std::move(damaged);
  TRY(snapshot.read_commits_to(version));
  return snapshot;
}

Result<Snapshot> Snapshot::load_at(const fs::path& table_folder, int64_t timestamp_ms) {
  const Version version = TRY(version_at(table_folder, timestamp_ms));
  return load(table_folder, version);
}

Result<> Snapshot::read_commits_to(Version version) {
  while (version_ < version) {
    CommitActions actions = TRY(read_commit(table_folder_, version_ + 1));
    TRY(apply(version_ + 1, std::move(actions)));
  }
  return check_complete();
}

Result<> Snapshot::check_complete() const {
  if (has_protocol_ && has_metadata_) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("the log does not say what the table is ({} is missing): {}",
                          has_protocol_ ? "metaData" : "protocol", log_folder(table_folder_).native()));
}

Result<bool> Snapshot::refresh(std::vector<CommitRecord>* since) {
  for (;;) {
    auto actions = read_commit(table_folder_, version_ + 1);
    if (actions) {
      if (since) since->push_back(record_of(version_ + 1, *actions));
      TRY(apply(version_ + 1, std::move(*actions)));
      continue;
    }
    if (actions.error().code != ErrorCode::not_found) return std::unexpected(actions.error());
    // The newest commit is never cleaned away: when ours is there, nothing has come after it.
    if (has_commit(table_folder_, version_)) return true;
    Snapshot newest = TRY(load(table_folder_));
    if (newest.version() < version_)
      return fail(ErrorCode::corrupt,
                  fmt::format("the log has lost commits, version {} was there and {} is the newest: {}", version_,
                              newest.version(), log_folder(table_folder_).native()));
    const bool same = newest.version() == version_;
    *this = std::move(newest);
    return same;
  }
}

Result<> Snapshot::apply(Version version, CommitActions&& actions) {
  PACTOLUS_CHECK_EQ(version, version_ + 1);
  if (actions.protocol) {
    TRY(check_readable(*actions.protocol));
    protocol_ = *actions.protocol;
    has_protocol_ = true;
  }
  if (actions.metadata) {
    metadata_ = std::move(*actions.metadata);
    has_metadata_ = true;
  }
  const int64_t said = actions.commit_info ? actions.commit_info->timestamp_ms : 0;
  timestamp_ms_ = version_ < Version(0) ? said : std::max(said, timestamp_ms_ + 1);
  version_ = version;
  for (Txn& txn : actions.txns) {
    std::string key = txn.app_id;
    txns_.insert_or_assign(std::move(key), std::move(txn));
  }
  for (RemoveFile& remove : actions.removes) {
    if (const auto file = files_.find(remove.path); file != files_.end()) files_.erase(file);
    std::string key = remove.path;
    tombstones_.insert_or_assign(std::move(key), std::move(remove));
  }
  for (AddFile& add : actions.adds) {
    if (const auto gone = tombstones_.find(add.path); gone != tombstones_.end()) tombstones_.erase(gone);
    std::string key = add.path;
    files_.insert_or_assign(std::move(key), std::move(add));
  }
  return {};
}

void Snapshot::drop_tombstones(int64_t deleted_before_ms) {
  std::erase_if(tombstones_, [&](const auto& entry) { return entry.second.deletion_time_ms < deleted_before_ms; });
}

std::optional<int64_t> Snapshot::txn_version(std::string_view app_id) const {
  const auto txn = txns_.find(app_id);
  return txn == txns_.end() ? std::nullopt : std::optional(txn->second.version);
}

int64_t Snapshot::rows() const {
  int64_t total = 0;
  for (const auto& [path, add] : files_) {
    const auto rows = rows_of(add.stats);
    if (!rows) return -1;
    total += *rows;
  }
  return total;
}

int64_t Snapshot::bytes() const {
  int64_t total = 0;
  for (const auto& [path, add] : files_) total += add.size;
  return total;
}

}  // namespace pactolus::delta
