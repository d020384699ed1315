#include "runtime/job.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/check.h"
#include "base/fault.h"
#include "base/time_text.h"
#include "gold/window_view.h"
#include "runtime/declared_alerts.h"
#include "runtime/declared_view.h"
#include "runtime/losses.h"
#include "runtime/recovery.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

constexpr int64_t kPollBytes = 4 << 20;    // of one source at a time, so that partitions advance side by side
constexpr size_t kBatchBytes = 256 << 20;  // a batch is cut at this size, however long the tick
constexpr int64_t kBatchRecords =
    500'000;  // likewise: files are large enough to be dense, the batch small enough to stay cheap
constexpr int64_t kLongestRest_us = 100'000;  // what no descriptor tells of is met so late: idleness, new histories
constexpr int64_t kLookForPartitions_us = 10 * kMicrosPerSecond;  // of a stream that brings nothing to commit
constexpr int64_t kSnapshotIds =
    2'000'000;  // so many new ids make a snapshot: a start reads what came since from Silver

}  // namespace

Job::Job(const Config& config, JobOptions options, Clock& clock, Random random)
    : config_(config),
      options_(std::move(options)),
      clock_(clock),
      random_(random),
      lake_{config.lake},
      threads_(config.run.threads > 0 ? config.run.threads
                                      : int32_t(std::max(1u, std::thread::hardware_concurrency()))),
      decoder_(decode_rules(config)),
      watermark_({config.time.allowed_lateness_us, config.time.max_skew_us}),
      dedupe_(config.dedup.horizon_us),
      views_(stream_views(config)),
      evidence_({.period_us = kEvidencePeriod_us}),
      low_conversion_({}),
      maintenance_(lake_, config.job, clock, Random(random.next())),
      compactor_(clock, Random(random.next())),
      snapshots_(lake_.snapshots()) {
  take_rules(DeclaredAlerts::of(config_));
}
Job::~Job() = default;

void Job::forget_state() {
  watermark_ = WatermarkTracker({config_.time.allowed_lateness_us, config_.time.max_skew_us});
  watermark_.grow_to(live_sources_);
  dedupe_ = DedupeIndex(config_.dedup.horizon_us);
  for (StreamView& v : views_) v.view = make_view(view_options(config_, v.view->declaration()));
  evidence_ = ConversionEvidence({.period_us = kEvidencePeriod_us});
  take_rules(DeclaredAlerts::of(config_));
  silver_dates_.clear();
  erased_.clear();
  totals_.records_before = 0;
  snapshot_batch_ = 0, snapshot_version_ = -1;
}

Result<std::unique_ptr<Job>> Job::open(const Config& config, JobOptions options, Clock& clock, Random random) {
  std::unique_ptr<Job> job(new Job(config, std::move(options), clock, random));
  TRY(prepare_lake(job->lake_));
  const auto holder = TRY(lake_holder(job->lake_.lock()));
  if (holder && !job->options_.take_over && job->options_.lock_wait_us > 0 && job->options_.say)
    job->options_.say(fmt::format("waiting for pid {} ({}), which runs this lake", holder->pid, holder->command));
  LakeLock lock = TRY(
      lock_lake(job->lake_.lock(), job->options_.take_over, job->options_.lock_wait_us, job->options_.command, clock));
  TRY(job->open_tables());
  TRY(job->take(std::move(lock)));
  // What another holder committed up to a moment ago, too.
  for (delta::DeltaTable* table : job->followers()) TRY(table->refresh());
  TRY(job->widen_tables());
  TRY(job->maintenance_.open());
  if (job->options_.say && job->erasure_is_unfinished())
    job->options_.say("an erasure has not come to its end: pactolus tables erase goes on with it");
  TRY(job->open_topics());
  Recovery recovery(*job);
  TRY(recovery.run());
  TRY(job->commit_losses());
  TRY(job->fix_start());
  // What a rebuild makes from now on is of a later batch than what it made before: their declarations differ.
  if (recovery.has_changed_views() || !job->resolved_.empty()) TRY(job->cut(false));
  if (recovery.changed_alerts()) TRY(job->declare_alerts(*recovery.changed_alerts()));
  job->last_snapshot_boot_us_ = clock.boot_us();
  return job;
}

