#include "runtime/recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/time_text.h"
#include "runtime/account_log.h"
#include "runtime/erasure.h"
#include "runtime/interest_reader.h"
#include "runtime/silver_reader.h"

namespace pactolus {

namespace {
// Of rows in the order of their ends those of the windows that the batch made final.
std::vector<InterestRow> rows_closed_by(std::span<const InterestRow> rows, const BatchAccount& account) {
  const auto end = [](const InterestRow& row) { return row.window_end; };
  const auto first = std::ranges::upper_bound(rows, account.watermark_before, {}, end);
  return {first, std::ranges::upper_bound(first, rows.end(), account.watermark_after, {}, end)};
}

void add_columns(const ViewDeclaration& view, SilverColumns& to) {
  for (const EventColumn c : columns_of(view)) to.texts.push_back(c);
}
}  // namespace

Result<> Recovery::run() {
  adopt_declared_views();
  const DeclaredAlerts alerts = DeclaredAlerts::read(job_.alert_table_->snapshot().metadata().configuration);
  job_.take_rules(alerts);
  TRY(recover_batches());
  for (View& view : views_) TRY(change_view(view));
  return change_alerts(alerts);
}

// What is open is finished as it was declared, as long as this release makes that view in the same way.
void Recovery::adopt_declared_views() {
  for (StreamView& v : job_.views_) {
    View& view = views_.emplace_back(
        View{v, v.view->options(), DeclaredView::read(v.table->snapshot().metadata().configuration)});
    if (view.declared.fingerprint.empty()) continue;  // it does not say: as configured
    GoldView::Options options = view.wanted;
    options.shop_currency = view.declared.currency;
    options.first_window = view.declared.first_window;
    if (auto said = view.declared.declaration(v.name()); said && faults_of(*said, options.types).empty())
      options.view = *std::move(said);
    if (auto declared = make_view(std::move(options)); view.declared.is_of(*declared)) v.view = std::move(declared);
  }
}

Result<> Recovery::recover_batches() {
  const std::string id = app_id(job_.config_.job, "batch");
  job_.quarantine_batch_ = job_.quarantine_->snapshot().txn_version(id).value_or(0);
  for (View& v : views_) v.of.reached = v.of.table->snapshot().txn_version(id).value_or(0);
  job_.alerts_batch_ = job_.alert_table_->snapshot().txn_version(id).value_or(0);
  job_.batch_ = job_.silver_->snapshot().txn_version(id).value_or(0);
  if (job_.batch_ == 0) return {};
  for (View& v : views_) v.is_new = v.declared.fingerprint.empty() && v.of.reached == 0;
  TRY(collect_accounts(job_.batch_));
  restore_position();
  job_.dedupe_.advance(job_.watermark_.watermark());
  TRY(load_snapshot());
  int64_t oldest = job_.quarantine_batch_;
  if (job_.alerts_batch_ > 0 || alerts_are_from_the_start()) oldest = std::min(oldest, job_.alerts_batch_);
  for (const View& v : views_)
    if (!v.is_new) oldest = std::min(oldest, v.in_snapshot ? snapshot_->batch : v.of.reached);
  TRY(collect_accounts(oldest));
  // Views that were not declared for a while: what they lack follows from accounts that the log may have no more.
  for (View& v : views_)
    if (!v.in_snapshot && !accounts_.contains(std::max<int64_t>(v.of.reached, 1))) v.is_new = true;
  TRY(rebuild_dedupe());
  TRY(finish_quarantine());
  TRY(recover_views());
  return recover_alerts();
}

// Newest first, down to batch `oldest`: what the tables behind Silver may still need.
// With a time also those of batches since then, and the one before.
Result<> Recovery::collect_accounts(int64_t oldest, int64_t oldest_time) {
  if (accounts_.contains(oldest) && oldest_time == INT64_MAX) return {};
  TRY(accounts_newest_first(job_.lake_.silver(), job_.silver_->snapshot().version(), job_.config_.job,
                            [&](Version version, BatchAccount&& account) -> Result<bool> {
                              const int64_t batch = account.batch;
                              if (batch == job_.batch_) {
                                job_.commit_version_ = version.value;
                                job_.commit_uuid_ = account.commit_uuid;
                              }
                              const int64_t time = account.batch_time;
                              accounts_.emplace(batch, std::move(account));
                              return batch > 1 && (batch > oldest || time >= oldest_time);
                            }));
  if (!accounts_.contains(job_.batch_))
    return fail(ErrorCode::corrupt,
                fmt::format("the Silver log has batch {} by its txn, but not its account", job_.batch_));
  return {};
}

// Likewise those before that, from the table that they were folded into before the log was cut.
Result<> Recovery::collect_folded(int64_t oldest, int64_t oldest_time) {
  const auto& [first, oldest_account] = *accounts_.begin();
  if (first <= 1 || (first <= oldest && oldest_account.batch_time < oldest_time)) return {};
  if (folded_from_ <= oldest && folded_since_ <= oldest_time) return {};
  folded_from_ = std::min(folded_from_, oldest), folded_since_ = std::min(folded_since_, oldest_time);
  const delta::Snapshot& ledger = job_.maintenance_.ledger().snapshot();
  for (const auto& [path, file] : ledger.files()) {
    // Files are named and timed by the last batch that may be in them.
    const auto name = parse_part_name(fs::path(path).filename().native());
    if (name && name->batch < folded_from_ && file.modification_time_ms < folded_since_ / 1000) continue;
    const auto wanted = [&](int64_t batch, int64_t time) {
      return batch < accounts_.begin()->first && (batch >= folded_from_ || time >= folded_since_);
    };
    for (BatchAccount& account : TRY(accounts_of(TRY(read_parquet(ledger.table_folder() / path)), wanted))) {
      account.sources.clear();
      folded_.emplace(account.batch, std::move(account));
    }
  }
  return {};
}

const BatchAccount* Recovery::account_after(int64_t batch) const {
  if (const auto a = folded_.upper_bound(batch); a != folded_.end()) return &a->second;
  const auto a = accounts_.upper_bound(batch);
  return a == accounts_.end() ? nullptr : &a->second;
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
    if (s.batch > job_.batch_ || s.batch > job_.quarantine_batch_) return refused("its batch is not in the log");
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
  return load_views();
}

// Of the snapshot those that are still declared as they were; the others come from Silver.
Result<> Recovery::load_views() {
  for (View& v : views_) {
    const auto saved = std::ranges::find(snapshot_->views, v.of.name(), &StateSnapshot::View::name);
    if (saved == snapshot_->views.end() || snapshot_->batch > v.of.reached) continue;
    auto loaded = load_view(v.of.view->options(), saved->state);
    if (!loaded) {  // of another declaration, or beyond what is taken from outside: Silver has it
      if (loaded.error().code != ErrorCode::unsupported && job_.options_.say)
        job_.options_.say(fmt::format("the state of {} in the snapshot of batch {} is not used: {}", v.of.name(),
                                      snapshot_->batch, loaded.error().message));
      continue;
    }
    if ((*loaded)->options().first_window != v.of.view->options().first_window)
      continue;  // of an earlier time of the same declaration
    v.of.view = *std::move(loaded);
    v.in_snapshot = true;
  }
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
  const auto remember = [this](const DedupeIndex::Entry& id) {
    job_.dedupe_.insert(id.fingerprint, id.content, id.bucket_start);
    job_.erased_.emplace(id.fingerprint, id);
  };
  return ErasedIds(job_.lake_.erased_ids()).load(erasures, job_.dedupe_.oldest_time(), remember, job_.options_.say);
}

// Every batch in the filter's range that has rows or an account, in order.
Result<> Recovery::each_batch(const SilverFilter& filter, const SilverColumns& columns, const Visit& visit) {
  const EventBatch nothing;
  int64_t done = filter.after_batch;
  bool is_first = true;
  const auto accounts_before = [&](int64_t batch) -> Result<> {
    for (const BatchAccount* a = account_after(done); a && a->batch < batch; a = account_after(done)) {
      done = a->batch;
      TRY(visit(done, a, nothing, {}));
    }
    return {};
  };
  TRY(each_silver_batch(job_.silver_->snapshot(), job_.decoder_, filter, columns,
                        [&](int64_t batch, const EventBatch& events, std::span<const uint32_t> rows) -> Result<> {
                          if (std::exchange(is_first, false)) {
                            TRY(collect_accounts(batch));
                            TRY(collect_folded(batch));
                          }
                          TRY(accounts_before(batch));
                          done = batch;
                          const BatchAccount* account = account_after(batch - 1);
                          return visit(batch, account && account->batch == batch ? account : nullptr, events, rows);
                        }));
  return accounts_before(filter.last_batch == INT64_MAX ? INT64_MAX : filter.last_batch + 1);
}

// From the snapshot, or from Silver as they were behind the last batch that their tables have; then every batch since
// in order, so that windows which closed after that commit are made again exactly as they would have been.
Result<> Recovery::recover_views() {
  std::vector<Filling> windows;
  int64_t from = INT64_MAX;
  for (const View& v : views_) {
    if (v.is_new || v.in_snapshot) continue;
    const int64_t reached = v.of.reached, watermark = TRY(watermark_of(reached, v.of.name()));
    const WindowShape& shape = v.of.view->declaration().shape;
    if (shape.has_sessions()) {
      v.of.view = TRY(view_of_sessions(v.of.view->options(), reached, watermark));
      continue;
    }
    (void)v.of.view->commit(watermark);  // of windows that end up to there nothing is open
    windows.push_back({v.of.view.get(), reached});
    from = std::min(from, watermark == kNoTime ? INT64_MIN : shape.pane_of(watermark) - shape.size);
  }
  TRY(fill_windows(windows, from));
  return replay_views();
}

// Views of windows that have their watermark and are empty, with the rows up to a batch from event time `from` on.
Result<> Recovery::fill_windows(std::span<const Filling> views, int64_t from) const {
  if (views.empty()) return {};
  SilverColumns columns{.ids = false};
  SilverFilter filter{.from_time = from, .last_batch = INT64_MIN, .live_only = true};
  for (const auto& [view, last] : views) {
    add_columns(view->declaration(), columns);
    filter.last_batch = std::max(filter.last_batch, last);
  }
  return each_silver_batch(job_.silver_->snapshot(), job_.decoder_, filter, columns,
                           [&](int64_t batch, const EventBatch& events, std::span<const uint32_t> rows) -> Result<> {
                             for (const auto& [view, last] : views) {
                               if (batch > last) continue;
                               view->apply(events, rows, view->watermark());
                               (void)view->commit(view->watermark());
                             }
                             return {};
                           });
}

// Behind the last batch that a table has.
Result<int64_t> Recovery::watermark_of(int64_t batch, const std::string& table) const {
  const auto account = accounts_.find(batch);
  if (account != accounts_.end()) return account->second.watermark_after;
  if (batch == 0) return kNoTime;
  return fail(
      ErrorCode::corrupt,
      fmt::format("the account of batch {}, the last that {} has, is no longer in the Silver log", batch, table));
}

// As it is behind batch `last`: what was late and which sessions were final follows from the batches in their order.
// How far back an open session reaches is
// not known: rows are read from ever earlier on, until no session begins so near to where reading did that it may have
// begun before.
Result<std::unique_ptr<GoldView>> Recovery::view_of_sessions(const GoldView::Options& options, int64_t last,
                                                             int64_t watermark) {
  const WindowShape& shape = options.view.shape;
  for (int64_t back = 6 * kMicrosPerHour;; back *= 8) {
    const bool all = watermark == kNoTime || back > 10'000 * kMicrosPerDay;
    const int64_t oldest_end = shape.is_funnel() && !all ? shape.window_of_end(watermark + 1) : watermark;
    const int64_t from = all ? INT64_MIN : oldest_end - shape.gap() - back;
    auto view = make_view(options);
    TRY(each_batch({.from_time = from, .last_batch = last, .live_only = true},
                   {.texts = columns_of(options.view), .ids = false},
                   [&](int64_t, const BatchAccount* account, const EventBatch& events,
                       std::span<const uint32_t> rows) -> Result<> {
                     if (account) (void)view->commit(account->watermark_before);
                     if (!rows.empty()) view->apply(events, rows, view->watermark());
                     (void)view->commit(account ? account->watermark_after : view->watermark());
                     return {};
                   }));
    (void)view->commit(watermark);
    const int64_t oldest = view->oldest_session();
    if (all || oldest == kNoTime || oldest >= from + shape.gap()) return view;
  }
}

// The batches after what the views have in order, with the watermarks of their accounts; rows that a table lacks are
// committed.
Result<> Recovery::replay_views() {
  struct From {
    View& view;
    int64_t base;
  };
  std::vector<From> views;
  SilverFilter filter{.after_batch = job_.batch_, .live_only = true};
  SilverColumns columns{.ids = false};
  for (View& v : views_) {
    if (v.is_new) continue;
    views.push_back({v, v.in_snapshot ? snapshot_->batch : v.of.reached});
    add_columns(v.of.view->declaration(), columns);
    filter.after_batch = std::min(filter.after_batch, views.back().base);
  }
  return each_batch(
      filter, columns,
      [&](int64_t batch, const BatchAccount* account, const EventBatch& events,
          std::span<const uint32_t> rows) -> Result<> {
        if (!account)
          return fail(ErrorCode::corrupt,
                      fmt::format("Silver has rows of batch {}, but its log has no account of it by job {}", batch,
                                  job_.config_.job));
        for (auto& [v, base] : views) {
          if (batch <= base) continue;
          PACTOLUS_CHECK(
              v.of.view->watermark() == account->watermark_before,
              fmt::format("{} is at {} before batch {} of epoch {}, which began at {}; it was replayed from "
                          "batch {} ({}), its table has {}",
                          v.of.name(), v.of.view->watermark(), batch, account->epoch, account->watermark_before, base,
                          v.in_snapshot ? "a snapshot" : "Silver", v.of.reached));
          if (!rows.empty()) v.of.view->apply(events, rows, account->watermark_before);
          const ViewRows final_rows = v.of.view->commit(account->watermark_after);
          if (&v == &views_.front()) interest_.emplace(batch, interest_rows(final_rows));
          if (batch > v.of.reached && !final_rows.empty())
            TRY(job_.commit_gold(v.of, batch, account->batch_time, final_rows));
        }
        return {};
      });
}

// Which alerts are open follows from what the table tells up to its last batch; the batches since are judged again, by
// rows that were replayed, or that product_interest had got already when the job was cut off before the alerts.
Result<> Recovery::recover_alerts() {
  const int64_t reached = job_.alerts_batch_;
  const bool joins = reached == 0 && !alerts_are_from_the_start();
  if (!joins) TRY(restore_alerts());
  std::optional<std::vector<InterestRow>> settled;
  const int64_t base = TRY(recover_evidence(joins ? job_.batch_ : reached));
  TRY(each_batch({.after_batch = base, .live_only = true},
                 {.texts = {EventColumn::product_id, EventColumn::product_category}, .ids = false},
                 [&](int64_t batch, const BatchAccount* account, const EventBatch& events,
                     std::span<const uint32_t> rows) -> Result<> {
                   if (!account) return {};
                   const auto seen = conversion_seen(events, rows);
                   if (joins || batch <= reached) {
                     (void)job_.evidence_.look(seen, account->batch_time, job_.low_conversion_.options().alpha);
                     return {};
                   }
                   auto interest = interest_.find(batch);
                   if (interest == interest_.end()) {
                     if (!settled) settled = TRY(rows_closed_since(account->watermark_before));
                     interest = interest_.emplace(batch, rows_closed_by(*settled, *account)).first;
                   }
                   const auto alerts =
                       job_.judge_alerts(interest->second, seen, account->watermark_after, account->batch_time);
                   return alerts.empty() ? Result<>() : job_.commit_alerts(batch, account->batch_time, alerts);
                 }));
  return joins ? join_alerts() : Result<>();
}

// Rows of product_interest whose windows end behind a watermark, in the order of their ends.
Result<std::vector<InterestRow>> Recovery::rows_closed_since(int64_t watermark) const {
  const StreamView& interest = views_.front().of;
  const int64_t size = interest.view->declaration().shape.size;
  auto rows = TRY(read_interest(interest.table->snapshot(), watermark == kNoTime ? INT64_MIN : watermark - size));
  std::ranges::stable_sort(rows, {}, &InterestRow::window_end);
  return rows;
}

// As the table tells them.
Result<> Recovery::restore_alerts() {
  const int64_t watermark = TRY(watermark_of(job_.alerts_batch_, kAlerts));
  std::map<std::string, std::vector<AlertTransition>> told;  // by rule
  std::vector<EvidenceTransition> told_evidence;
  for (AlertRow& row : TRY(read_open_alerts(job_.alert_table_->snapshot()))) {
    if (row.rule == job_.low_conversion_.options().name)
      told_evidence.push_back(evidence_of(row));
    else
      told[row.rule].push_back(std::move(row.transition));
  }
  for (AlertRule& rule : job_.alert_rules_) rule.restore(told[rule.options().name], watermark);
  job_.low_conversion_.restore(told_evidence);
  return {};
}

// From a snapshot that is no later than `last_batch`, or with nothing in it where the period of that batch began.
// Answers the batch that it then is behind.
Result<int64_t> Recovery::recover_evidence(int64_t last_batch) {
  if (snapshot_ && !snapshot_->evidence.empty() && snapshot_->batch <= last_batch) {
    auto evidence = ConversionEvidence::load({.period_us = kEvidencePeriod_us}, snapshot_->evidence);
    if (!evidence && evidence.error().code != ErrorCode::unsupported && job_.options_.say)
      job_.options_.say(fmt::format("the evidence in the snapshot of batch {} is not used: {}", snapshot_->batch,
                                    evidence.error().message));
    if (evidence) {
      job_.evidence_ = std::move(*evidence);
      return snapshot_->batch;
    }
  }
  const auto last = accounts_.find(last_batch);
  const int64_t now = last == accounts_.end() ? job_.batch_time_ : last->second.batch_time;
  const int64_t period = floor_div(now, kEvidencePeriod_us) * kEvidencePeriod_us;
  TRY(collect_accounts(job_.batch_, period));
  TRY(collect_folded(job_.batch_, period));
  int64_t base = account_after(0)->batch - 1;
  for (const BatchAccount* a = account_after(0); a; a = account_after(a->batch))
    if (a->batch_time < period) base = std::max(base, a->batch);
  return base;
}

bool Recovery::alerts_are_from_the_start() const {
  return job_.alert_table_->snapshot().metadata().configuration.contains(kAlertsFromStart);
}

// A lake from before there was the table: what is open now is told as opened, by the last batch.
Result<> Recovery::join_alerts() {
  const int64_t watermark = job_.watermark_.watermark();
  if (watermark == kNoTime) return {};
  const auto rows = TRY(read_interest(views_.front().of.table->snapshot(), watermark - kMicrosPerDay));
  std::vector<AlertRow> told;
  for (AlertRule& rule : job_.alert_rules_) {
    rule.judge(rows, watermark);
    std::vector<AlertTransition> open = rule.open();
    for (AlertTransition& alert : open) alert.state = AlertState::open;
    std::ranges::sort(open, {}, [](const AlertTransition& t) { return std::tie(t.window_start, t.product_id); });
    for (AlertTransition& alert : open) told.push_back(row_of(rule.options(), std::move(alert)));
  }
  if (told.empty()) return job_.bring_up(*job_.alert_table_, job_.alerts_batch_);
  return job_.commit_alerts(job_.batch_, job_.batch_time_, told);
}

// Rules as configured, when the table has others: those that are new or changed judge the windows that end after the
// watermark. What an earlier one had opened is resolved, as it was last told, by a batch of its own; only then does the
// table say that its rules are others, so that a start in between does the same again.
Result<> Recovery::change_alerts(const DeclaredAlerts& declared) {
  DeclaredAlerts wanted = DeclaredAlerts::of(job_.config_);
  if (wanted.same_rules(declared)) return {};
  wanted.replace(declared, job_.watermark_.watermark());
  std::map<std::string, AlertRule> kept;
  for (AlertRule& rule : job_.alert_rules_) {
    if (wanted.has(declared, rule.options().name)) {
      kept.emplace(rule.options().name, std::move(rule));
      continue;
    }
    for (AlertTransition& alert : rule.open()) {
      alert.state = AlertState::resolved;
      job_.resolved_.push_back(row_of(rule.options(), std::move(alert)));
    }
  }
  const std::vector<EvidenceTransition> evidence = job_.low_conversion_.open();
  if (wanted.evidence == 0)
    for (EvidenceTransition alert : evidence) {
      alert.state = AlertState::resolved;
      job_.resolved_.push_back(row_of(job_.low_conversion_.options(), alert));
    }
  job_.take_rules(wanted);
  for (AlertRule& rule : job_.alert_rules_)
    if (const auto found = kept.find(rule.options().name); found != kept.end()) rule = std::move(found->second);
  if (wanted.evidence > 0) job_.low_conversion_.restore(evidence);
  if (job_.options_.say && !job_.resolved_.empty())
    job_.options_.say(fmt::format(
        "the rules of alerts have changed: {} that were open by the rules before are resolved", job_.resolved_.size()));
  changed_alerts_ = std::move(wanted);
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
Result<> Recovery::change_view(View& view) {
  if (view.declared.fingerprint.empty() && !view.is_new) return job_.declare_view(view.of);
  if (!view.is_new && view.declared.is_of(*make_view(view.wanted))) return {};
  const bool was_there = !view.declared.fingerprint.empty() || view.of.reached > 0;
  view.wanted.first_window = job_.watermark_.watermark();
  const int64_t watermark = job_.watermark_.watermark();
  auto changed = make_view(view.wanted);
  const int64_t first = changed->options().first_window;
  if (changed->declaration().shape.has_sessions()) {
    changed = TRY(view_of_sessions(view.wanted, job_.batch_, watermark));
  } else {
    (void)changed->commit(watermark);
    TRY(fill_windows(std::array{Filling{changed.get(), job_.batch_}}, first == kNoTime ? INT64_MIN : first));
  }
  view.of.view = std::move(changed);
  TRY(job_.declare_view(view.of));
  changed_views_ |= was_there;
  const std::string begin = first == kNoTime ? "the first" : iso_time(first);
  if (job_.options_.say)
    job_.options_.say(
        view.is_new
            ? fmt::format("the view {} {}: windows from {} on are made; gold rebuild makes those before",
                          view.of.name(),
                          was_there ? "was not made for longer than Silver's log reaches back" : "is new here", begin)
            : fmt::format("the declaration of {} has changed: windows from {} on are made by the new one",
                          view.of.name(), begin));
  return {};
}

}  // namespace pactolus
