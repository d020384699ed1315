// gold/alerts: every transition of an alert, one row each, written once by the batch that made the last window which it
// judged final. A table behind Silver as those of views are: its txn says which batch it has.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gold/alert_rule.h"
#include "lake/delta/snapshot.h"
#include "runtime/batch_writer.h"
#include "runtime/lake_tables.h"

namespace pactolus {

inline constexpr const char* kAlerts = "alerts";  // its name under gold/

// Property of the table: it has been there since the lake's first batch.
inline constexpr const char* kAlertsFromStart = "pactolus.alertsFromStart";

delta::TableSchema alerts_schema();
// In words: "views > 100 and purchases < 5".
std::string threshold_text(const AlertRule::Options& rule);

// One file for each date of window starts; `told_us` is the batch's time.
Result<std::vector<delta::AddFile>> write_alert_files(const LakePaths& lake, const AlertRule::Options& rule,
                                                      std::span<const AlertTransition> transitions, int64_t told_us,
                                                      const BatchNames& names, Random& random);

struct AlertRow {
  std::string rule, threshold;
  AlertTransition transition;
  int64_t batch = 0, told_us = 0;
};
// All of them, in the order in which they were told.
Result<std::vector<AlertRow>> read_alerts(const delta::Snapshot& table);

}  // namespace pactolus
