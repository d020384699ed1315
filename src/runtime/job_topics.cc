// What a job reads: the live topic from where Silver stands, and the histories as they come and are finished.
#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/time_text.h"
#include "runtime/job.h"
#include "runtime/losses.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

constexpr size_t kHistoriesAtOnce = 64;

std::string start_text(const StartFrom& from) {
  return from.kind == StartFrom::Kind::time     ? iso_time(from.time_us)
         : from.kind == StartFrom::Kind::latest ? "its end"
                                                : "its beginning";
}

}  // namespace

// At place `at`: live partitions stand before those of histories.
void Job::add_source(size_t at, size_t topic, SourceAccount account, int32_t leader_epoch) {
  const PartitionId partition(account.partition);
  source_names_.insert(source_names_.begin() + int64_t(at), SourceName{account.topic, account.partition});
  accounts_.insert(accounts_.begin() + int64_t(at), std::move(account));
  sources_.insert(sources_.begin() + int64_t(at), Source{topic, partition, clock_.boot_us(), false, leader_epoch});
}

// As it was when Silver last read it under this id, or at its beginning.
Result<SourceAccount> Job::first_account(const Topic& topic, std::string_view known_id, int32_t partition) const {
  SourceAccount account;
  account.topic = topic.reader->topic().name;
  account.topic_id = topic.id;
  account.partition = partition;
  account.history = topic.history;
  const auto committed =
      silver_->snapshot().txn_version(offset_app_id(config_.job, account.topic, known_id, partition));
  account.end = committed ? *committed : TRY(topic.reader->begin(PartitionId(partition))).value;
  return account;
}

int32_t Job::leader_epoch(const Topic& topic, std::string_view known_id, int32_t partition) const {
  return int32_t(silver_->snapshot()
                     .txn_version(leader_app_id(config_.job, topic.reader->topic().name, known_id, partition))
                     .value_or(-1));
}

Result<> Job::add_history(std::unique_ptr<LogReader> reader) {
  const TopicIdentity& id = reader->topic();
  topics_.push_back({std::move(reader), id.id, id.id, true});
  Topic& topic = topics_.back();
  if (!id.dialect.empty() && id.dialect != "native") topic.malformed = RejectReason::malformed_row;
  for (int32_t p = 0; p < id.partitions; ++p) {
    SourceAccount account = TRY(first_account(topic, topic.id, p));
    TRY(topic.reader->seek(PartitionId(p), Offset(account.end)));
    add_source(sources_.size(), topics_.size() - 1, std::move(account), -1);
  }
  return {};
}

Result<> Job::add_live_topic(std::unique_ptr<LogReader> reader) {
  const delta::Snapshot& silver = silver_->snapshot();
  if (options_.accept_loss) TRY(look_for_losses(*reader));
  const TopicIdentity& id = reader->topic();
  const std::string before = known_topic_id(silver, config_.job, id);
  TRY(check_partitions(silver, config_.job, id, before));
  topics_.push_back({std::move(reader), known_topic_id(silver, config_.job, id, losses_), before});
  const Topic& topic = topics_.back();
  bool read_before = false;
  for (int32_t p = 0; p < id.partitions; ++p)
    read_before |= silver.txn_version(offset_app_id(config_.job, id.name, before, p)).has_value();
  // Partitions that a topic has got since are new too, but the topic is not: nothing of them is left out. What takes
  // the place of a topic that was lost is read from its beginning.
  starting_inside_ = !read_before && !options_.accept_loss && config_.run.start != StartFrom{};
  if (read_before && options_.say && (options_.start_given || config_.run.start != StartFrom{}))
    options_.say(
        fmt::format("{} goes on at the offsets in the lake; run.start is for a topic that was never read", id.name));
  for (int32_t p = 0; p < id.partitions; ++p) {
    SourceAccount account = TRY(first_account(topic, before, p));
    int32_t leader = leader_epoch(topic, before, p);
    if (starting_inside_) {
      const Offset start = TRY(start_offset(*topic.reader, PartitionId(p), config_.run.start));
      unread_ += start.value - std::exchange(account.end, start.value);
    }
    const auto lost =
        std::ranges::find_if(losses_, [&](const AcceptedLoss& l) { return l.topic_id == before && l.partition == p; });
    if (lost != losses_.end()) {  // it stands where it is read on
      leader = -1;
      if (lost->kind == kFellBack) account.end = lost->end;
    } else if (const auto there = topic.reader->seek(PartitionId(p), Offset(account.end), leader); !there) {
      return with_hint(there.error());
    }
    add_source(sources_.size(), 0, std::move(account), leader);
  }
  return {};
}

