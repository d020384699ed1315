#include "lake/delta/log_cleanup.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lake/delta/checkpoint.h"
#include "lake/delta/log_files.h"
#include "lake/delta/snapshot.h"

namespace pactolus::delta {

Result<CleanedLog> clean_log(const fs::path& table_folder, Version keep_from) {
  CleanedLog out;
  const LogListing listing = TRY(list_log(table_folder));
  std::optional<Version> base;
  for (auto checkpoint = listing.checkpoints.rbegin(); checkpoint != listing.checkpoints.rend() && !base; ++checkpoint)
    if (checkpoint->version <= keep_from && read_checkpoint(table_folder, *checkpoint)) base = checkpoint->version;
  if (!base) return out;
  out.oldest = *base;
  // Sorted names are sorted versions; a commit's temporary files and checksums go with it.
  std::vector<std::pair<Version, std::string>> old;
  for (std::string& name : TRY(list_folder(log_folder(table_folder))))
    if (const auto version = version_of_name(name); version && *version < *base)
      old.emplace_back(*version, std::move(name));
  std::sort(old.begin(), old.end());
  for (const auto& [version, name] : old) {
    TRY(remove_file(log_folder(table_folder) / name));
    ++out.files;
  }
  if (out.files > 0) TRY(sync_folder(log_folder(table_folder)));
  return out;
}

}  // namespace pactolus::delta
