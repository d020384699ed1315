#include "lake/delta/vacuum.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <set>
#include <vector>

#include "base/fault.h"

namespace pactolus::delta {

Result<Vacuumed> vacuum(const Snapshot& table, const VacuumRules& rules) {
  Vacuumed out;
  std::vector<fs::path> old;
  std::error_code error;
  auto entries = fs::recursive_directory_iterator(table.table_folder(), error);
  for (const auto end = fs::recursive_directory_iterator(); !error && entries != end; entries.increment(error)) {
    const std::string name = entries->path().filename().native();
    if (entries.depth() == 0 && name == "_delta_log") {
      entries.disable_recursion_pending();
      continue;
    }
    struct stat s{};
    if (::lstat(entries->path().c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    const std::string path = entries->path().lexically_relative(table.table_folder()).native();
    if (table.files().contains(path)) continue;
    if (const auto tombstone = table.tombstones().find(path); tombstone != table.tombstones().end()) {
      if (tombstone->second.deletion_time_ms >= rules.tombstones_before_ms) {
        ++out.waiting;
        out.waiting_bytes += s.st_size;
        continue;
      }
      ++out.tombstoned;
    } else {
      const int64_t modified_ms = int64_t(s.st_mtim.tv_sec) * 1000 + s.st_mtim.tv_nsec / 1'000'000;
      if (modified_ms >= rules.unreferenced_before_ms || (rules.keep && rules.keep(path))) continue;
      ++out.unreferenced;
    }
    out.bytes += s.st_size;
    old.push_back(entries->path());
  }
  if (error)
    return fail(ErrorCode::io,
                fmt::format("cannot look through {}: {}", table.table_folder().native(), error.message()));
  if (rules.dry_run) return out;
  std::set<fs::path> folders;
  for (const fs::path& path : old) {
    TRY(remove_file(path));
    folders.insert(path.parent_path());
    fault_point("vacuum.removed");
  }
  for (const fs::path& folder : folders) TRY(sync_folder(folder));
  return out;
}

}  // namespace pactolus::delta
