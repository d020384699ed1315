// Small files into large ones, beside the stream: what to merge is planned between batches, the merging is done by a
// thread of its own, and the result is committed between later batches.
//
//   look ──► plan (lake/delta/compaction.h) ──► merge, in the background ──► look ──► commit, dataChange = false
//
// One merge at a time. A commit names what it removes; when another process has removed one of those files first, the
// merge is given up and its file taken away. The same rows in the same order are in the table before and after.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "lake/delta/compaction.h"
#include "lake/delta/delta_table.h"
#include "runtime/batch_writer.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct CompactedTable {
  delta::DeltaTable* table;
  ParquetOptions encoding;
};

struct CompactionTotals {
  int64_t merges = 0, files = 0, rows = 0, bytes = 0;  // files: that were merged; bytes: written
  int64_t cpu_us = 0;                                  // of the merging threads
  int64_t given_up = 0;
};

// A merged file, written and fsynced, that no commit names yet.
struct MergedFile {
  delta::CompactionPlan plan;
  delta::AddFile add;
  int64_t cpu_us = 0;
};
// Reads the plan's files and writes the new one. Any thread. The name: see part_name of batch_writer.h.
// `rows`: of all the plan's files in their order, or none: then the files are read.
Result<MergedFile> merge_files(const fs::path& table, delta::CompactionPlan plan, const ParquetOptions& encoding,
                               const BatchNames& names, Random& random,
                               std::vector<std::shared_ptr<const KeptRows>> rows = {});
// Commits it, or takes it away. False: another process was first.
Result<bool> commit_merge(delta::DeltaTable& table, const MergedFile& merged, Clock& clock, Random& random,
                          std::string_view command);

// Partitions by a date whose rows are older than the watermark less the horizon get no more of the stream.
delta::IsClosed closed_before(int64_t time);

class Compactor {
 public:
  Compactor(Clock& clock, Random random) : clock_(clock), random_(random) {}
  ~Compactor();  // waits for the merge at hand

  // The rows of a file of the first table that was just committed: a merge need not read it again. The newest are kept
  // within a bound of memory.
  void keep(const std::string& path, std::shared_ptr<const KeptRows> rows);
  void forget_rows();  // that were kept
  // Between batches: commits what is done and begins one merge, of the first table that has any. `closed_time`: see
  // closed_before. Tables by the same order in every call; they must outlive the next call. After an error no merge is
  // begun for ten minutes.
  Result<> look(std::span<const CompactedTable> tables, int64_t closed_time, const BatchNames& names);
  // Waits for the merge at hand and commits it.
  Result<> finish(std::span<const CompactedTable> tables);
  const CompactionTotals& totals() const noexcept { return totals_; }

 private:
  void forget(const std::string& path);
  std::vector<std::shared_ptr<const KeptRows>> take_kept(const delta::CompactionPlan& plan);
  Result<> settle(std::span<const CompactedTable> tables);
  Clock& clock_;
  Random random_;
  delta::CompactionRules rules_;
  std::future<Result<MergedFile>> running_;
  size_t running_table_ = 0;
  std::vector<int64_t> seen_version_;  // by table: nothing was to be done there
  int64_t seen_boot_us_ = 0, failed_boot_us_ = -1;
  CompactionTotals totals_;
  std::unordered_map<std::string, std::shared_ptr<const KeptRows>> kept_;  // by path
  std::deque<std::string> kept_order_;                                     // oldest first; some are used already
  int64_t kept_bytes_ = 0;
};

}  // namespace pactolus
