// What the checks work on: one snapshot of each table, the accounts of all batches, and SQL over both. Everything is
// opened for reading only; a job may run meanwhile.
//
// Tables are looked at in the order Gold, quarantine, Silver, ledger: Silver is the authority and the others follow it,
// so on a running lake it is never behind them, and what leaves its log has been folded into the ledger before.
//
// In SQL (one engine, all times as microseconds):
//   silver, quarantine, ledger, "gold/<view>"   views of the snapshots; only of tables that can be read
//   batches   batch, epoch, commit_uuid, batch_time, watermark_before, watermark_after
//   sources   batch, topic, topic_id, partition, history, start_offset, end_offset, consumed, skipped, silver,
//             duplicates, quarantined, lost
//   losses    time, batch, kind, topic, topic_id, partition, start_offset, end_offset, reason   accepted ones
//   reasons   batch, topic, partition, reason, records           what the ledger says was quarantined
//   erased    time, batch, topic, partition, silver, min_time, max_time   when which rows of persons went, and their
//             event times
//   erased_reasons  time, batch, topic, partition, reason, records        the same of the quarantine
//   positions topic, topic_id, partition, next_offset            the `txn` entries of Silver
//   is_history(topic), minute_of(us)
// `batches_told` and so on hold what the log and the ledger table say, with a column `teller`; a batch in both counts
// once in the tables above.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "bronze/log.h"
#include "lake/delta/snapshot.h"
#include "query/duckdb.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct VerifiedTable {
  std::string name;  // "silver", "quarantine", "ledger", "gold/product_interest"; also its view's name
  fs::path folder;
  std::optional<delta::Snapshot> snapshot;  // none: its log cannot be read, `problem` says why
  std::string problem;                      // what keeps its rows from being read: the log, or a file
  int64_t reached = 0;                      // the job's last batch that it says it has
  bool readable() const { return snapshot && problem.empty(); }
};

struct VerifyOptions {
  Config config;
  // Reads a topic of Bronze; error not_found when it is not there. Empty: Bronze is left alone, for `without_bronze`.
  std::function<Result<std::unique_ptr<LogReader>>(const std::string& topic)> open_topic = {};
  std::string without_bronze = {};
  std::function<bool()> stop = {};  // asked between checks and long steps; the answer then is an error `io`
  std::function<void(SqlEngine*)> engine_is = {};  // told the engine that works, and null at its end: to interrupt it
};

struct VerifyInput {
  const VerifyOptions& options;
  LakePaths lake;
  SqlEngine sql;
  std::vector<VerifiedTable> tables;
  int64_t last_batch = 0;             // by Silver's `txn`
  int64_t quarantine_reached = 0;     // every batch up to it has its rejects in quarantine
  int64_t gold_reached = 0;           // every batch up to it has its final rows in all views that are declared
  std::string accounts_problem = {};  // a commit's account could not be read
  bool unfinished_erasure = false;    // persons have been taken out of Silver; whether out of all else is not known
  std::optional<FileLock> care = {};  // keeps erasures away as long as the tables are looked at

  VerifiedTable& table(std::string_view name);
  const std::string& job() const { return options.config.job; }
  bool stopped() const { return options.stop && options.stop(); }

  // Error not_found when there is no lake or no committed batch.
  static Result<std::unique_ptr<VerifyInput>> load(const VerifyOptions& options);
  // Once the files have been looked at: the views of the tables that can be read.
  Result<> create_views();
};

}  // namespace pactolus
