#include "runtime/table_care.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/time_text.h"
#include "lake/delta/stats.h"
#include "runtime/compactor.h"
#include "runtime/lake_lock.h"
#include "runtime/maintenance.h"

namespace pactolus {
namespace {

ParquetOptions encoding_of(const LakeTable& table) {
  if (table.name == "silver") return silver_encoding();
  if (table.name == "quarantine") return quarantine_encoding();
  return table.name.starts_with("gold/") ? gold_encoding() : ParquetOptions{};
}

bool is_wanted(const delta::PartitionValues& partition, const OptimizeOptions& options) {
  if (!options.from_day && !options.to_day) return true;
  for (const auto& [column, value] : partition)
    if (const auto day = value ? parse_date(*value) : std::nullopt)
      return *day >= options.from_day.value_or(*day) && *day <= options.to_day.value_or(*day);
  return false;
}

}  // namespace

Result<std::vector<LakeTable>> lake_tables(const LakePaths& lake) {
  TRY(check_lake(lake));
  std::vector<LakeTable> out = {
      {"silver", lake.silver()}, {"quarantine", lake.quarantine()}, {"ledger", lake.ledger()}};
  for (const std::string& view : gold_tables(lake)) out.push_back({"gold/" + view, lake.gold(view)});
  std::error_code ignored;
  std::erase_if(out, [&](const LakeTable& t) { return !fs::is_directory(delta::log_folder(t.folder), ignored); });
  return out;
}

Result<LakeTable> find_table(const LakePaths& lake, std::string_view name) {
  const std::vector<LakeTable> tables = TRY(lake_tables(lake));
  std::vector<std::string_view> names;
  for (const LakeTable& table : tables) {
    // Also as its folder is called, silver/events, product_interest; and as in SQL, gold.product_interest.
    const std::string_view view = name.starts_with("gold.") ? name.substr(5) : name;
    if (table.name == name || (table.name.starts_with("gold/") && std::string_view(table.name).substr(5) == view) ||
        (name.ends_with("/events") && table.name == name.substr(0, name.size() - 7)))
      return table;
    names.push_back(table.name);
  }
  return fail(ErrorCode::usage, fmt::format("no such table\nexpected {}, got \"{}\"", fmt::join(names, ", "), name));
}

Result<std::vector<LakeTable>> tables_named(const LakePaths& lake, std::string_view name) {
  if (name.empty()) return lake_tables(lake);
  return std::vector<LakeTable>{TRY(find_table(lake, name))};
}

Result<Optimized> optimize_table(const LakePaths& lake, const LakeTable& table, const OptimizeOptions& options,
                                 Clock& clock, Random& random) {
  const FileLock care = TRY(lock_table_care(lake.care_lock(), false, kCareWait_us, clock));
  auto delta = TRY(delta::DeltaTable::open(
      table.folder, {.clock = &clock, .before_link = "optimize.before_link", .linked = "optimize.linked"}));
  const ParquetOptions encoding = encoding_of(table);
  const auto plans = delta::plan_optimize(delta.snapshot(), options.target_bytes / 2, options.target_bytes,
                                          [&](const delta::PartitionValues& p) { return is_wanted(p, options); });
  Optimized out;
  int64_t files = 0, done = 0;
  for (const auto& plan : plans) files += int64_t(plan.files.size());
  for (const auto& plan : plans) {
    if (options.stop && options.stop()) break;
    // Named by the newest batch that is in it.
    int64_t batch = 0;
    for (const delta::AddFile& file : plan.files)
      batch = std::max(batch, parse_part_name(fs::path(file.path).filename().native()).value_or(PartName{}).batch);
    const MergedFile merged = TRY(merge_files(table.folder, plan, encoding, {batch, 0, clock.now_us() / 1000}, random));
    done += int64_t(plan.files.size());
    if (options.progress) options.progress(done, files);
    if (!TRY(commit_merge(delta, merged, clock, random, "optimize"))) {
      ++out.given_up;
      continue;
    }
    ++out.merges;
    out.files_before += int64_t(plan.files.size());
    ++out.files_after;
    out.rows += delta::rows_of(merged.add.stats).value_or(0);
    out.bytes += merged.add.size;
  }
  return out;
}

Result<delta::Vacuumed> vacuum_table(const LakePaths& lake, const LakeTable& table, std::string_view job,
                                     int64_t keep_us, bool dry_run, Clock& clock) {
  const FileLock care = TRY(lock_table_care(lake.care_lock(), false, kCareWait_us, clock));
  const delta::Snapshot snapshot = TRY(delta::Snapshot::load(table.folder));
  delta::VacuumRules rules = vacuum_rules(snapshot, job, {.keep_us = keep_us}, clock.now_us());
  rules.dry_run = dry_run;
  return delta::vacuum(snapshot, rules);
}

}  // namespace pactolus
