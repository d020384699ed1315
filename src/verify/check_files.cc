#include <fmt/format.h>

#include "lake/delta/stats.h"
#include "lake/parquet/parquet_file.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

// Why the file is not what the log says; empty when it is. `unreadable`: its rows cannot be had at all.
std::string fault_of(const VerifiedTable& table, const delta::AddFile& file, bool& unreadable) {
  const auto size = size_of_file(table.folder / file.path);
  if (!size) {
    unreadable = true;
    return "is missing or cannot be opened";
  }
  const auto footer = read_parquet_footer(table.folder / file.path);
  if (!footer) {
    unreadable = true;
    return footer.error().message;
  }
  if (*size != file.size) return fmt::format("has {} bytes, the log says {}", *size, file.size);
  const auto rows = delta::rows_of(file.stats);
  if (!rows) return "has no row count in the log";
  if (footer->rows != *rows) return fmt::format("has {} rows, the log says {}", footer->rows, *rows);
  if (const auto pages = check_parquet_pages(table.folder / file.path); !pages) {
    unreadable = true;
    return pages.error().message;
  }
  return {};
}

// Files that neither the snapshot nor a tombstone names: of commits that never came about, or are being written now.
int64_t orphans_of(const VerifiedTable& table) {
  int64_t orphans = 0;
  std::error_code ignored;
  auto entries = fs::recursive_directory_iterator(table.folder, ignored);
  for (; entries != fs::recursive_directory_iterator(); entries.increment(ignored)) {
    const std::string path = entries->path().lexically_relative(table.folder).native();
    if (entries->path().filename() == "_delta_log")
      entries.disable_recursion_pending();
    else if (entries->is_regular_file(ignored) && !table.snapshot->files().contains(path) &&
             !table.snapshot->tombstones().contains(path))
      ++orphans;
  }
  return orphans;
}

}  // namespace

Result<CheckResult> check_files(VerifyInput& in) {
  CheckResult result;
  int64_t files = 0, rows = 0, bytes = 0, orphans = 0;
  for (VerifiedTable& table : in.tables) {
    if (!table.snapshot) continue;
    for (const auto& [path, file] : table.snapshot->files()) {
      if (in.stopped()) return fail(ErrorCode::io, "stopped");
      bool unreadable = false;
      const std::string fault = fault_of(table, file, unreadable);
      if (!fault.empty()) result.fail_row(fmt::format("{}/{} {}", table.name, path, fault));
      if (unreadable) table.problem = fmt::format("{} has files that cannot be read", table.name);
      ++files;
      rows += delta::rows_of(file.stats).value_or(0);
      bytes += file.size;
    }
    orphans += orphans_of(table);
  }
  result.figure("files", files);
  result.figure("rows", rows);
  result.figure("bytes", bytes);
  result.figure("orphans", orphans);
  result.summary = fmt::format("{}, {}, {}", counted(files, "file"), counted(rows, "row"), counted(orphans, "orphan"));
  return result;
}

}  // namespace pactolus
