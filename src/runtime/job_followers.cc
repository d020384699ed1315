// The tables behind Silver: quarantine, the views of Gold, the alerts. Each is committed from what Silver's commit
// means, in that order, and says by its txn which batch it has.
#include <fmt/format.h>

#include <utility>

#include "base/fault.h"
#include "runtime/declared_alerts.h"
#include "runtime/declared_view.h"
#include "runtime/job.h"

namespace pactolus {

Result<> Job::commit_quarantine(const BatchAccount& account) {
  if (account.quarantine_files.empty()) return {};
  std::vector<delta::AddFile> adds;
  for (const NamedFile& f : account.quarantine_files) adds.push_back(quarantine_add(f, account.batch_time / 1000));
  return follow(*quarantine_, behind_silver(account.batch, account.batch_time, std::move(adds)), account.batch,
                quarantine_batch_);
}

// What a batch adds to a table behind Silver.
delta::Transaction Job::behind_silver(int64_t batch, int64_t batch_time, std::vector<delta::AddFile> adds) {
  delta::Transaction t;
  t.operation = "STREAMING UPDATE";
  t.operation_parameters = {{"outputMode", "Append"}, {"batchId", std::to_string(batch)}};
  t.commit_uuid = random_.uuid();
  t.time_ms = batch_time / 1000;
  t.adds = std::move(adds);
  t.txns = {{app_id(config_.job, "batch"), batch, t.time_ms}};
  t.blind_append = true;
  return t;
}

// A commit behind Silver's. The table's own txn says whether the batch is in it: a process that was taken over, or its
// successor, may have been first, with the same rows.
Result<> Job::follow(delta::DeltaTable& table, const delta::Transaction& t, int64_t batch, int64_t& reached) {
  const std::string id = app_id(config_.job, "batch");
  const auto is_there = [&](const delta::Snapshot& now) { return now.txn_version(id).value_or(0) >= batch; };
  const delta::CommitPolicy policy{.recheck = [&](const delta::Snapshot& now, auto) -> Result<> {
    if (is_there(now))
      return fail(ErrorCode::conflict, fmt::format("batch {} is in {} already", batch, table.folder().native()));
    return {};
  }};
  auto version = while_disk_is_full([&] { return table.commit(t, policy); });
  if (!version) {
    if (version.error().code != ErrorCode::conflict) return std::unexpected(version.error());
    TRY(table.refresh());
    if (!is_there(table.snapshot())) return std::unexpected(version.error());
  }
  reached = batch;
  return {};
}

Result<> Job::commit_gold(StreamView& view, int64_t batch, int64_t batch_time, const ViewRows& rows) {
  const BatchNames names{batch, epoch_, batch_time / 1000};
  auto adds = while_disk_is_full([&] { return write_view_files(lake_, rows, ViewBasis::stream, names, random_); });
  if (!adds) return std::unexpected(adds.error());
  fault_point("gold.files_written");
  return follow(*view.table, behind_silver(batch, batch_time, std::move(*adds)), batch, view.reached);
}

std::vector<AlertRow> Job::judge_alerts(std::span<const InterestRow> final_rows,
                                        std::span<const ConversionEvidence::Seen> seen, int64_t watermark,
                                        int64_t batch_time) {
  std::vector<AlertRow> out = std::exchange(resolved_, {});
  for (AlertRule& rule : alert_rules_)
    for (AlertTransition& t : rule.judge(final_rows, watermark)) out.push_back(row_of(rule.options(), std::move(t)));
  const auto found = evidence_.look(seen, batch_time, low_conversion_.options().alpha);
  for (const EvidenceTransition& t : low_conversion_.judge(found, evidence_.period_start(), batch_time))
    out.push_back(row_of(low_conversion_.options(), t));
  return out;
}

Result<> Job::commit_alerts(int64_t batch, int64_t batch_time, const std::vector<AlertRow>& rows) {
  const BatchNames names{batch, epoch_, batch_time / 1000};
  auto adds = while_disk_is_full([&] { return write_alert_files(lake_, rows, batch_time, names, random_); });
  if (!adds) return std::unexpected(adds.error());
  fault_point("alerts.files_written");
  return follow(*alert_table_, behind_silver(batch, batch_time, std::move(*adds)), batch, alerts_batch_);
}

// With the txn of the last batch: what the table has up to there is all that the declaration before will give.
Result<> Job::declare_view(StreamView& view) {
  delta::Transaction t;
  t.operation = "SET TBLPROPERTIES";
  t.metadata = view.table->snapshot().metadata();
  DeclaredView at = DeclaredView::of(*view.view);
  at.replace(view.table->snapshot(), batch_);
  at.write(t.metadata->configuration);
  t.commit_uuid = random_.uuid();
  t.time_ms = clock_.now_us() / 1000;
  if (batch_ > 0) t.txns = {{app_id(config_.job, "batch"), batch_, t.time_ms}};
  const auto version = while_disk_is_full([&] { return view.table->commit(t); });
  if (!version) return std::unexpected(version.error());
  view.reached = batch_;
  return {};
}

void Job::take_rules(const DeclaredAlerts& declared) {
  alert_rules_ = declared.make_rules();
  low_conversion_ = LowConversionRule(declared.low_conversion());
}

Result<> Job::declare_alerts(const DeclaredAlerts& declared) {
  delta::Transaction t;
  t.operation = "SET TBLPROPERTIES";
  t.metadata = alert_table_->snapshot().metadata();
  declared.write(t.metadata->configuration);
  t.commit_uuid = random_.uuid();
  t.time_ms = clock_.now_us() / 1000;
  const auto version = while_disk_is_full([&] { return alert_table_->commit(t); });
  if (!version) return std::unexpected(version.error());
  return {};
}

// A table that had nothing to say about the last batches says that it has reached them.
Result<> Job::bring_up(delta::DeltaTable& table, int64_t& reached) {
  if (reached >= batch_) return {};
  return follow(table, behind_silver(batch_, batch_time_, {}), batch_, reached);
}

Result<> Job::bring_up_followers() {
  TRY(bring_up(*quarantine_, quarantine_batch_));
  for (StreamView& v : views_) TRY(bring_up(*v.table, v.reached));
  return bring_up(*alert_table_, alerts_batch_);
}

std::vector<delta::DeltaTable*> Job::followers() {
  std::vector<delta::DeltaTable*> tables = {&*quarantine_};
  for (StreamView& v : views_) tables.push_back(&*v.table);
  tables.push_back(&*alert_table_);
  return tables;
}

}  // namespace pactolus
