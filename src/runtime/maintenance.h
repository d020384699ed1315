// Care of the lake's logs by the process that runs the job: checkpoints, the ledger's fold, clean-up behind both, and
// vacuum of the data files that no version within the retention needs.
//
//   Silver log:  ──────────┬───────────────┬─────────────► now
//                 cleaned  │ folded into    │ accounts only in the commits
//                          │ `ledger`       │
//                          └ kept: 6 h, at most 10,000 commits, and whatever recovery may still need
//
// Accounts are folded exactly once: `txn{<job>/fold}` names the last folded batch. Clean-up never passes it, nor the
// batch of the state snapshot, nor the one that quarantine and Gold have reached. With the accounts of batches go those
// of erasures, of which quarantine's are in its own log: `txn{<job>/erasure}` there and in the ledger tell of new ones.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "lake/delta/delta_table.h"
#include "lake/delta/vacuum.h"
#include "runtime/batch_writer.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"
#include "runtime/ledger.h"

namespace pactolus {

struct MaintenanceRules {
  int64_t checkpoint_commits = 100;
  int64_t checkpoint_us = 5 * kMicrosPerMinute;
  int64_t keep_us = 6 * kMicrosPerHour;                // time travel reaches that far, in log and data,
  int64_t keep_commits = 10'000;                       // but not over more commits
  int64_t sweep_us = 6 * kMicrosPerHour;               // so often files that no commit names are looked for
  int64_t keep_unreferenced_us = 24 * kMicrosPerHour;  // files that no commit names
};

class Maintenance {
 public:
  Maintenance(LakePaths lake, std::string job, Clock& clock, Random random, MaintenanceRules rules = {});
  Result<> open();  // the ledger table, made when missing

  // `tables`: quarantine first, then what else follows Silver.
  bool due(const delta::DeltaTable& silver, std::span<delta::DeltaTable* const> tables) const {
    return due(silver) || std::ranges::any_of(tables, [this](const auto* t) { return due(*t); }) || due(*ledger_);
  }
  // After a commit, cheap when nothing is due. `needed_version` of Silver is the oldest that recovery may read.
  Result<> after_commit(delta::DeltaTable& silver, std::span<delta::DeltaTable* const> tables, int64_t needed_version,
                        int64_t epoch);
  // Folds what there is to fold.
  Result<> fold(const delta::DeltaTable& silver, const delta::DeltaTable& quarantine, int64_t epoch);
  // Says in the ledger that an erasure has come to its end.
  Result<> erasure_done(int64_t number, const std::string& receipt, int64_t epoch, int64_t time_us);
  delta::DeltaTable& ledger() { return *ledger_; }

 private:
  Result<std::vector<ErasureAccount>> erasures_of_quarantine(const delta::Snapshot& quarantine) const;
  Result<> append(std::vector<BatchAccount> accounts, std::vector<LedgerEvent> events, const BatchNames& names,
                  std::vector<delta::Txn> txns);
  Result<> care(delta::DeltaTable& table, int64_t keep_at_most);
  bool due(const delta::DeltaTable& table) const;

  LakePaths lake_;
  std::string job_;
  Clock& clock_;
  Random random_;
  MaintenanceRules rules_;
  std::optional<delta::DeltaTable> ledger_;
  int64_t folded_version_ = -1;  // of Silver: accounts up to it are in the table
  int64_t last_care_boot_us_ = 0;
  std::map<std::string, int64_t> last_sweep_boot_us_;  // by table folder
};

// Milliseconds: files that were removed from the table before then are needed by no version within the retention.
int64_t kept_since_ms(const delta::Snapshot& table, const MaintenanceRules& rules, int64_t now_us);
// What a vacuum of this table may remove now: never what a version within the retention needs, nor a file of a batch
// that the table has not reached (Silver has named it already), nor one that somebody may be writing.
delta::VacuumRules vacuum_rules(const delta::Snapshot& table, std::string_view job, const MaintenanceRules& rules,
                                int64_t now_us);

}  // namespace pactolus
