#include "golden_lake.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "base/time_text.h"
#include "bronze/embedded/embedded_log.h"
#include "lake/delta/log_files.h"
#include "runtime/job.h"
#include "runtime/topics.h"

namespace pactolus::golden {
namespace {

constexpr const char* kLiveId = "11111111-1111-4111-8111-111111111111";
constexpr int64_t kSecond = kMicrosPerSecond;

// A key that Kafka's partitioner puts there.
std::string key_for(int32_t partition, int32_t partitions) {
  for (int i = 0;; ++i)
    if (const std::string key = fmt::format("k{}", i); kafka_partition(key, partitions) == partition) return key;
}

class Play {
 public:
  Play(const Case& c, const Way& way, const fs::path& lake)
      : case_(c), way_(way), config_(c.config), lake_{lake}, clock_(c.clock_us) {
    config_.lake = lake.native();
    if (way.snapshot_every > 0) config_.run.snapshot_interval_us = 0;
    config_.run.threads = way.threads;
  }

  Result<LastWords> run() {
    TRY(make_folders(lake_.bronze()));
    TRY(create_topic(lake_.bronze(), config_.kafka.topic, config_.bronze.partitions, kLiveId));
    TRY(open());
    for (const Step& step : case_.steps) TRY(play(step));
    if (!waiting_.empty()) return fail(ErrorCode::invalid, "records come after the last cut");
    TRY(job_->finish(false));
    const JobView view = job_->view();
    LastWords out;
    for (const AlertTransition& a : view.open_alerts)
      out.alerts.push_back(fmt::format("{} {} {} {}", a.product_id, clock_text(a.opened_window), a.views, a.purchases));
    out.remembered_ids = view.remembered_ids;
    return out;
  }

 private:
  Result<> open() {
    job_.reset();
    ++opened_;
    Config config = config_;
    // Only the snapshots that are asked for are made: an interval of zero is over at the next commit.
    if (way_.snapshot_every > 1 && opened_ % way_.snapshot_every != 0)
      config.run.snapshot_interval_us = kMicrosPerDay * 1000;
    job_ = TRY(Job::open(config, {.lock_wait_us = 0}, clock_, Random(uint64_t(opened_))));
    return {};
  }

  Result<> play(const Step& step) {
    switch (step.kind) {
      case Step::Kind::record: waiting_.push_back(&step.record); return {};
      case Step::Kind::clock:
        if (!waiting_.empty()) return fail(ErrorCode::invalid, "records and their cut belong to one moment");
        clock_.set(step.clock_us);
        return {};
      case Step::Kind::cut: return cut();
      case Step::Kind::tick:
        TRY(do_step());
        clock_.sleep_us(kSecond);
        return {};
      case Step::Kind::close:
        TRY(job_->finish(true));
        clock_.sleep_us(kSecond);
        return after_commit();
    }
    return {};
  }

  // Everything that waits is read at this moment and committed a second later; the next step is a second after that,
  // so that each step begins with a tick, whether the Job is new or not.
  Result<> cut() {
    TRY(arrive());
    while (TRY(do_step()) > 0) {
    }
    clock_.sleep_us(kSecond);
    TRY(do_step());
    clock_.sleep_us(kSecond);
    return {};
  }

  Result<int64_t> do_step() {
    const Job::Step step = TRY(job_->step());
    if (step.committed) TRY(after_commit());
    return step.records;
  }

  Result<> arrive() {
    std::vector<const InputRecord*> records = std::move(waiting_);
    waiting_.clear();
    // Where the Job itself cuts by what it finds (a share of each partition; live records before a history), all is
    // there before it looks, only in another order.
    const bool has_history =
        std::any_of(records.begin(), records.end(), [this](const InputRecord* r) { return !is_live(*r); });
    const bool one_by_one = way_.spread && config_.run.batch_records == 0 && !has_history;
    if (way_.spread)
      std::stable_sort(records.begin(), records.end(), [this](const InputRecord* a, const InputRecord* b) {
        return is_live(*a) != is_live(*b) ? is_live(*a) : a->partition > b->partition;
      });
    for (const InputRecord* r : records) {
      TRY(append(*r));
      if (!one_by_one) continue;
      TRY(flush());
      TRY(do_step());
    }
    return flush();
  }
  bool is_live(const InputRecord& r) const { return r.topic == config_.kafka.topic; }

  Result<LogWriter*> writer_of(const InputRecord& r) {
    auto& writer = writers_[r.topic];
    if (!writer) {
      if (!is_live(r))
        TRY(create_topic(lake_.bronze(), r.topic, 1,
                         fmt::format("22222222-2222-4222-8222-{:012d}", hash64(r.topic) % 1'000'000), r.dialect));
      writer = TRY(open_writer(lake_.bronze(), r.topic, {}, clock_));
    }
    return writer.get();
  }
  Result<> append(const InputRecord& r) {
    LogWriter* writer = TRY(writer_of(r));
    const std::string key = key_for(r.partition, writer->topic().partitions);
    NewRecord record{.key = key, .timestamp_us = r.timestamp_us, .origin = r.origin};
    if (r.value) record.value = *r.value;
    TRY(writer->append(record));
    return {};
  }
  Result<> flush() {
    for (auto& [topic, writer] : writers_) {
      TRY(writer->flush());
      if (topic != config_.kafka.topic) TRY(replace_file(history_mark(lake_, topic), "{}"));
    }
    return {};
  }

  Result<> after_commit() {
    if (!way_.reopen) return {};
    job_.reset();
    if (way_.no_snapshots) fs::remove_all(lake_.snapshots());
    if (way_.roll_back) {
      TRY(take_back_last(lake_.quarantine()));
      for (const std::string& table : gold_tables(lake_)) TRY(take_back_last(lake_.gold(table)));
    }
    return open();
  }

  // The commit of Silver's last batch, if there is one, as if the process had stopped before it.
  Result<> take_back_last(const fs::path& table) {
    const std::string id = app_id(config_.job, "batch");
    const auto silver = TRY(delta::Snapshot::load(lake_.silver()));
    const auto newest = TRY(delta::Snapshot::load(table));
    if (newest.version().value == 0 || newest.checkpoint_version() == newest.version()) return {};
    const auto commit = TRY(delta::read_commit(table, newest.version()));
    for (const delta::Txn& t : commit.txns)
      if (t.app_id == id && t.version == silver.txn_version(id))
        return remove_file(delta::commit_path(table, newest.version()));
    return {};
  }

  const Case& case_;
  const Way& way_;
  Config config_;
  LakePaths lake_;
  ManualClock clock_;
  std::unique_ptr<Job> job_;
  int opened_ = 0;
  std::map<std::string, std::unique_ptr<EmbeddedLogWriter>> writers_;
  std::vector<const InputRecord*> waiting_;
};

}  // namespace

Result<LastWords> play(const Case& c, const Way& way, const fs::path& lake) { return Play(c, way, lake).run(); }

}  // namespace pactolus::golden
