#include "ingest/dry_run.h"

#include <algorithm>

#include "runtime/lake_tables.h"

namespace pactolus {
namespace {

constexpr size_t kBlockBytes = 4 << 20;

}  // namespace

DryRun::DryRun(const Config& config) : decoder_(decode_rules(config)) {}

Result<std::unique_ptr<DryRun>> DryRun::open(const Config& config) {
  std::unique_ptr<DryRun> run(new DryRun(config));
  auto silver = delta::Snapshot::load(LakePaths{config.lake}.silver());
  if (silver)
    run->silver_ = std::move(*silver);
  else if (silver.error().code != ErrorCode::not_found)
    return std::unexpected(silver.error());
  return run;
}

Result<SourceAccount> DryRun::judge(EventFile& file, int64_t now_us, const std::function<bool()>& go_on) {
  SourceAccount account;
  account.history = true;
  account.topic = std::string(file.dialect().name());
  for (MappedRow row; TRY(file.next(row));) {
    bytes_.append(row.value);
    ends_.push_back(bytes_.size());
    bytes_.append(kRecordPadding, '\0');
    if (bytes_.size() < kBlockBytes) continue;
    TRY(judge_block(now_us, account));
    if (go_on && !go_on()) return account;
  }
  TRY(judge_block(now_us, account));
  TRY(file.input().check_unchanged());
  account.end = account.consumed;
  return account;
}

Result<> DryRun::judge_block(int64_t now_us, SourceAccount& account) {
  std::vector<RecordView> records;
  for (size_t i = 0, begin = 0; i < ends_.size(); begin = ends_[i++] + kRecordPadding) {
    const std::string_view value(bytes_.data() + begin, ends_[i] - begin);
    records.push_back({Offset(account.consumed + int64_t(i)), now_us, std::nullopt, value, {}});
  }
  EventBatch batch;
  std::vector<Reject> rejects;
  const RejectReason malformed = account.topic == "native" ? RejectReason::malformed_json : RejectReason::malformed_row;
  decoder_.decode(records, 0, {.batch_time = now_us}, batch, rejects, malformed);
  for (const Reject& r : rejects) ++account.quarantined[std::string(name_of(r.reason))];

  for (const Seen seen : TRY(dates_.look_up(silver_, decoder_, batch, true))) {
    account.silver += seen == Seen::no;
    account.duplicates += seen != Seen::no;
    account.conflicting += seen == Seen::conflicting;
  }
  account.consumed += int64_t(records.size());
  bytes_.clear();
  ends_.clear();
  return {};
}

}  // namespace pactolus
