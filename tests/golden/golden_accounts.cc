#include "golden_accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lake/delta/log_files.h"
#include "lake/delta/snapshot.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus::golden {
namespace {

Result<std::vector<BatchAccount>> accounts_in_commits(const LakePaths& lake, const std::string& job) {
  std::vector<BatchAccount> out;
  const auto visit = [&](delta::CommitRecord&& commit) -> Result<> {
    if (is_batch_account(commit.info, job)) out.push_back(TRY(batch_account(commit.info)));
    return {};
  };
  TRY(delta::commits_since(lake.silver(), Version(-1), visit));
  return out;
}

std::unexpected<Error> wrong(std::string what) { return fail(ErrorCode::failed_check, std::move(what)); }

// What must hold of every lake, whatever the case.
Result<> check_accounts(const LakePaths& lake, std::vector<BatchAccount> in_commits, int64_t silver_rows,
                        int64_t quarantine_rows) {
  std::map<std::string, int64_t> next;
  int64_t batch = 0, silver = 0, quarantined = 0, watermark = kNoTime;
  for (const BatchAccount& a : in_commits) {
    if (a.batch != ++batch) return wrong(fmt::format("batch {} follows batch {}", a.batch, batch - 1));
    if (a.watermark_before != watermark || a.watermark_after < watermark)
      return wrong(fmt::format("the watermark of batch {} does not follow", a.batch));
    watermark = a.watermark_after;
    for (const SourceAccount& s : a.sources) {
      if (!s.closes()) return wrong(fmt::format("the account does not close: {}", to_json(s).dump()));
      int64_t& from = next[fmt::format("{}/{}", s.topic, s.partition)];
      if (s.start != from) return wrong(fmt::format("a gap before {}", to_json(s).dump()));
      from = s.end;
      silver += s.silver;
      quarantined += s.quarantined_total();
    }
  }
  if (silver != silver_rows || quarantined != quarantine_rows)
    return wrong(fmt::format("the ledger says {} rows and {} rejects, the tables have {} and {}", silver, quarantined,
                             silver_rows, quarantine_rows));
  std::vector<BatchAccount> in_table;
  const auto ledger = TRY(delta::Snapshot::load(lake.ledger()));
  for (const auto& [path, file] : ledger.files())
    for (BatchAccount& a : TRY(accounts_of(TRY(read_parquet(lake.ledger() / path))))) in_table.push_back(std::move(a));
  std::sort(in_table.begin(), in_table.end(), [](const auto& a, const auto& b) { return a.batch < b.batch; });
  if (in_table.size() != in_commits.size())
    return wrong(
        fmt::format("{} batches in the ledger's table, {} in the commits", in_table.size(), in_commits.size()));
  for (size_t i = 0; i < in_table.size(); ++i) {
    in_commits[i].job.clear();
    in_commits[i].quarantine_files.clear();
    if (to_json(in_table[i]).dump() != to_json(in_commits[i]).dump())
      return wrong(fmt::format("the ledger's table says {}\nthe commit {}", to_json(in_table[i]).dump(),
                               to_json(in_commits[i]).dump()));
  }
  return {};
}

}  // namespace

Result<std::vector<BatchAccount>> checked_accounts(const LakePaths& lake, const std::string& job, int64_t silver_rows,
                                                   int64_t quarantine_rows) {
  std::vector<BatchAccount> accounts = TRY(accounts_in_commits(lake, job));
  TRY(check_accounts(lake, accounts, silver_rows, quarantine_rows));
  return accounts;
}

}  // namespace pactolus::golden