// Between batches. They are read from their first record, unless Silver has read them before and the cluster did not
// tell of them when this process began.
Result<> Job::add_new_partitions() {
  PACTOLUS_CHECK(!open_.is_open());
  const Topic& live = topics_[0];
  const TopicIdentity& id = live.reader->topic();
  for (int32_t p = int32_t(live_sources_); p < id.partitions; ++p) {
    SourceAccount account = TRY(first_account(live, live.id, p));
    const int32_t leader = leader_epoch(live, live.id, p);
    if (const auto there = live.reader->seek(PartitionId(p), Offset(account.end), leader); !there)
      return with_hint(there.error());
    add_source(live_sources_++, 0, std::move(account), leader);
    watermark_.grow_to(live_sources_);
    if (options_.say) options_.say(fmt::format("{} has a new partition: {}", id.name, p));
  }
  return {};
}

// A topic of the same name that is not the one Silver has read from is another topic: what was promised is gone.
Result<> Job::refuse_other_topics(std::string_view topic_id) const {
  if (options_.accept_loss) return {};
  const auto lost = lost_with_topic(silver_->snapshot(), config_.job, config_.kafka.topic, topic_id);
  if (lost.empty()) return {};
  return fail(ErrorCode::data_loss,
              fmt::format("topic {} is gone or was made anew, and now has {}: {}", config_.kafka.topic,
                          topic_id.empty() ? "no id" : fmt::format("id {}", topic_id), text_of(lost.front())),
              loss_hint(config_, !topic_id.empty()));
}

// What is lost of the live topic is for a person to accept.
std::unexpected<Error> Job::with_hint(Error error) const {
  const bool lost = error.code == ErrorCode::data_loss || error.code == ErrorCode::corrupt;
  if (lost) error.hint = loss_hint(config_);
  return std::unexpected(std::move(error));
}

Result<> Job::look_for_losses(LogReader& log) {
  losses_ = TRY(find_losses(silver_->snapshot(), config_.job, log, config_.run.start));
  for (AcceptedLoss& loss : losses_) loss.reason = *options_.accept_loss;
  return {};
}

// A batch without records: offsets that are gone are skipped in it, and those that begin anew begin with it.
Result<> Job::commit_losses() {
  if (losses_.empty()) return {};
  start_batch(false);
  for (const AcceptedLoss& loss : losses_) {
    if (lost_offsets(loss) == 0) continue;
    const PolledRecords gone{PartitionId(loss.partition), {}, Offset(loss.end), lost_offsets(loss), kLost};
    open_.add(decoder_, size_t(loss.partition), gone, RejectReason::malformed_json, &dedupe_, views_);
  }
  if (!TRY(confirm_live())) return fail(ErrorCode::io, "the loss is not accepted yet: the log does not answer");
  TRY(cut(false));
  told_losses_ = true;
  return {};
}