Result<> Job::open_tables() {
  const int64_t now_ms = clock_.now_us() / 1000;
  const auto table = [&](const fs::path& folder, delta::TableSchema schema, const std::string& name, const char* before,
                         const char* linked, const GoldView* view = nullptr) -> Result<delta::DeltaTable> {
    TRY(make_folders(folder));
    delta::DeltaOptions options{.clock = &clock_, .before_link = before, .linked = linked};
    delta::NewTable made{.schema = std::move(schema), .id = random_.uuid(), .time_ms = now_ms, .name = name};
    // In a lake that was there before it a view is declared when it is known from which window on it is made.
    if (view && !silver_->snapshot().txn_version(app_id(config_.job, "batch")))
      DeclaredView::of(*view).write(made.configuration);
    if (name == kAlerts && !silver_->snapshot().txn_version(app_id(config_.job, "batch"))) {
      made.configuration[kAlertsFromStart] = "true";
      DeclaredAlerts::of(config_).write(made.configuration);
    }
    if (made.name == "silver") made.configuration[kShortestHorizon] = std::to_string(config_.dedup.horizon_us);
    return delta::DeltaTable::open_or_create(folder, made, options);
  };
  silver_ = TRY(table(lake_.silver(), silver_schema(), "silver", "silver.before_link", "silver.linked"));
  quarantine_ =
      TRY(table(lake_.quarantine(), quarantine_schema(), "quarantine", "quarantine.before_link", "quarantine.linked"));
  for (StreamView& v : views_) {
    auto opened = table(lake_.gold(v.name()), view_schema(v.view->declaration()), v.name(), "gold.before_link",
                        "gold.linked", v.view.get());
    if (!opened && opened.error().code == ErrorCode::invalid)
      return fail(ErrorCode::bad_config, fmt::format("unusable view {}\n{}", v.name(), opened.error().message),
                  "a column keeps its name and type: give the measure, or the view, another name");
    v.table = TRY(std::move(opened));
  }
  alert_table_ = TRY(table(lake_.gold(kAlerts), alerts_schema(), kAlerts, "alerts.before_link", "alerts.linked"));
  return {};
}

// Epoch E+1 in the Silver log: from this commit on whoever ran before finds it at its next commit and stops.
Result<> Job::take(LakeLock lock) {
  lock_ = std::move(lock.lock);
  const std::string epoch_id = app_id(config_.job, "epoch");
  epoch_ = silver_->snapshot().txn_version(epoch_id).value_or(0) + 1;
  delta::Transaction t;
  t.operation = "TAKE JOB";
  t.info =
      Json::object().set("kind", "epoch").set("job", config_.job).set("epoch", epoch_).set("command", options_.command);
  if (lock.taken_over) t.info.set("take_over", true);
  t.commit_uuid = random_.uuid();
  t.time_ms = clock_.now_us() / 1000;
  t.txns = {{epoch_id, epoch_, t.time_ms}};
  t.blind_append = true;
  const auto taken =
      silver_->commit(t, {.recheck = [&](const delta::Snapshot& now, auto) -> Result<> {
                        if (now.txn_version(epoch_id).value_or(0) >= epoch_)
                          return fail(ErrorCode::fenced, "another process took the job at the same moment");
                        return {};
                      }});
  if (!taken) return std::unexpected(taken.error());
  snapshots_.set_epoch(epoch_);
  return {};
}

// A table of an earlier release gets the columns that it lacks. Silver says what its shortest dedupe horizon was.
Result<> Job::widen_tables() {
  const auto widen = [&](delta::DeltaTable& table, const delta::TableSchema& schema,
                         const TableProperties& properties) -> Result<> {
    delta::Metadata metadata = TRY(table.metadata_for(schema)).value_or(table.snapshot().metadata());
    for (const auto& [name, value] : properties) metadata.configuration[name] = value;
    if (metadata == table.snapshot().metadata()) return {};
    delta::Transaction t;
    t.operation = "CHANGE METADATA";
    t.metadata = std::move(metadata);
    t.commit_uuid = random_.uuid();
    t.time_ms = clock_.now_us() / 1000;
    TRY(table.commit(t));
    return {};
  };
  const int64_t horizon =
      std::min(config_.dedup.horizon_us, shortest_horizon(silver_->snapshot().metadata().configuration));
  TRY(widen(*silver_, silver_schema(), {{kShortestHorizon, std::to_string(horizon)}}));
  TRY(widen(*quarantine_, quarantine_schema(), {}));
  for (StreamView& v : views_) TRY(widen(*v.table, view_schema(v.view->declaration()), {}));
  TRY(widen(*alert_table_, alerts_schema(), {}));
  return {};
}

SilverFacts Job::facts() const { return {source_names_, batch_ + 1, open_.batch_time(), config_.silver.high_value}; }

