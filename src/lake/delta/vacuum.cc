#include "lake/delta/vacuum.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <set>
#include <vector>

#include "base/fault.h"

namespace pactolus::delta {

namespace {

struct Found {
  Vacuumed& out;
  std::vector<fs::path> old;
  void take(const fs::path& path, int64_t bytes) {
    out.bytes += bytes;
    old.push_back(path);
  }
};

void look_at_tombstone(const RemoveFile& tombstone, const fs::path& path, int64_t bytes, const VacuumRules& rules,
                       Found& found) {
  if (tombstone.deletion_time_ms >= rules.tombstones_before_ms) {
    ++found.out.waiting;
    found.out.waiting_bytes += bytes;
  } else {
    ++found.out.tombstoned;
    found.take(path, bytes);
  }
}

void look_at_tombstones(const Snapshot& table, const VacuumRules& rules, Found& found) {
  for (const auto& [name, tombstone] : table.tombstones()) {
    const fs::path path = table.table_folder() / name;
    struct stat s{};
    if (!table.files().contains(name) && ::lstat(path.c_str(), &s) == 0)
      look_at_tombstone(tombstone, path, s.st_size, rules, found);
  }
}

Result<> look_at_folders(const Snapshot& table, const VacuumRules& rules, Found& found) {
  std::error_code error;
  auto entries = fs::recursive_directory_iterator(table.table_folder(), error);
  for (const auto end = fs::recursive_directory_iterator(); !error && entries != end; entries.increment(error)) {
    if (entries.depth() == 0 && entries->path().filename() == "_delta_log") {
      entries.disable_recursion_pending();
      continue;
    }
    struct stat s{};
    if (::lstat(entries->path().c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    const std::string path = entries->path().lexically_relative(table.table_folder()).native();
    if (table.files().contains(path)) continue;
    if (const auto tombstone = table.tombstones().find(path); tombstone != table.tombstones().end()) {
      look_at_tombstone(tombstone->second, entries->path(), s.st_size, rules, found);
      continue;
    }
    const int64_t modified_ms = int64_t(s.st_mtim.tv_sec) * 1000 + s.st_mtim.tv_nsec / 1'000'000;
    if (modified_ms >= rules.unreferenced_before_ms || (rules.keep && rules.keep(path))) continue;
    ++found.out.unreferenced;
    found.take(entries->path(), s.st_size);
  }
  if (error)
    return fail(ErrorCode::io,
                fmt::format("cannot look through {}: {}", table.table_folder().native(), error.message()));
  return {};
}

}  // namespace

Result<Vacuumed> vacuum(const Snapshot& table, const VacuumRules& rules) {
  Vacuumed out;
  Found found{out, {}};
  if (rules.unreferenced_before_ms == 0)
    look_at_tombstones(table, rules, found);
  else
    TRY(look_at_folders(table, rules, found));
  if (rules.dry_run) return out;
  std::set<fs::path> folders;
  for (const fs::path& path : found.old) {
    TRY(remove_file(path));
    folders.insert(path.parent_path());
    fault_point("vacuum.removed");
  }
  for (const fs::path& folder : folders) TRY(sync_folder(folder));
  return out;
}

}  // namespace pactolus::delta
