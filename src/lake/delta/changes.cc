#include "lake/delta/changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "lake/delta/log_files.h"

namespace pactolus::delta {
namespace {

void take(CommitActions&& actions, TableChanges& out) {
  if (actions.metadata) out.new_metadata = true;
  for (const RemoveFile& remove : actions.removes) {
    if (!remove.data_change) continue;
    if (!remove.size) out.everything = true;  // then it does not say of which partition it was
    out.replaced.insert(remove.partition_values);
  }
  for (AddFile& add : actions.adds)
    if (add.data_change) out.added.push_back(std::move(add));
}

}  // namespace

Result<TableChanges> changes_since(const fs::path& table_folder, Version after) {
  const LogListing listing = TRY(list_log(table_folder));
  if (listing.commits.empty() && listing.checkpoints.empty())
    return fail(ErrorCode::not_found, fmt::format("no Delta table: {}", table_folder.native()));
  TableChanges out;
  for (const Version v : listing.commits) out.version = std::max(out.version, v);
  for (const CheckpointFiles& c : listing.checkpoints) out.version = std::max(out.version, c.version);
  out.everything = after.value < 0 || after > out.version || !listing.has_commits(after + 1, out.version);
  for (Version v = after + 1; !out.everything && v <= out.version; v = v + 1) {
    auto actions = read_commit(table_folder, v);
    if (!actions && actions.error().code == ErrorCode::not_found)  // cleaned away just now
      out.everything = true;
    else if (!actions)
      return std::unexpected(std::move(actions).error());
    else
      take(std::move(*actions), out);
  }
  if (out.everything) out.replaced.clear(), out.added.clear();
  std::erase_if(out.added, [&](const AddFile& add) { return out.replaced.contains(add.partition_values); });
  return out;
}

}  // namespace pactolus::delta