void Job::start_batch(bool history) {
  if (open_.is_open()) return;
  opened_boot_us_ = clock_.boot_us();
  if (options_.first_batch_at_once && totals_.batches == 0) opened_boot_us_ -= config_.run.commit_interval_us;
  const int64_t watermark = watermark_.watermark();
  open_.start(accounts_, std::max(batch_time_, clock_.now_us()), watermark);
  // Histories are as old as they are: copies are looked for in Silver instead.
  if (watermark != kNoTime && !history) open_.set_too_late_before(watermark - config_.dedup.horizon_us);
}

Result<int64_t> Job::poll(size_t s, int64_t max_records, bool& at_end) {
  Source& source = sources_[s];
  Topic& topic = topics_[source.topic];
  // A small batch asks for little: what is beyond its end is read again.
  const int64_t bytes = std::clamp<int64_t>(std::min<int64_t>(max_records, kPollBytes) * 1024, 64 << 10, kPollBytes);
  PolledRecords polled = TRY(topic.reader->poll(source.partition, bytes));
  at_end = polled.at_end;
  if (polled.records.empty() && polled.skipped == 0) return 0;
  if (polled.leader_epoch >= 0) source.leader_epoch = polled.leader_epoch;
  if (int64_t(polled.records.size()) > max_records) {  // a fixed cut: what is beyond it is read again
    polled.records = polled.records.first(size_t(max_records));
    polled.next = polled.records.back().offset + 1;
    polled.skipped = polled.next - Offset(open_.is_open() ? open_.accounts()[s].end : accounts_[s].end) -
                     int64_t(polled.records.size());
    TRY(topic.reader->seek(source.partition, polled.next));
  }
  start_batch(topic.history);
  open_.advance_batch_time(clock_.now_us());
  if (!polled.records.empty()) {
    if (source.first_open_us == kNoTime) source.first_open_us = polled.records.front().timestamp_us;
    source.last_us = polled.records.back().timestamp_us;
  }
  const size_t kept = open_.kept().size();
  open_.add(decoder_, s, polled, topic.malformed, topic.history ? nullptr : &dedupe_,
            topic.history ? std::span<StreamView>() : views_);
  if (open_.kept().size() > kept) source.last_row_boot_us = clock_.boot_us();
  return int64_t(polled.records.size());
}

// Memory is bounded in every mode; the bytes follow from the log, so the cuts do too.
bool Job::full() const {
  return open_.is_open() &&
         (open_.bytes() >= kBatchBytes || (config_.run.batch_records == 0 && open_.records() >= kBatchRecords));
}

bool Job::due() const {
  if (!open_.is_open()) return false;
  if (full()) return true;
  return config_.run.batch_records == 0 && clock_.boot_us() - opened_boot_us_ >= config_.run.commit_interval_us;
}

Result<Job::Step> Job::step() {
  // Sources join between batches: a batch has an account for each from its start.
  if (!open_.is_open() &&
      (!waiting_histories_.empty() || clock_.boot_us() - last_discovery_boot_us_ >= kMicrosPerSecond)) {
    if (clock_.boot_us() - last_confirm_boot_us_ >= kLookForPartitions_us) TRY(confirm_live());
    TRY(add_new_partitions());
    TRY(discover_histories());
  }
  const Step live = TRY(read_live());
  const Step history = TRY(read_history());
  return Step{live.records + history.records, live.committed || history.committed, live.caught_up && history.caught_up};
}

Job::Rest Job::rest() {
  const int64_t open_until = opened_boot_us_ + config_.run.commit_interval_us;
  Rest rest{.us = open_.is_open() ? std::clamp<int64_t>(open_until - clock_.boot_us(), 0, kLongestRest_us)
                                  : kLongestRest_us};
  if (sources_.size() == live_sources_ && waiting_histories_.empty())
    rest.wake_descriptor = topics_[0].reader->wake_descriptor();
  return rest;
}