Result<> Job::open_topics() {
  TRY(sweep_dropped(lake_.bronze()));
  const bool embedded = config_.bronze.from == BronzeFrom::embedded;
  if (embedded && !TRY(live_topic_exists(config_))) {
    TRY(refuse_other_topics(""));  // before a new one is made in its place
    if (options_.accept_loss)
      return fail(ErrorCode::not_found, fmt::format("there is no topic {} in {}", config_.kafka.topic, config_.lake),
                  "make it first; or is it in Kafka? --from kafka://HOST:PORT/TOPIC");
  }
  auto opened = open_live_topic(config_, random_, clock_, options_.say, options_.accept_loss ? kLookWait_ms : 0);
  if (!opened && opened.error().code == ErrorCode::not_found) TRY(refuse_other_topics(""));
  auto live = TRY(std::move(opened));
  TRY(refuse_other_topics(known_topic_id(silver_->snapshot(), config_.job, live->topic())));
  const std::string mine = config_.job + "/";
  for (const auto& [app, txn] : silver_->snapshot().txns())
    has_history_ |= app.starts_with(mine) && is_history_topic(app.substr(mine.size()));  // its topic may be gone by now
  TRY(add_live_topic(std::move(live)));
  live_sources_ = sources_.size();
  watermark_.grow_to(live_sources_);
  return discover_histories();
}

// Where a topic begins is a fact before its first record is read: an empty batch holds the offsets, so that another
// start, after whatever has happened, begins there too and not at what is latest by then.
Result<> Job::fix_start() {
  if (!starting_inside_) return {};
  TRY(cut(false));
  starting_inside_ = false;
  if (options_.say)
    options_.say(fmt::format("{} is begun at {}: {} records before it stay unread", config_.kafka.topic,
                             start_text(config_.run.start), unread_));
  return {};
}

// Between batches. A lake may have thousands of histories: few are open at once, and one that is committed to its end
// needs no reader any more. Earlier releases read a history while it was being written; such a one may still grow.
Result<> Job::discover_histories() {
  TRY(leave_finished_histories());
  if (waiting_histories_.empty()) {
    last_discovery_boot_us_ = clock_.boot_us();
    std::vector<std::pair<int64_t, std::string>> found;  // in the order in which they became whole
    for (std::string& name : TRY(list_history_topics(config_))) {
      const auto finished = finished_histories_.find(name);
      if (finished != finished_histories_.end() &&
          (!finished->second || history_stamp(config_, name) == *finished->second))
        continue;
      const bool known =
          std::any_of(topics_.begin(), topics_.end(), [&](const Topic& t) { return t.reader->topic().name == name; });
      if (known) continue;
      const auto mark = TRY(read_history_mark(lake_, name));
      if (mark || has_been_read(name)) found.emplace_back(mark ? mark->time_us : 0, std::move(name));
    }
    std::ranges::sort(found);
    for (auto& [time, name] : found) waiting_histories_.push_back(std::move(name));
  }
  while (!waiting_histories_.empty() && topics_.size() <= kHistoriesAtOnce) {
    TRY(add_history(TRY(open_history_topic(config_, waiting_histories_.front()))));
    waiting_histories_.pop_front();
    TRY(leave_finished_histories());
  }
  PACTOLUS_CHECK_LE(sources_.size(), size_t(UINT16_MAX));
  return {};
}

bool Job::has_been_read(std::string_view topic) const {
  const std::string prefix = fmt::format("{}/{}@", config_.job, topic);
  const auto& txns = silver_->snapshot().txns();
  const auto at = txns.lower_bound(prefix);
  return at != txns.end() && at->first.starts_with(prefix);
}

Result<> Job::leave_finished_histories() {
  for (size_t s = sources_.size(); s-- > live_sources_;) {
    sources_[s].at_end = false;  // an ingest may have gone on
    const size_t topic = sources_[s].topic;
    LogReader& log = *topics_[topic].reader;
    // Before the end: what comes between is seen next time.
    std::optional<uint64_t> stamp = history_stamp(config_, log.topic().name);
    const auto end = log.end(sources_[s].partition);
    if (!end || log.topic().partitions != 1 || end->value != accounts_[s].end) continue;
    if (TRY(whole_history_rows(lake_, log.topic().name)) == end->value) stamp.reset();  // it grows no more
    finished_histories_[log.topic().name] = stamp;
    topics_.erase(topics_.begin() + int64_t(topic));
    sources_.erase(sources_.begin() + int64_t(s));
    source_names_.erase(source_names_.begin() + int64_t(s));
    accounts_.erase(accounts_.begin() + int64_t(s));
    for (Source& other : sources_) other.topic -= other.topic > topic;
  }
  return {};
}

}  // namespace pactolus
