#include "lake/delta/delta_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/fault.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/path_encoding.h"

namespace pactolus::delta {
namespace {

// A writer that slept longer than this may have been overtaken by commits, a checkpoint and a clean-up.
constexpr int64_t kStaleAfter_us = 60 * kMicrosPerSecond;

SystemClock& system_clock() {
  static SystemClock clock;
  return clock;
}

Result<> check_adds(const Transaction& t, const Snapshot& now) {
  const auto& columns = t.metadata ? t.metadata->partition_columns : now.metadata().partition_columns;
  std::set<std::string_view> paths;
  for (const AddFile& add : t.adds) {
    TRY(check_path(add.path));
    if (!paths.insert(add.path).second)
      return fail(ErrorCode::invalid, fmt::format("a file is added twice: {}", add.path));
    if (now.files().contains(add.path))
      return fail(ErrorCode::conflict, fmt::format("a file that is added is in the table already: {}", add.path));
    const bool same =
        add.partition_values.size() == columns.size() &&
        std::all_of(columns.begin(), columns.end(), [&](const auto& c) { return add.partition_values.contains(c); });
    if (!same)
      return fail(ErrorCode::invalid, fmt::format("partition values do not match the table's columns: {}", add.path));
  }
  return {};
}

Result<> check_removes(const Transaction& t, const Snapshot& now) {
  const auto append_only = now.metadata().configuration.find("delta.appendOnly");
  const bool may_delete = append_only == now.metadata().configuration.end() || append_only->second != "true";
  std::set<std::string_view> paths;
  for (const RemoveFile& remove : t.removes) {
    if (!paths.insert(remove.path).second)
      return fail(ErrorCode::invalid, fmt::format("a file is removed twice: {}", remove.path));
    if (!now.files().contains(remove.path))
      return fail(ErrorCode::conflict,
                  fmt::format("a file that is to be removed is no longer in the table: {}", remove.path));
    if (remove.data_change && !may_delete)
      return fail(ErrorCode::unsupported, fmt::format("the table is append-only: {}", now.table_folder().native()));
  }
  return {};
}

Error moved_on(const Snapshot& now, std::string_view what) {
  return {ErrorCode::conflict,
          fmt::format("{} since version {}: {}", what, now.version(), now.table_folder().native()),
          {},
          {}};
}

}  // namespace

DeltaTable::DeltaTable(Snapshot snapshot, DeltaOptions options)
    : snapshot_(std::move(snapshot)), options_(std::move(options)), listed_boot_us_(boot_us()) {}

int64_t DeltaTable::boot_us() const { return options_.clock ? options_.clock->boot_us() : system_clock().boot_us(); }

Result<DeltaTable> DeltaTable::create(const fs::path& folder, const NewTable& table, DeltaOptions options) {
  CommitActions actions;
  actions.commit_info = CommitInfo{table.time_ms, "CREATE TABLE", {}, true, options.engine, table.id, {}};
  actions.protocol = Protocol{};
  actions.metadata = Metadata{
      table.id,     table.name, schema_string(table.schema), table.schema.partition_columns, table.configuration,
      table.time_ms};
  TRY(make_folders(log_folder(folder)));
  // A cleaned log has no version 0 any more and is a table all the same.
  const LogListing listing = TRY(list_log(folder));
  const auto there = [&] {
    return fail(ErrorCode::conflict, fmt::format("a Delta table is there already: {}", folder.native()));
  };
  if (!listing.commits.empty() || !listing.checkpoints.empty()) return there();
  fault_point(options.before_link);
  if (TRY(put_if_absent(commit_path(folder, Version(0)), encode_commit(actions))) == PutOutcome::exists) return there();
  fault_point(options.linked);
  return open(folder, std::move(options));
}

Result<DeltaTable> DeltaTable::open(const fs::path& folder, DeltaOptions options) {
  Snapshot snapshot = TRY(Snapshot::load(folder));
  TRY(check_writable(snapshot.protocol(), snapshot.metadata()));
  return DeltaTable(std::move(snapshot), std::move(options));
}

Result<DeltaTable> DeltaTable::open_or_create(const fs::path& folder, const NewTable& table,
                                              const DeltaOptions& options) {
  auto opened = open(folder, options);
  if (!opened && opened.error().code == ErrorCode::not_found) {
    opened = create(folder, table, options);
    if (!opened && opened.error().code == ErrorCode::conflict) opened = open(folder, options);
  }
  if (!opened) return opened;
  TRY(opened->metadata_for(table.schema));
  return opened;
}

Result<> DeltaTable::refresh() {
  if (boot_us() - listed_boot_us_ > kStaleAfter_us) return list_again();
  TRY(snapshot_.refresh());
  return {};
}

Result<TableSchema> DeltaTable::schema() const {
  return parse_schema(snapshot_.metadata().schema_string, snapshot_.metadata().partition_columns);
}

Result<std::optional<Metadata>> DeltaTable::metadata_for(const TableSchema& wanted) const {
  const TableSchema table = TRY(schema());
  const TableSchema wider = TRY(widen(table, wanted));
  if (wider == table) return std::optional<Metadata>();
  Metadata out = snapshot_.metadata();
  out.schema_string = schema_string(wider);
  return std::optional(std::move(out));
}

// Refreshing asks for the next version only; a listing also shows a gap behind it.
Result<> DeltaTable::list_again() {
  const int64_t now = boot_us();
  TRY(snapshot_.refresh());
  const LogListing listing = TRY(list_log(folder()));
  if (!listing.commits.empty() && listing.commits.back() > snapshot_.version()) {
    TRY(snapshot_.refresh());  // it may have come meanwhile
    if (listing.commits.back() > snapshot_.version())
      return fail(ErrorCode::corrupt, fmt::format("the log has a gap, version {} is missing: {}",
                                                  snapshot_.version() + 1, log_folder(folder()).native()));
  }
  listed_boot_us_ = now;
  return {};
}

Result<> DeltaTable::check_against(const Transaction& t) const {
  TRY(check_writable(snapshot_.protocol(), snapshot_.metadata()));
  TRY(check_adds(t, snapshot_));
  return check_removes(t, snapshot_);
}

CommitActions DeltaTable::actions_of(const Transaction& t) const {
  CommitActions out;
  const int64_t timestamp = std::max(t.time_ms, snapshot_.timestamp_ms() + 1);
  out.commit_info = CommitInfo{timestamp,     t.operation, t.operation_parameters, t.blind_append, options_.engine,
                               t.commit_uuid, t.info};
  out.metadata = t.metadata;
  out.txns = t.txns;
  out.removes = t.removes;
  for (RemoveFile& remove : out.removes)
    if (remove.deletion_time_ms == 0) remove.deletion_time_ms = timestamp;
  out.adds = t.adds;
  return out;
}

Result<std::optional<Version>> DeltaTable::rebase(const Transaction& t, const CommitPolicy& policy) {
  const Metadata metadata = snapshot_.metadata();
  const Protocol protocol = snapshot_.protocol();
  std::vector<std::optional<int64_t>> txns;
  for (const Txn& txn : t.txns) txns.push_back(snapshot_.txn_version(txn.app_id));

  std::vector<CommitRecord> since;
  const bool whole = TRY(snapshot_.refresh(&since));
  for (const CommitRecord& record : since)
    if (record.commit_uuid == t.commit_uuid) return std::optional(record.version);

  if (whole && since.empty()) return std::optional<Version>();
  if (policy.recheck) TRY(policy.recheck(snapshot_, since));
  // What lies in the gap is not known, not even whether this transaction does.
  if (!whole)
    return std::unexpected(moved_on(snapshot_, "the log was cleaned past the writer's version, which must start anew"));
  if (snapshot_.metadata() != metadata || snapshot_.protocol() != protocol)
    return std::unexpected(moved_on(snapshot_, "another writer has changed the table's metadata"));
  for (size_t i = 0; !policy.recheck && i < txns.size(); ++i)
    if (snapshot_.txn_version(t.txns[i].app_id) != txns[i])
      return std::unexpected(moved_on(snapshot_, "another writer has moved txn " + t.txns[i].app_id));
  return std::optional<Version>();
}

// A writer that slept between its last look and the link may have put its commit into a part of the log that has been
// checkpointed and cleaned away, where nobody will ever read it. Cleaning goes upwards, so that a commit whose
// predecessor is there is in the log; otherwise the listing says whether any table can be put together with it.
Result<bool> DeltaTable::is_in_log(Version version) {
  const bool slept = boot_us() - listed_boot_us_ > kStaleAfter_us;
  if (!slept && has_commit(folder(), version + (-1))) return true;
  const LogListing listing = TRY(list_log(folder()));
  return listing.checkpoints.empty() || listing.checkpoints.back().version < version || listing.can_load(version);
}

Result<PutOutcome> DeltaTable::put(Version version, std::string_view text) const {
  const fs::path path = commit_path(folder(), version);
  fault_point(options_.before_link);
  const Result<PutOutcome> outcome = options_.put ? options_.put(path, text) : put_if_absent(path, text);
  if (outcome && *outcome == PutOutcome::done) fault_point(options_.linked);
  return outcome;
}

Result<Version> DeltaTable::commit(const Transaction& t, const CommitPolicy& policy) {
  if (t.commit_uuid.empty()) return fail(ErrorCode::invalid, "a commit has no UUID");
  if (unsettled_uuid_ == t.commit_uuid) {
    const auto found = TRY(find_commit(folder(), unsettled_after_, t.commit_uuid));
    if (found) TRY(sync_folder(log_folder(folder())));
    unsettled_uuid_.clear();
    if (found) {
      TRY(snapshot_.refresh());
      return *found;
    }
  }
  for (int attempt = 0; attempt < policy.max_attempts; ++attempt) {
    if (boot_us() - listed_boot_us_ > kStaleAfter_us) {
      if (const auto mine = TRY(rebase(t, policy))) return *mine;
      TRY(list_again());
    }
    TRY(check_against(t));
    CommitActions actions = actions_of(t);
    const std::string text = encode_commit(actions);
    // A commit that cannot be read back would end the table: text that is no UTF-8, nesting too deep.
    if (auto read = decode_commit(text); !read)
      return fail(ErrorCode::invalid, fmt::format("a commit could not be read back: {}", read.error().message));
    const Version version = snapshot_.version() + 1;

    Result<PutOutcome> outcome = put(version, text);
    if (!outcome) {
      unsettled_uuid_ = t.commit_uuid;
      unsettled_after_ = snapshot_.version();
      const auto found = find_commit(folder(), unsettled_after_, t.commit_uuid);
      if (!found || !*found) return std::unexpected(outcome.error());
      TRY(sync_folder(log_folder(folder())));  // the name may not be durable yet
      outcome = PutOutcome::done;
      unsettled_uuid_.clear();
    }
    if (*outcome == PutOutcome::exists) {
      if (const auto mine = TRY(rebase(t, policy))) return *mine;
      continue;
    }
    if (!TRY(is_in_log(version))) {
      TRY(remove_file(commit_path(folder(), version)));  // no version needs it, and a listing should not show it
      return std::unexpected(moved_on(snapshot_, "the writer slept, and the log was checkpointed and cleaned"));
    }
    TRY(snapshot_.apply(version, std::move(actions)));
    return version;
  }
  return fail(ErrorCode::busy,
              fmt::format("other writers came first {} times: {}", policy.max_attempts, folder().native()));
}

Result<> DeltaTable::checkpoint(int64_t keep_tombstones_from_ms) {
  snapshot_.drop_tombstones(keep_tombstones_from_ms);
  TRY(write_checkpoint(snapshot_));
  snapshot_.set_checkpoint_version(snapshot_.version());
  return {};
}

Result<> DeltaTable::checkpoint(Version version, int64_t keep_tombstones_from_ms) {
  if (version == snapshot_.version()) return checkpoint(keep_tombstones_from_ms);
  Snapshot older = TRY(Snapshot::load(folder(), version));
  older.drop_tombstones(keep_tombstones_from_ms);
  TRY(write_checkpoint(older));
  snapshot_.set_checkpoint_version(version);
  return {};
}

}  // namespace pactolus::delta