Result<Job::Step> Job::read_live() {
  PACTOLUS_CHECK(live_sources_ > 0);  // a topic has a partition
  Step step;
  // With a fixed number of records each source brings its share, so that the same log gives the same batches.
  const int64_t quota =
      config_.run.batch_records == 0
          ? kBatchRecords
          : std::max<int64_t>(1, (config_.run.batch_records + int64_t(live_sources_) - 1) / int64_t(live_sources_));
  bool all_at_end = true, all_done = true;  // done: at its end, or it has brought its share
  for (size_t i = 0; i < live_sources_; ++i) {
    const size_t s = (next_source_ + i) % live_sources_;
    if (watermark_.paused(s)) {
      sources_[s].at_end = false;
      all_at_end = false;
      continue;
    }
    const int64_t room = full() ? 0 : quota - (open_.is_open() ? open_.source_records(s) : 0);
    if (room <= 0) {
      all_at_end = false;
      continue;
    }
    bool at_end = false;
    const auto polled = poll(s, room, at_end);
    if (!polled) {
      // What lies before the place that cannot be read is committed first.
      if (polled.error().fatal() && open_.is_open() && TRY(confirm_live())) TRY(cut(false));
      return with_hint(polled.error());
    }
    const int64_t records = *polled;
    sources_[s].at_end = at_end;
    step.records += records;
    all_at_end &= at_end;
    all_done &= at_end || records == room;
    if (full()) {
      all_at_end = false;
      break;
    }
  }
  next_source_ = (next_source_ + 1) % live_sources_;
  step.caught_up = all_at_end;
  // When all are at their end, what they lack of their shares may come until the tick.
  const bool rest = clock_.boot_us() - opened_boot_us_ >= config_.run.commit_interval_us;
  const bool full_batch = config_.run.batch_records > 0 && open_.is_open() && all_done && (!all_at_end || rest);
  const bool tick = clock_.boot_us() - last_tick_boot_us_ >= config_.run.commit_interval_us;
  if ((due() || full_batch || (!open_.is_open() && tick && tick_changes_something())) && TRY(confirm_live())) {
    TRY(cut(false));
    step.committed = true;
  }
  if (tick) last_tick_boot_us_ = clock_.boot_us();
  return step;
}

// Nothing is committed that may be of another topic. While nobody can say, the batch stays open.
Result<bool> Job::confirm_live() {
  const auto sure = topics_[0].reader->confirm();
  if (sure) {
    last_confirm_boot_us_ = clock_.boot_us();
    told_unconfirmed_ = false;
    return true;
  }
  if (!sure.error().retriable()) return with_hint(sure.error());
  if (options_.say && !std::exchange(told_unconfirmed_, true))
    options_.say(fmt::format("commits wait: {}", sure.error().message));
  return false;
}

std::vector<bool> Job::idle_now() const {
  std::vector<bool> idle(live_sources_);
  for (size_t s = 0; s < live_sources_; ++s) {
    // Rejects do not count: only Silver rows move event time, and a partition that brings none must not hold it back.
    const bool silent = !open_.is_open() || open_.source_rows(s) == 0;
    const bool for_long = clock_.boot_us() - sources_[s].last_row_boot_us >= config_.time.idle_after_us;
    idle[s] =
        silent && sources_[s].at_end && (for_long || accounts_[s].idle);  // it stays idle until it brings something
  }
  return idle;
}

// With nothing in the batch: would a commit say anything new?
bool Job::tick_changes_something() {
  const std::vector<bool> idle = idle_now();
  WatermarkTracker after = watermark_;
  bool changed = false;
  for (size_t s = 0; s < live_sources_; ++s) {
    changed |= idle[s] != accounts_[s].idle;
    after.set_idle(s, idle[s]);
  }
  return changed || after.advance(std::max(batch_time_, clock_.now_us())) != watermark_.watermark();
}

// One batch at most, of as many histories as fit into it: the stream has its turn again behind it.
Result<Job::Step> Job::read_history() {
  Step step{.caught_up = true};
  const auto is_full = [this] {
    return open_.is_open() && (open_.records() >= kBatchRecords || open_.bytes() >= kBatchBytes);
  };
  for (size_t s = live_sources_; s < sources_.size(); ++s) {
    if (sources_[s].at_end) continue;  // looked at again at the next discovery
    if (step.records > 0 && is_full()) break;
    const Offset end = TRY(topics_[sources_[s].topic].reader->end(sources_[s].partition));
    if (end.value <= accounts_[s].end) {
      sources_[s].at_end = true;
      continue;
    }
    step.caught_up = false;
    // A batch of history is a batch of its own: what is open of the live topics goes first.
    if (step.records == 0 && open_.is_open()) {
      if (!TRY(confirm_live())) return step;
      TRY(cut(false));
      step.committed = true;
    }
    bool at_end = false;
    while (!at_end && !is_full()) step.records += TRY(poll(s, kBatchRecords, at_end));
  }
  if (step.caught_up || !open_.is_open()) return step;
  TRY(cut(true));
  step.committed = true;
  return step;
}

