#include "runtime/maintenance.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/fault.h"
#include "lake/delta/log_cleanup.h"
#include "lake/delta/stats.h"
#include "runtime/batch_writer.h"
#include "runtime/ledger.h"

namespace pactolus {

Maintenance::Maintenance(LakePaths lake, std::string job, Clock& clock, Random random, MaintenanceRules rules)
    : lake_(std::move(lake)), job_(std::move(job)), clock_(clock), random_(random), rules_(rules) {}

Result<> Maintenance::open() {
  TRY(make_folders(lake_.ledger()));
  ledger_ = TRY(delta::DeltaTable::open_or_create(
      lake_.ledger(),
      {.schema = ledger_schema(), .id = random_.uuid(), .time_ms = clock_.now_us() / 1000, .name = "ledger"},
      {.clock = &clock_, .before_link = "ledger.before_link", .linked = "ledger.linked"}));
  if (auto wider = TRY(ledger_->metadata_for(ledger_schema()))) {
    delta::Transaction t;
    t.operation = "CHANGE METADATA";
    t.metadata = std::move(wider);
    t.commit_uuid = random_.uuid();
    t.time_ms = clock_.now_us() / 1000;
    TRY(ledger_->commit(t));
  }
  folded_version_ = ledger_->snapshot().txn_version(app_id(job_, "fold_version")).value_or(-1);
  last_care_boot_us_ = clock_.boot_us();
  return {};
}

bool Maintenance::due(const delta::DeltaTable& table) const {
  const int64_t since =
      table.snapshot().version().value - std::max<int64_t>(table.snapshot().checkpoint_version().value, 0);
  return since >= rules_.checkpoint_commits ||
         (since > 0 && clock_.boot_us() - last_care_boot_us_ >= rules_.checkpoint_us);
}

Result<> Maintenance::after_commit(delta::DeltaTable& silver, std::span<delta::DeltaTable* const> tables,
                                   int64_t needed_version, int64_t epoch) {
  const bool silver_due = due(silver);
  if (silver_due) {
    TRY(fold(silver, *tables.front(), epoch));
    TRY(care(silver, std::min(needed_version, folded_version_)));
  }
  for (delta::DeltaTable* table : tables)
    if (due(*table)) TRY(care(*table, INT64_MAX));
  if (due(*ledger_)) TRY(care(*ledger_, INT64_MAX));
  if (silver_due) last_care_boot_us_ = clock_.boot_us();
  return {};
}

Result<> Maintenance::care(delta::DeltaTable& table, int64_t keep_at_most) {
  const int64_t oldest_ms = kept_since_ms(table.snapshot(), rules_, clock_.now_us());
  // Before the checkpoint forgets the tombstones. Folders are listed seldom: they may hold many files.
  delta::VacuumRules rules = vacuum_rules(table.snapshot(), job_, rules_, clock_.now_us());
  const auto last_sweep = last_sweep_boot_us_.find(table.folder().native());
  const bool sweep =
      last_sweep == last_sweep_boot_us_.end() || clock_.boot_us() - last_sweep->second >= rules_.sweep_us;
  if (!sweep) rules.unreferenced_before_ms = 0;
  TRY(delta::vacuum(table.snapshot(), rules));
  if (sweep) last_sweep_boot_us_[table.folder().native()] = clock_.boot_us();
  fault_point("maintenance.vacuumed");
  TRY(table.checkpoint(oldest_ms));
  fault_point("maintenance.checkpointed");
  const auto oldest = delta::version_at(table.folder(), oldest_ms);
  const int64_t keep_from = oldest ? std::min(oldest->value, keep_at_most) : -1;
  if (keep_from > 0) TRY(delta::clean_log(table.folder(), Version(keep_from)));
  fault_point("maintenance.cleaned");
  return {};
}

// The later of two bounds: six hours, but not more than so many commits.
int64_t kept_since_ms(const delta::Snapshot& table, const MaintenanceRules& rules, int64_t now_us) {
  const int64_t by_time = (now_us - rules.keep_us) / 1000;
  const Version by_count(table.version().value - rules.keep_commits);
  if (by_count.value < 0) return by_time;
  const auto commit = delta::read_commit(table.table_folder(), by_count);
  return commit && commit->commit_info ? std::max(by_time, commit->commit_info->timestamp_ms) : by_time;
}

delta::VacuumRules vacuum_rules(const delta::Snapshot& table, std::string_view job, const MaintenanceRules& rules,
                                int64_t now_us) {
  delta::VacuumRules out;
  out.tombstones_before_ms = kept_since_ms(table, rules, now_us);
  out.unreferenced_before_ms = (now_us - rules.keep_unreferenced_us) / 1000;
  out.keep = [reached = table.txn_version(app_id(job, "batch")).value_or(0)](const std::string& path) {
    const auto name = parse_part_name(fs::path(path).filename().native());
    return name && name->batch > reached;
  };
  return out;
}

// Those that the ledger does not have.
Result<std::vector<ErasureAccount>> Maintenance::erasures_of_quarantine(const delta::Snapshot& quarantine) const {
  const std::string id = app_id(job_, kErasure);
  const int64_t folded = ledger_->snapshot().txn_version(id).value_or(0);
  std::vector<ErasureAccount> out;
  if (quarantine.txn_version(id).value_or(0) <= folded) return out;
  for (const delta::CommitRecord& commit : TRY(delta::history(quarantine.table_folder()))) {
    auto account = TRY(erasure_account(commit.info, job_));
    if (account && account->number > folded) out.push_back(std::move(*account));
  }
  return out;
}

Result<> Maintenance::erasure_done(int64_t number, const std::string& receipt, int64_t epoch, int64_t time_us) {
  const BatchNames names{ledger_->snapshot().txn_version(app_id(job_, "fold")).value_or(0), epoch, time_us / 1000};
  std::vector<LedgerEvent> events{{.event = kErase, .detail = receipt, .epoch = epoch, .time_us = time_us}};
  return append({}, std::move(events), names, {{app_id(job_, kErasuresDone), number, names.time_ms}});
}

Result<> Maintenance::fold(const delta::DeltaTable& silver, const delta::DeltaTable& quarantine, int64_t epoch) {
  std::vector<BatchAccount> accounts;
  std::vector<LedgerEvent> events;
  const auto visit = [&](delta::CommitRecord&& commit) -> Result<> {
    if (is_batch_account(commit.info, job_)) accounts.push_back(TRY(batch_account(commit.info)));
    if (auto event = take_over_event(commit.info, job_, commit.commit_uuid, commit.timestamp_ms * 1000))
      events.push_back(std::move(*event));
    if (const auto erasure = TRY(erasure_account(commit.info, job_)))
      for (LedgerEvent& event : events_of(*erasure)) events.push_back(std::move(event));
    return {};
  };
  const int64_t last = TRY(delta::commits_since(silver.folder(), Version(folded_version_), visit)).value;
  if (accounts.empty()) return {};
  const int64_t batch = accounts.back().batch;
  const BatchNames names{batch, epoch, clock_.now_us() / 1000};
  std::vector<delta::Txn> txns = {{app_id(job_, "fold"), batch, names.time_ms},
                                  {app_id(job_, "fold_version"), last, names.time_ms}};
  for (const ErasureAccount& erasure : TRY(erasures_of_quarantine(quarantine.snapshot()))) {
    for (LedgerEvent& event : events_of(erasure)) events.push_back(std::move(event));
    if (txns.size() == 2)
      txns.push_back({app_id(job_, kErasure), erasure.number, names.time_ms});  // the newest is first
  }
  TRY(append(std::move(accounts), std::move(events), names, std::move(txns)));
  folded_version_ = last;
  return {};
}

Result<> Maintenance::append(std::vector<BatchAccount> accounts, std::vector<LedgerEvent> events,
                             const BatchNames& names, std::vector<delta::Txn> txns) {
  const std::string name = part_name(names, random_);
  ColumnBatch columns = ledger_columns(accounts, std::move(events));
  const int64_t rows = columns.rows();
  const int64_t size = TRY(write_parquet(lake_.ledger() / name, std::move(columns), {}));
  TRY(sync_folder(lake_.ledger()));
  fault_point("ledger.file_written");
  delta::Transaction t;
  t.operation = "WRITE";
  t.operation_parameters = {{"mode", "Append"}};
  t.commit_uuid = random_.uuid();
  t.time_ms = names.time_ms;
  t.adds = {{name, {}, size, names.time_ms, true, delta::FileStats(rows).json()}};
  t.txns = std::move(txns);
  t.blind_append = true;
  TRY(ledger_->commit(t));
  return {};
}

}  // namespace pactolus
