#include "runtime/recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/time_text.h"
#include "runtime/account_log.h"
#include "runtime/erasure.h"
#include "runtime/interest_reader.h"
#include "runtime/silver_reader.h"

namespace pactolus {

Result<> Recovery::run() {
  adopt_declared_view();
  TRY(recover_batches());
  return change_view();
}

// What is open is finished as it was declared. That needs no more than the declaration, as long as this release makes
// the view in the same way.
void Recovery::adopt_declared_view() {
  wanted_ = job_.interest_.options();
  declared_ = ViewDeclaration::read(job_.interest_table_->snapshot().metadata().configuration);
  if (declared_.fingerprint.empty()) return;  // it does not say: as configured
  ProductInterest::Options options = wanted_;
  options.shop_currency = declared_.currency;
  options.first_window = declared_.first_window;
  ProductInterest declared(options);
  if (declared.fingerprint() == declared_.fingerprint) job_.interest_ = std::move(declared);
}

Result<> Recovery::recover_batches() {
  const std::string id = app_id(job_.config_.job, "batch");
  job_.quarantine_batch_ = job_.quarantine_->snapshot().txn_version(id).value_or(0);
  job_.gold_batch_ = job_.interest_table_->snapshot().txn_version(id).value_or(0);
  job_.batch_ = job_.silver_->snapshot().txn_version(id).value_or(0);
  if (job_.batch_ == 0) return {};
  TRY(collect_accounts(job_.batch_));
  restore_position();
  job_.dedupe_.advance(job_.watermark_.watermark());
  TRY(load_snapshot());
  TRY(collect_accounts(std::min(job_.quarantine_batch_, gold_in_snapshot_ ? snapshot_->batch : job_.gold_batch_)));
  TRY(rebuild_dedupe());
  TRY(finish_quarantine());
  return gold_in_snapshot_ ? gold_from_snapshot() : rebuild_gold();
}

// Newest first, down to batch `oldest`: what the tables behind Silver may still need.
Result<> Recovery::collect_accounts(int64_t oldest) {
  if (accounts_.contains(oldest)) return {};
  TRY(accounts_newest_first(job_.lake_.silver(), job_.silver_->snapshot().version(), job_.config_.job,
                            [&](Version version, BatchAccount&& account) -> Result<bool> {
                              const int64_t batch = account.batch;
                              if (batch == job_.batch_) {
                                job_.commit_version_ = version.value;
                                job_.commit_uuid_ = account.commit_uuid;
                              }
                              accounts_.emplace(batch, std::move(account));
                              return batch > std::max<int64_t>(oldest, 1);
                            }));
  if (!accounts_.contains(job_.batch_))
    return fail(ErrorCode::corrupt,
                fmt::format("the Silver log has batch {} by its txn, but not its account", job_.batch_));
  return {};
}

void Recovery::restore_position() {
  const BatchAccount& last = accounts_.at(job_.batch_);
  job_.batch_time_ = last.batch_time;
  WatermarkState state;
  state.watermark = last.watermark_after;
  state.sources.resize(job_.live_sources_);
  for (size_t s = 0; s < job_.live_sources_; ++s) {
    SourceAccount& mine = job_.accounts_[s];
    for (const SourceAccount& a : last.sources)
      if (a.topic == mine.topic && a.topic_id == job_.topics_[0].id_before && a.partition == mine.partition) {
        mine.max_event_time = a.max_event_time;
        mine.idle = a.idle;
        state.sources[s] = {a.max_event_time, a.idle};
      }
  }
  job_.watermark_.restore(std::move(state));
  for (const auto& [app, txn] : job_.silver_->snapshot().txns())
    if (parse_offset_app_id(app, job_.config_.job)) job_.totals_.records_before += txn.version;
}

// A snapshot counts when its batch is in this very table's history. What it says is then true, however old it is.
Result<> Recovery::load_snapshot() {
  const delta::Snapshot& silver = job_.silver_->snapshot();
  const auto accept = [&](const StateSnapshot& s) -> Result<> {
    const auto refused = [](const char* why) { return fail(ErrorCode::invalid, why); };
    if (s.job != job_.config_.job || s.table_id != silver.metadata().id)
      return refused("it is of another job or table");
    if (s.horizon_us != job_.config_.dedup.horizon_us) return refused("the dedupe horizon has changed since");
    if (s.batch > job_.batch_ || s.batch > job_.quarantine_batch_ || s.batch > job_.gold_batch_)
      return refused("its batch is not in the log");
    const auto commit = delta::read_commit(job_.lake_.silver(), Version(s.silver_version));
    if (!commit || !commit->commit_info || commit->commit_info->commit_uuid != s.commit_uuid)
      return refused("its commit is not in the log");
    // Before the first watermark ids of histories are not remembered, afterwards they are.
    const BatchAccount account = TRY(batch_account(commit->commit_info->info));
    if (account.watermark_after == kNoTime && job_.watermark_.watermark() != kNoTime)
      return refused("it is from before the first watermark");
    return {};
  };
  snapshot_ = TRY(job_.snapshots_.load(accept, job_.dedupe_, job_.options_.say));
  if (!snapshot_) return {};
  job_.snapshot_batch_ = snapshot_->batch;
  job_.snapshot_version_ = snapshot_->silver_version;
  if (snapshot_->interest_fingerprint != job_.interest_.fingerprint() ||
      snapshot_->alerts_fingerprint != job_.alerts_.fingerprint())
    return {};
  ProductInterest view = TRY(ProductInterest::load(snapshot_->interest));
  if (view.options().first_window != job_.interest_.options().first_window)
    return {};  // of an earlier time of the same declaration
  job_.interest_ = std::move(view);
  job_.alerts_ = TRY(AlertRule::load(snapshot_->alerts));
  gold_in_snapshot_ = true;
  return {};
}

Result<> Recovery::rebuild_dedupe() {
  const int64_t watermark = job_.watermark_.watermark();
  // Without a watermark only live ids are kept: histories may reach back over years.
  const SilverFilter filter{.from_time = job_.dedupe_.oldest_time(),
                            .after_batch = snapshot_ ? snapshot_->batch : INT64_MIN,
                            .live_only = watermark == kNoTime};
  SilverRows rows;
  std::vector<uint32_t> all;
  for (const delta::AddFile* file : silver_files(job_.silver_->snapshot(), filter)) {
    rows.clear();
    TRY(read_silver_file(job_.lake_.silver(), *file, job_.decoder_, filter, rows));
    all.resize(rows.events.rows());
    std::iota(all.begin(), all.end(), 0u);
    job_.remember(rows.events, all);
  }
  const int64_t erasures = job_.silver_->snapshot().txn_version(app_id(job_.config_.job, kErasure)).value_or(0);
  return ErasedIds(job_.lake_.erased_ids()).load(erasures, job_.dedupe_, job_.options_.say);
}

// The snapshot's windows, then every batch since.
Result<> Recovery::gold_from_snapshot() {
  const SilverRows rows =
      TRY(read_silver(job_.silver_->snapshot(), job_.decoder_, {.after_batch = snapshot_->batch, .live_only = true}));
  return replay(rows, snapshot_->batch);
}

// Panes of the windows that were open when Gold was last committed, then every batch since in order, so that windows
// which closed after Gold's last commit are made again exactly as they would have been.
Result<> Recovery::rebuild_gold() {
  const auto at_gold = accounts_.find(job_.gold_batch_);
  if (job_.gold_batch_ > 0 && at_gold == accounts_.end())
    return fail(ErrorCode::corrupt,
                fmt::format("the account of batch {}, the last that Gold has, is no longer in the Silver log",
                            job_.gold_batch_));
  const int64_t gold_watermark = at_gold == accounts_.end() ? kNoTime : at_gold->second.watermark_after;
  const WindowShape& shape = job_.interest_.options().shape;
  const int64_t from = gold_watermark == kNoTime ? INT64_MIN : shape.pane_of(gold_watermark) - shape.size;
  const SilverRows rows =
      TRY(read_silver(job_.silver_->snapshot(), job_.decoder_, {.from_time = from, .live_only = true}));
  std::vector<uint32_t> settled;
  for (uint32_t i = 0; i < rows.events.rows(); ++i)
    if (rows.batch_id[i] <= job_.gold_batch_) settled.push_back(i);
  job_.interest_.apply(rows.events, settled, kNoTime);
  (void)job_.interest_.commit(gold_watermark);  // windows up to there are in the table already
  TRY(rebuild_alerts(gold_watermark));
  return replay(rows, job_.gold_batch_);
}

// The batches after `base` in order, with the watermarks of their accounts; those that Gold lacks are committed.
Result<> Recovery::replay(const SilverRows& rows, int64_t base) {
  std::map<int64_t, std::vector<uint32_t>> by_batch;
  for (uint32_t i = 0; i < rows.events.rows(); ++i)
    if (rows.batch_id[i] > base) by_batch[rows.batch_id[i]].push_back(i);
  const int64_t reached = job_.gold_batch_;
  for (const auto& [batch, account] : accounts_) {
    if (batch <= base) continue;
    if (const auto mine = by_batch.find(batch); mine != by_batch.end())
      job_.interest_.apply(rows.events, mine->second, account.watermark_before);
    const std::vector<InterestRow> final_rows = job_.interest_.commit(account.watermark_after);
    job_.alerts_.judge(final_rows, account.watermark_after);
    if (batch > reached && !final_rows.empty()) TRY(job_.commit_gold(batch, account.batch_time, final_rows));
  }
  return {};
}

// Which alerts are open follows from the final rows. One that has been open for longer than a day is taken as opened a
// day ago: reading every window since would cost more than that is worth.
Result<> Recovery::rebuild_alerts(int64_t gold_watermark) {
  if (gold_watermark == kNoTime) return {};
  const std::vector<InterestRow> rows =
      TRY(read_interest(job_.interest_table_->snapshot(), gold_watermark - kMicrosPerDay));
  job_.alerts_.judge(rows, gold_watermark);
  return {};
}

Result<> Recovery::finish_quarantine() {
  const int64_t reached = job_.quarantine_batch_;
  for (const auto& [batch, account] : accounts_)
    if (batch > reached) TRY(job_.commit_quarantine(account));
  return {};
}

// Another declaration than the table's: windows that begin at or after the watermark are the new view's, from the
// Silver rows that are there already. Those before stay as they are; those in between are made by a rebuild of Gold, if
// at all.
Result<> Recovery::change_view() {
  if (declared_.fingerprint.empty()) return job_.declare_view(ViewDeclaration::of(job_.interest_));
  wanted_.first_window = job_.watermark_.watermark();
  ProductInterest view(wanted_);
  if (view.fingerprint() == declared_.fingerprint) return {};
  const int64_t first = view.options().first_window;
  const SilverRows rows = TRY(read_silver(job_.silver_->snapshot(), job_.decoder_,
                                          {.from_time = first == kNoTime ? INT64_MIN : first, .live_only = true}));
  std::vector<uint32_t> all(rows.events.rows());
  std::iota(all.begin(), all.end(), 0u);
  view.apply(rows.events, all, kNoTime);
  const auto closed = view.commit(job_.watermark_.watermark());
  PACTOLUS_CHECK(closed.empty(), "a window that begins at the watermark cannot end before it");
  TRY(job_.declare_view(ViewDeclaration::of(view)));
  job_.interest_ = std::move(view);
  if (job_.options_.say)
    job_.options_.say(fmt::format("the declaration of {} has changed: windows from {} on are made by the new one",
                                  kProductInterest, first == kNoTime ? "the first" : iso_time(first)));
  return {};
}

}  // namespace pactolus