Result<> Job::cut(bool history, std::optional<int64_t> force_watermark) {
  start_batch(history);
  if (history)
    TRY(judge_history());
  else if (has_history_ && watermark_.watermark() == kNoTime)
    TRY(look_for_live_rows_in_silver());
  open_.settle(dedupe_, history ? std::span<StreamView>() : views_);

  BatchAccount account{config_.job, batch_ + 1, epoch_, random_.uuid(), open_.batch_time(), watermark_.watermark(),
                       kNoTime};
  WatermarkTracker after = watermark_;
  const std::vector<bool> idle = idle_now();
  for (size_t s = 0; s < live_sources_; ++s) {
    if (open_.accounts()[s].silver > 0) after.observe(s, open_.accounts()[s].max_event_time);
    if (!history) {
      after.set_idle(s, idle[s]);
      open_.accounts()[s].idle = idle[s];
    }
  }
  if (force_watermark) {
    WatermarkState forced = after.save();
    forced.watermark = *force_watermark;
    after.restore(std::move(forced));
  } else if (!history) {
    after.advance(open_.batch_time());
  }
  account.watermark_after = after.watermark();
  account.closes_windows = force_watermark.has_value();
  if (!told_losses_) account.losses = losses_;

  const BatchNames names{account.batch, epoch_, account.batch_time / 1000};
  auto files = while_disk_is_full([&] {
    return write_silver_files(lake_, open_.events(), open_.kept(), facts(), decoder_, names, random_, threads_);
  });
  if (!files) return std::unexpected(files.error());
  auto rejected =
      while_disk_is_full([&] { return write_quarantine_file(lake_, open_.rejects(), facts(), names, random_); });
  if (!rejected) return std::unexpected(rejected.error());
  account.quarantine_files = std::move(*rejected);
  for (size_t s = 0; s < accounts_.size(); ++s) {
    const SourceAccount& a = open_.accounts()[s];
    // A live partition has its place in the accounts from its first live batch on: until then run.start may still move
    // it.
    const bool has_begun = a.history || !history || has_position(a);
    if (has_begun && (!a.history || a.end > a.start)) account.sources.push_back(a);
  }
  fault_point("batch.files_written");
  std::vector<delta::AddFile> adds;
  for (const WrittenFile& file : *files) adds.push_back(file.add);
  TRY(commit_silver(account, std::move(adds)));
  for (WrittenFile& file : *files) compactor_.keep(file.add.path, std::move(file.rows));
  fault_point("batch.silver_committed");

  // From here on the batch is a fact; state follows it.
  for (size_t i = 0; !history && i < live_sources_; ++i) sources_[i].first_open_us = kNoTime;
  const bool first_watermark = watermark_.watermark() == kNoTime && after.watermark() != kNoTime;
  const EventBatch& events = open_.events();
  if (!history || watermark_.watermark() != kNoTime) remember(events, open_.kept());
  if (history) {
    has_history_ = true;
  } else if (!silver_dates_.empty()) {
    for (const uint32_t row : open_.kept())
      silver_dates_.committed(int32_t(floor_div(events.event_time[row], kMicrosPerDay)), events.fingerprint[row],
                              content_byte(events, row));
  }
  watermark_ = std::move(after);
  dedupe_.advance(watermark_.watermark());
  batch_ = account.batch;
  batch_time_ = account.batch_time;
  accounts_ = open_.accounts();
  ++totals_.batches;
  for (const SourceAccount& a : account.sources) {
    totals_.records += a.consumed, totals_.silver += a.silver, totals_.duplicates += a.duplicates,
        totals_.conflicting += a.conflicting;
    for (const auto& [reason, n] : a.quarantined) totals_.quarantined[reason] += n;
    for (const auto& [view, n] : a.late) totals_.late += n;
  }
  std::vector<ViewRows> rows;
  for (StreamView& v : views_) rows.push_back(v.view->commit(watermark_.watermark()));
  std::vector<ConversionEvidence::Seen> seen;
  if (!history) seen = conversion_seen(events, open_.kept());
  const std::vector<AlertRow> alerts =
      judge_alerts(interest_rows(rows.front()), seen, watermark_.watermark(), batch_time_);
  open_.clear();
  if (first_watermark) TRY(remember_histories());

  TRY(commit_quarantine(account));
  fault_point("batch.quarantine_committed");
  for (size_t v = 0; v < views_.size(); ++v)
    if (!rows[v].empty()) TRY(commit_gold(views_[v], account.batch, account.batch_time, rows[v]));
  fault_point("batch.gold_committed");
  if (!alerts.empty()) TRY(commit_alerts(account.batch, account.batch_time, alerts));
  if (clock_.boot_us() - last_snapshot_boot_us_ >= config_.run.snapshot_interval_us ||
      snapshots_.noted() >= kSnapshotIds)
    TRY(save_snapshot());
  TRY(maintain());
  TRY(compact(false));
  if (!history) topics_[0].reader->note_committed(committed_offsets());
  return apply_retention();
}

