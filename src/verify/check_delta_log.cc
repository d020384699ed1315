#include <fmt/format.h>

#include <algorithm>

#include "lake/delta/log_files.h"
#include "runtime/ledger.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

Result<int64_t> check_log(const VerifiedTable& table, CheckResult& result) {
  const delta::LogListing listing = TRY(delta::list_log(table.folder));
  int64_t gaps = 0;
  for (size_t i = 1; i < listing.commits.size(); ++i)
    if (listing.commits[i] - listing.commits[i - 1] != 1 && ++gaps)
      result.fail_row(fmt::format("{}: no commits between versions {} and {}", table.name, listing.commits[i - 1],
                                  listing.commits[i]));
  if (!table.snapshot && gaps == 0) result.fail_row(fmt::format("{}: {}", table.name, table.problem));
  if (gaps > 0 || listing.commits.empty()) return int64_t(listing.commits.size());
  // A snapshot begins at a checkpoint; the commits before it, as far as they are there, are read here.
  const auto read = delta::commits_since(table.folder, Version(listing.commits.front().value - 1),
                                         [](delta::CommitRecord&&) { return Result<>(); });
  if (!read && table.snapshot) result.fail_row(fmt::format("{}: {}", table.name, read.error().message));
  if (table.snapshot && table.snapshot->damaged_checkpoint())
    result.fail_row(fmt::format("{}: {}", table.name, table.snapshot->damaged_checkpoint()->message));
  return int64_t(listing.commits.size());
}

}  // namespace

Result<CheckResult> check_delta_log(VerifyInput& in) {
  CheckResult result;
  int64_t commits = 0;
  const std::string batch_id = app_id(in.job(), "batch");
  for (const VerifiedTable& table : in.tables) {
    commits += TRY(check_log(table, result));
    if (!table.snapshot || !in.table("silver").snapshot) continue;
    const int64_t batch = table.snapshot->txn_version(batch_id).value_or(0);
    if (batch > in.last_batch)
      result.fail_row(fmt::format("{} is at batch {}, ahead of silver at {}", table.name, batch, in.last_batch));
  }
  if (const std::string interest = fmt::format("gold/{}", kProductInterest);
      in.last_batch > 0 && std::ranges::find(in.tables, interest, &VerifiedTable::name) == in.tables.end())
    result.fail_row(fmt::format("{} is not there, which every job makes", interest));
  if (!in.accounts_problem.empty()) result.fail_row("silver: " + in.accounts_problem);
  result.figure("tables", int64_t(in.tables.size()));
  result.figure("commits", commits);
  result.figure("batch", in.last_batch);
  result.summary = fmt::format("{}, {}, silver at batch {}", counted(int64_t(in.tables.size()), "table"),
                               counted(commits, "commit"), in.last_batch);
  return result;
}

}  // namespace pactolus
