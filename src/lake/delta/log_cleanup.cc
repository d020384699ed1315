#include "lake/delta/log_cleanup.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "lake/delta/checkpoint.h"
#include "lake/delta/log_files.h"
#include "lake/delta/snapshot.h"

namespace pactolus::delta {

namespace {

constexpr size_t kNewest = 3;
constexpr int64_t kEvery = 1'000;

// Names of checkpoints behind the base that nobody misses.
Result<std::vector<std::string>> spare_checkpoints(const fs::path& table_folder, const LogListing& listing,
                                                   Version base) {
  std::set<int64_t> spare;
  int64_t last_kept = base.value;
  const size_t count = listing.checkpoints.size();
  for (size_t i = 0; i + kNewest < count; ++i) {
    const int64_t version = listing.checkpoints[i].version.value;
    if (version <= base.value) continue;
    if (version - last_kept >= kEvery)
      last_kept = version;
    else
      spare.insert(version);
  }
  std::vector<std::string> names;
  if (spare.empty()) return names;
  for (std::string& name : TRY(list_folder(log_folder(table_folder))))
    if (const auto version = version_of_name(name);
        version && spare.contains(version->value) && name.find(".checkpoint") != std::string::npos)
      names.push_back(std::move(name));
  return names;
}

}  // namespace

Result<CleanedLog> clean_log(const fs::path& table_folder, Version keep_from) {
  CleanedLog out;
  const LogListing listing = TRY(list_log(table_folder));
  std::optional<Version> base;
  for (auto checkpoint = listing.checkpoints.rbegin(); checkpoint != listing.checkpoints.rend() && !base;
       ++checkpoint) {
    if (checkpoint->version > keep_from) continue;
    // It is read before something goes that it stands for; it was already when the log begins with it.
    const bool is_oldest = !listing.commits.empty() && listing.commits.front() >= checkpoint->version;
    if (is_oldest || read_checkpoint(table_folder, *checkpoint)) base = checkpoint->version;
  }
  if (!base) return out;
  out.oldest = *base;
  // Sorted names are sorted versions; a commit's temporary files and checksums go with it.
  std::vector<std::pair<Version, std::string>> old;
  for (std::string& name : TRY(list_folder(log_folder(table_folder))))
    if (const auto version = version_of_name(name); version && *version < *base)
      old.emplace_back(*version, std::move(name));
  for (std::string& name : TRY(spare_checkpoints(table_folder, listing, *base)))
    old.emplace_back(*version_of_name(name), std::move(name));
  std::sort(old.begin(), old.end());
  for (const auto& [version, name] : old) {
    TRY(remove_file(log_folder(table_folder) / name));
    ++out.files;
  }
  if (out.files > 0) TRY(sync_folder(log_folder(table_folder)));
  return out;
}

}  // namespace pactolus::delta