std::vector<Offset> Job::committed_offsets() const {
  std::vector<Offset> committed;
  for (size_t s = 0; s < live_sources_; ++s) committed.push_back(Offset(accounts_[s].end));
  return committed;
}

bool Job::has_position(const SourceAccount& s) const {
  return silver_->snapshot().txn_version(offset_app_id(config_.job, s.topic, s.topic_id, s.partition)).has_value();
}

Result<> Job::commit_silver(BatchAccount account, std::vector<delta::AddFile> adds) {
  delta::Transaction t;
  t.operation = "STREAMING UPDATE";
  t.operation_parameters = {{"outputMode", "Append"}, {"batchId", std::to_string(account.batch)}};
  t.commit_uuid = account.commit_uuid;
  t.time_ms = account.batch_time / 1000;
  t.adds = std::move(adds);
  t.txns.push_back({app_id(config_.job, "batch"), account.batch, t.time_ms});
  for (const SourceAccount& s : account.sources)
    if (s.end > s.start ||
        (!s.history && !has_position(s)))  // with its first account a partition has begun, though empty
      t.txns.push_back({offset_app_id(config_.job, s.topic, s.topic_id, s.partition), s.end, t.time_ms});
  for (size_t s = 0; s < live_sources_; ++s) {
    const SourceAccount& a = accounts_[s];
    const std::string leader = leader_app_id(config_.job, a.topic, a.topic_id, a.partition);
    const int32_t epoch = sources_[s].leader_epoch;
    if (silver_->snapshot().txn_version(leader).value_or(-1) != epoch) t.txns.push_back({leader, epoch, t.time_ms});
  }
  std::set<std::string> given_up;
  for (const AcceptedLoss& l : account.losses)
    if (lost_offsets(l) == 0) given_up.insert(given_up_app_id(config_.job, l.topic, l.topic_id));
  for (const std::string& id : given_up) t.txns.push_back({id, account.batch, t.time_ms});
  t.info = to_json(account);
  t.blind_append = true;
  const std::string epoch_id = app_id(config_.job, "epoch"), batch_id = app_id(config_.job, "batch");
  const delta::CommitPolicy policy{.recheck = [&](const delta::Snapshot& now, auto) -> Result<> {
    const int64_t epoch = now.txn_version(epoch_id).value_or(0);
    if (epoch != epoch_)
      return fail(ErrorCode::fenced,
                  fmt::format("another process has taken the job: its epoch is {}, this one's {}", epoch, epoch_));
    if (now.txn_version(batch_id).value_or(0) != batch_)
      return fail(ErrorCode::conflict, fmt::format("batch {} is in the log already", account.batch));
    return {};
  }};
  auto version = while_disk_is_full([&] { return silver_->commit(t, policy); });
  if (!version) return std::unexpected(version.error());
  commit_version_ = version->value;
  commit_uuid_ = account.commit_uuid;
  return {};
}

Result<> Job::check_epoch() {
  TRY(silver_->refresh());
  const int64_t epoch = silver_->snapshot().txn_version(app_id(config_.job, "epoch")).value_or(0);
  if (epoch != epoch_)
    return fail(ErrorCode::fenced,
                fmt::format("another process has taken the job: its epoch is {}, this one's {}", epoch, epoch_));
  return {};
}

Result<> Job::finish(bool close_windows) {
  if (open_.is_open()) {
    if (!TRY(confirm_live()))
      return fail(ErrorCode::io, "the last batch is not committed: Kafka does not answer",
                  "the next run reads it again");
    TRY(cut(false));
  }
  if (close_windows) {
    int64_t end = kNoTime;
    for (const StreamView& v : views_) end = std::max(end, v.view->last_window_end());
    if (end != kNoTime && end > watermark_.watermark()) TRY(cut(false, end));
  }
  if (batch_ == 0) return {};
  TRY(bring_up_followers());
  TRY(maintenance_.fold(*silver_, *quarantine_, epoch_));
  TRY(compact(true));
  return save_snapshot();
}

