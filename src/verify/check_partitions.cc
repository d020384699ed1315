#include <fmt/format.h>

#include "lake/delta/path_encoding.h"
#include "runtime/lake_tables.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

// The plain timestamp of the same microseconds is UTC already; a conversion by time zone costs six times as much.
constexpr const char* kSilver = R"(
SELECT format('silver {}/{} offset {}: {} has event_date {} and event_hour {}', topic, "partition", "offset",
              event_timestamp::VARCHAR, coalesce(event_date::VARCHAR, 'NULL'), coalesce(event_hour::VARCHAR, 'NULL'))
       AS why
FROM (SELECT *, make_timestamp(epoch_us(event_timestamp)) AS utc FROM silver)
WHERE event_date IS DISTINCT FROM utc::DATE OR event_hour IS DISTINCT FROM hour(utc) OR event_type IS NULL)";

constexpr const char* kGold = R"(
SELECT format('{}: the window from {{}} has window_date {{}}', window_start::VARCHAR,
              coalesce(window_date::VARCHAR, 'NULL')) AS why
FROM {} WHERE window_date IS DISTINCT FROM window_start::DATE)";

void check_folders(const VerifiedTable& table, CheckResult& result) {
  for (const auto& [path, file] : table.snapshot->files()) {
    const std::string folder =
        delta::partition_folder(table.snapshot->metadata().partition_columns, file.partition_values);
    if (fs::path(path).parent_path() != folder)
      result.fail_row(
          fmt::format("{}/{} has the partition values of {}", table.name, path, folder.empty() ? "no folder" : folder));
  }
}

}  // namespace

Result<CheckResult> check_partitions(VerifyInput& in) {
  CheckResult result;
  int64_t partitions = 0;
  for (const VerifiedTable& table : in.tables) {
    if (!table.snapshot) continue;
    check_folders(table, result);
    std::string last;
    for (const auto& [path, file] : table.snapshot->files()) {
      const std::string folder = fs::path(path).parent_path().native();
      partitions += !folder.empty() && folder != last;
      last = folder;
    }
    if (table.readable() && table.snapshot->metadata().partition_columns == std::vector<std::string>{"window_date"})
      TRY(fail_rows(in.sql, result, fmt::format(kGold, table.name, sql_name(table.name))));
  }
  TRY(fail_rows(in.sql, result, kSilver));
  result.figure("partitions", partitions);
  result.summary = fmt::format("{}{}", counted(partitions, "folder"), result.wrong ? "" : ", dates and hours match");
  return result;
}

}  // namespace pactolus
