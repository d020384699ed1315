#include "runtime/account_log.h"

#include "lake/delta/log_files.h"

namespace pactolus {

Result<> accounts_newest_first(const fs::path& silver, Version newest, std::string_view job,
                               const VisitAccount& visit) {
  for (int64_t v = newest.value; v >= 0; --v) {
    const auto commit = delta::read_commit(silver, Version(v));
    if (!commit && commit.error().code == ErrorCode::not_found) break;  // cleaned away, perhaps while we read
    if (!commit) return std::unexpected(commit.error());
    if (!commit->commit_info || !is_batch_account(commit->commit_info->info, job)) continue;
    if (!TRY(visit(Version(v), TRY(batch_account(commit->commit_info->info))))) break;
  }
  return {};
}

Result<std::optional<BatchAccount>> last_batch(const delta::Snapshot& silver, std::string_view job) {
  std::optional<BatchAccount> last;
  if (silver.txn_version(app_id(job, "batch")).value_or(0) == 0) return last;
  TRY(accounts_newest_first(silver.table_folder(), silver.version(), job,
                            [&](Version, BatchAccount&& account) -> Result<bool> {
                              last = std::move(account);
                              return false;
                            }));
  return last;
}

}  // namespace pactolus
