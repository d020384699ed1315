// gold/alerts: every transition of an alert, one row each, written once by the batch that made the last window which it
// judged final. A table behind Silver as those of views are: its txn says which batch it has.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "gold/low_conversion_rule.h"
#include "lake/delta/snapshot.h"
#include "runtime/batch_writer.h"
#include "runtime/lake_tables.h"

namespace pactolus {

inline constexpr const char* kAlerts = "alerts";  // its name under gold/

// Property of the table: it has been there since the lake's first batch.
inline constexpr const char* kAlertsFromStart = "pactolus.alertsFromStart";

delta::TableSchema alerts_schema();
// A transition as the table has it. Of evidence: the window is the period up to the look, `opened_window` its start.
struct AlertRow {
  std::string rule, threshold;
  AlertTransition transition;
  // Of evidence alone:
  std::string category = {};
  ViewsAndPurchases others = {};  // the rest of the category
  double ln_evidence = 0;
  int64_t batch = 0, told_us = 0;
};
AlertRow row_of(const AlertRule::Options& rule, AlertTransition transition);
AlertRow row_of(const LowConversionRule::Options& rule, const EvidenceTransition& transition);
EvidenceTransition evidence_of(const AlertRow& row);
// For programs: `alerts ls --json`, webhooks. Without the batch and the time that it was told.
Json alert_json(const AlertRow& row);

// One file for each date of window starts; `told_us` is the batch's time.
Result<std::vector<delta::AddFile>> write_alert_files(const LakePaths& lake, std::span<const AlertRow> rows,
                                                      int64_t told_us, const BatchNames& names, Random& random);
// All of them, in the order in which they were told.
Result<std::vector<AlertRow>> read_alerts(const delta::Snapshot& table);
// The newest transition of every alert that is open, in that order. Holds a file's rows at a time.
Result<std::vector<AlertRow>> read_open_alerts(const delta::Snapshot& table);
// Those that batches after `batch` have told, in order; `version` is a version of the table that has the batch, so that
// only what came since is read, and becomes the one that was read.
Result<std::vector<AlertRow>> read_alerts_since(const fs::path& table, int64_t batch, int64_t& version);

}  // namespace pactolus