Result<> Job::judge_history() {
  const EventBatch& events = open_.events();
  std::vector<Seen> fates = TRY(silver_dates_.look_up(silver_->snapshot(), decoder_, events, true));
  for (size_t row = 0; row < fates.size() && !erased_.empty(); ++row) {
    if (fates[row] != Seen::no) continue;
    const int64_t width = dedupe_.bucket_width(), bucket = floor_to(events.event_time[row], width);
    const auto [first, last] = erased_.equal_range(events.fingerprint[row]);
    for (auto id = first; id != last; ++id)
      if (floor_to(id->second.bucket_start, width) == bucket && bucket >= dedupe_.oldest_time())
        fates[row] = id->second.content == content_byte(events, row) ? Seen::same : Seen::conflicting;
  }
  open_.set_fates(std::move(fates));
  return {};
}

// Before the first watermark the ids of histories are not remembered, so live rows are looked for in Silver too.
Result<> Job::look_for_live_rows_in_silver() {
  open_.also_seen(TRY(silver_dates_.look_up(silver_->snapshot(), decoder_, open_.events(), false)));
  return {};
}

void Job::remember(const EventBatch& events, std::span<const uint32_t> rows) {
  constexpr size_t kAhead = 16;
  const int64_t width = dedupe_.bucket_width();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) dedupe_.prefetch_to_insert(events.fingerprint[rows[i + kAhead]]);
    const uint64_t fingerprint = events.fingerprint[rows[i]];
    const uint8_t content = content_byte(events, rows[i]);
    dedupe_.insert(fingerprint, content, events.event_time[rows[i]]);
    // Of a history many lie in buckets that have long ended: no snapshot needs them.
    const int64_t bucket = floor_to(events.event_time[rows[i]], width);
    if (bucket >= dedupe_.oldest_time()) snapshots_.note({fingerprint, bucket, content});
  }
}

// Only when the tables behind Silver have reached the batch: a snapshot must not be ahead of what it stands for.
Result<> Job::save_snapshot() {
  if (snapshot_batch_ == batch_) return {};
  TRY(check_epoch());  // a process that was taken over must not touch its successor's snapshots
  TRY(bring_up_followers());
  StateSnapshot s;
  s.job = config_.job;
  s.table_id = silver_->snapshot().metadata().id;
  s.batch = batch_;
  s.silver_version = commit_version_;
  s.commit_uuid = commit_uuid_;
  s.horizon_us = config_.dedup.horizon_us;
  for (const StreamView& v : views_) v.view->save(s.views.emplace_back(v.name(), "").state);
  evidence_.save(s.evidence);
  last_snapshot_boot_us_ = clock_.boot_us();
  const auto saved = snapshots_.save(std::move(s), dedupe_);
  if (!saved) {
    // It is only there to start sooner: without it state comes from Silver. The next one holds everything.
    if (options_.say) options_.say(fmt::format("the state snapshot could not be saved: {}", saved.error().message));
    return {};
  }
  snapshot_batch_ = batch_;
  snapshot_version_ = commit_version_;
  return {};
}

// With the first watermark it is known how far back ids are remembered: from then on those of histories are too.
Result<> Job::remember_histories() {
  if (!has_history_) return {};
  const SilverFilter filter{.from_time = dedupe_.oldest_time()};
  SilverRows rows;
  for (const delta::AddFile* file : silver_files(silver_->snapshot(), filter)) {
    rows.clear();
    TRY(read_silver_file(lake_.silver(), *file, decoder_, filter, rows));
    for (size_t i = 0; i < rows.events.rows(); ++i)
      if (rows.history[i])
        dedupe_.insert(rows.events.fingerprint[i], content_byte(rows.events, i), rows.events.event_time[i]);
  }
  silver_dates_.clear();  // nobody asks by date as long as no history comes
  snapshots_.forget_base();
  return {};
}

Result<> Job::maintain() {
  // Recovery reads the commits behind the snapshot, and those that quarantine and Gold have not reached; without a
  // snapshot nothing may go.
  const int64_t needed = snapshot_version_;
  const std::vector<delta::DeltaTable*> tables = followers();
  if (!maintenance_.due(*silver_, tables)) return {};
  TRY(check_epoch());
  const auto cared = maintenance_.after_commit(*silver_, tables, needed, epoch_);
  if (cared) return {};
  if (cared.error().fatal()) return cared;
  // Care is not the stream: it is told, and tried again from what is in the tables.
  if (options_.say) options_.say(fmt::format("maintenance could not be done: {}", cared.error().message));
  return maintenance_.open();
}

