#include "runtime/compactor.h"

#include <fmt/core.h>
#include <pthread.h>
#include <time.h>

#include "base/fault.h"
#include "base/time_text.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_merge.h"
#include "lake/parquet/row_group_copy.h"

namespace pactolus {
namespace {

constexpr int64_t kKeptBytes = int64_t(192) << 20;
constexpr int64_t kRest_us = 10 * kMicrosPerMinute;       // after an error
constexpr int64_t kLookAgain_us = 30 * kMicrosPerSecond;  // partitions close as time passes, without a commit

int64_t thread_cpu_us() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}

}  // namespace

Result<MergedFile> merge_files(const fs::path& table, delta::CompactionPlan plan, const ParquetOptions& encoding,
                               const BatchNames& names, Random& random,
                               std::vector<std::shared_ptr<const KeptRows>> rows) {
  const int64_t began = thread_cpu_us();
  std::vector<MergeInput> inputs;
  std::vector<std::string_view> stats;
  for (const delta::AddFile& file : plan.files) {
    inputs.push_back({table / file.path, rows.empty() ? nullptr : std::move(rows[inputs.size()])});
    stats.push_back(file.stats);
  }
  const fs::path folder = fs::path(plan.files.front().path).parent_path();
  delta::AddFile add;
  add.path = (folder / part_name(names, random)).native();
  add.partition_values = plan.partition;
  add.modification_time_ms = names.time_ms;
  add.data_change = false;
  add.stats = delta::merged_stats(stats);
  const MergedParquet merged = TRY(merge_parquet(inputs, table / add.path, encoding));
  TRY(sync_folder(table / folder));
  add.size = merged.size;
  if (const auto told = delta::rows_of(add.stats); told && *told != merged.rows) {
    (void)remove_file(table / add.path);
    return fail(ErrorCode::corrupt,
                fmt::format("the files merged into {} have {} rows, the log says {}", add.path, merged.rows, *told));
  }
  if (add.stats.empty()) add.stats = delta::FileStats(merged.rows).json();
  fault_point("compaction.merged");
  return MergedFile{std::move(plan), std::move(add), thread_cpu_us() - began};
}

Result<bool> commit_merge(delta::DeltaTable& table, const MergedFile& merged, Clock& clock, Random& random,
                          std::string_view command) {
  delta::Transaction t;
  t.operation = "OPTIMIZE";
  t.operation_parameters = {{"files", std::to_string(merged.plan.files.size())}};
  t.info = Json::object().set("kind", "compaction").set("command", command);
  t.commit_uuid = random.uuid();
  t.time_ms = clock.now_us() / 1000;
  for (const delta::AddFile& file : merged.plan.files)
    t.removes.push_back({file.path, t.time_ms, false, file.partition_values, file.size});
  t.adds = {merged.add};
  const auto version = table.commit(t);
  if (version) return true;
  if (version.error().code != ErrorCode::conflict) return std::unexpected(version.error());
  TRY(remove_file(table.folder() / merged.add.path));
  return false;
}

delta::IsClosed closed_before(int64_t time) {
  return [time](const delta::PartitionValues& partition) {
    if (time == kNoTime) return false;
    for (const auto& [column, value] : partition) {
      const auto day = value ? parse_date(*value) : std::nullopt;
      if (day) return (int64_t(*day) + 1) * kMicrosPerDay <= time;
    }
    return false;
  };
}

void Compactor::keep(const std::string& path, std::shared_ptr<const KeptRows> rows) {
  if (count_of(*rows) >= kCopiedGroupRows) return;  // the file is copied as it is
  const int64_t bytes = bytes_of(*rows);
  kept_.emplace(path, std::move(rows));
  kept_order_.push_back(path);
  for (kept_bytes_ += bytes; kept_bytes_ > kKeptBytes; kept_order_.pop_front()) forget(kept_order_.front());
}

void Compactor::forget_rows() {
  kept_.clear();
  kept_order_.clear();
  kept_bytes_ = 0;
}

void Compactor::forget(const std::string& path) {
  const auto at = kept_.find(path);
  if (at == kept_.end()) return;
  kept_bytes_ -= bytes_of(*at->second);
  kept_.erase(at);
}

std::vector<std::shared_ptr<const KeptRows>> Compactor::take_kept(const delta::CompactionPlan& plan) {
  std::vector<std::shared_ptr<const KeptRows>> out;
  for (const delta::AddFile& file : plan.files) {
    const auto at = kept_.find(file.path);
    if (at != kept_.end()) out.push_back(at->second);
  }
  for (const delta::AddFile& file : plan.files) forget(file.path);
  while (!kept_order_.empty() && !kept_.contains(kept_order_.front())) kept_order_.pop_front();
  if (out.size() != plan.files.size()) out.clear();
  return out;
}

Compactor::~Compactor() {
  if (running_.valid()) running_.wait();
}

Result<> Compactor::look(std::span<const CompactedTable> tables, int64_t closed_time, const BatchNames& names) {
  if (running_.valid()) {
    if (running_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return {};
    TRY(settle(tables));
  }
  if (failed_boot_us_ >= 0 && clock_.boot_us() - failed_boot_us_ < kRest_us) return {};
  seen_version_.resize(tables.size(), -1);
  if (clock_.boot_us() - seen_boot_us_ >= kLookAgain_us) {
    seen_boot_us_ = clock_.boot_us();
    std::fill(seen_version_.begin(), seen_version_.end(), -1);
  }
  const delta::IsClosed is_closed = closed_before(closed_time);
  for (size_t i = 0; i < tables.size(); ++i) {
    const delta::Snapshot& snapshot = tables[i].table->snapshot();
    // A plan costs a walk over all files: a table is looked at again when it may have gained some.
    if (snapshot.version().value - seen_version_[i] < int64_t(rules_.merge_files[0]) / 4 && seen_version_[i] >= 0)
      continue;
    auto plan = delta::plan_compaction(snapshot, rules_, is_closed, clock_.now_us() / 1000);
    if (!plan) {
      seen_version_[i] = snapshot.version().value;
      continue;
    }
    running_table_ = i;
    auto kept = i == 0 ? take_kept(*plan) : std::vector<std::shared_ptr<const KeptRows>>();
    running_ = std::async(std::launch::async,
                          [folder = tables[i].table->folder(), encoding = tables[i].encoding, names,
                           rows = std::move(kept), plan = std::move(*plan), random = Random(random_.next())]() mutable {
                            ::pthread_setname_np(::pthread_self(), "compaction");
                            return merge_files(folder, std::move(plan), encoding, names, random, std::move(rows));
                          });
    return {};
  }
  return {};
}

Result<> Compactor::finish(std::span<const CompactedTable> tables) {
  if (!running_.valid()) return {};
  running_.wait();
  return settle(tables);
}

Result<> Compactor::settle(std::span<const CompactedTable> tables) {
  failed_boot_us_ = clock_.boot_us();  // until all has gone well
  const MergedFile merged = TRY(running_.get());
  delta::DeltaTable& table = *tables[running_table_].table;
  totals_.cpu_us += merged.cpu_us;
  if (!TRY(commit_merge(table, merged, clock_, random_, "run"))) {
    failed_boot_us_ = -1;
    ++totals_.given_up;
    return {};
  }
  failed_boot_us_ = -1;
  fault_point("compaction.committed");
  ++totals_.merges;
  totals_.files += int64_t(merged.plan.files.size());
  totals_.rows += delta::rows_of(merged.add.stats).value_or(0);
  totals_.bytes += merged.add.size;
  return {};
}

}  // namespace pactolus