// A merge that fails is told and planned again later, as care of the logs is.
Result<> Job::compact(bool finish) {
  std::vector<CompactedTable> tables = {{&*silver_, silver_encoding()}, {&*quarantine_, quarantine_encoding()}};
  for (StreamView& v : views_) tables.push_back({&*v.table, gold_encoding()});
  tables.push_back({&*alert_table_, gold_encoding()});
  tables.push_back({&maintenance_.ledger(), {}});
  const int64_t watermark = watermark_.watermark();
  // Without a watermark there are histories alone.
  const int64_t closed = (watermark == kNoTime ? batch_time_ : watermark) - config_.dedup.horizon_us;
  const auto done =
      finish ? compactor_.finish(tables) : compactor_.look(tables, closed, {batch_, epoch_, clock_.now_us() / 1000});
  if (done || done.error().code == ErrorCode::fenced) return done;
  if (options_.say) options_.say(fmt::format("small files could not be merged: {}", done.error().message));
  return {};
}

Result<> Job::apply_retention() {
  const int64_t age = config_.bronze.retention_age_us, bytes = config_.bronze.retention_bytes;
  if ((age == 0 && bytes == 0) || clock_.boot_us() - last_retention_boot_us_ < 5 * kMicrosPerSecond) return {};
  last_retention_boot_us_ = clock_.boot_us();
  const int64_t oldest = age == 0 ? INT64_MIN : clock_.now_us() - age;
  TRY(topics_[0].reader->drop_before(committed_offsets(), oldest, bytes == 0 ? INT64_MAX : bytes));
  return {};
}

JobView Job::view() const {
  JobView v;
  v.batch = batch_;
  v.epoch = epoch_;
  v.batch_time = batch_time_;
  v.silver_version = silver_->snapshot().version().value;
  v.watermark = watermark_.watermark();
  v.totals = totals_;
  v.sources = accounts_;
  for (size_t s = 0; s < live_sources_; ++s) {
    const auto end = topics_[0].reader->end(sources_[s].partition);
    SourceLag lag{end ? std::max<int64_t>(0, end->value - accounts_[s].end) : 0, 0};
    const int64_t oldest = sources_[s].first_open_us != kNoTime ? sources_[s].first_open_us : sources_[s].last_us;
    if (lag.records > 0 && oldest != kNoTime) lag.us = std::max<int64_t>(0, clock_.now_us() - oldest);
    v.lags.push_back(lag);
  }
  for (const AlertRule& rule : alert_rules_)
    for (AlertTransition& alert : rule.open()) v.open_alerts.push_back(std::move(alert));
  std::ranges::stable_sort(v.open_alerts, std::greater<>(), &AlertTransition::views);
  for (const EvidenceTransition& alert : low_conversion_.open())
    v.open_alerts.push_back(row_of(low_conversion_.options(), alert).transition);
  v.remembered_ids = dedupe_.size();
  v.remembered_bytes = dedupe_.memory_bytes();
  v.compaction = compactor_.totals();
  return v;
}

Result<LogPosition> Job::position() {
  LogPosition p;
  for (size_t s = 0; s < sources_.size(); ++s) {
    p.committed += accounts_[s].end;
    p.taken += open_.is_open() ? open_.accounts()[s].end : accounts_[s].end;
    p.end += TRY(topics_[sources_[s].topic].reader->end(sources_[s].partition)).value;
  }
  return p;
}

const WindowView& Job::interest() const { return static_cast<const WindowView&>(*views_.front().view); }

std::vector<InterestRow> Job::provisional(size_t limit) const {
  const WindowView& view = interest();
  const int64_t end = view.newest_open_window();
  return end == kNoTime ? std::vector<InterestRow>() : interest_rows(view.provisional(end, limit));
}
std::map<std::string, ViewRows> Job::open_rows(size_t limit) const {
  std::map<std::string, ViewRows> out;
  if (open_.is_open()) return out;
  for (const StreamView& v : views_)
    if (ViewRows rows = v.view->open_rows(limit); !rows.empty()) out.emplace(v.name(), std::move(rows));
  return out;
}
InterestTotals Job::provisional_totals() const {
  const WindowView& view = interest();
  const int64_t end = view.newest_open_window();
  return end == kNoTime ? InterestTotals{} : interest_totals(view, end);
}

}  // namespace pactolus
