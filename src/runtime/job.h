// The micro-batch loop: Bronze to Silver to Gold on one lake, exactly once. design.md section 3 in code.
//
//   open ─► step ─► step ─► … ─► finish
//            │ read, decode, judge, apply to the overlay (provisional, visible to live views)
//            └ at the cut:  files ─► Silver commit ─► quarantine commit ─► Gold commit
//                                     THE commit point; what follows is finished after a crash from what it names
//
// State (what is remembered, open windows) changes only after the Silver commit. A batch that cannot be committed ends
// the job: the object must then be dropped and opened again, which brings it to the last commit. Only a full disk is
// waited for, with the batch kept in memory. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "bronze/log.h"
#include "event/decoder.h"
#include "gold/alert_rule.h"
#include "gold/interest_row.h"
#include "gold/watermark.h"
#include "lake/delta/delta_table.h"
#include "runtime/alert_table.h"
#include "runtime/batch_writer.h"
#include "runtime/compactor.h"
#include "runtime/config.h"
#include "runtime/history.h"
#include "runtime/lake_lock.h"
#include "runtime/maintenance.h"
#include "runtime/open_batch.h"
#include "runtime/snapshots.h"
#include "runtime/stream_view.h"

namespace pactolus {

class Persons;
struct Erasure;
struct TableErasure;
struct DeclaredView;
struct DeclaredAlerts;
class WindowView;

struct JobOptions {
  bool take_over = false;
  int64_t lock_wait_us = 10 * kMicrosPerSecond;
  bool first_batch_at_once = false;  // its tick has passed while nobody ran
  bool start_given = false;  // the user asked for config.run.start now: say so when the lake's offsets win over it
  size_t erased_sources = 50'000;  // of an erasure in one commit, about
  std::string command = "run";     // who holds the lake, for others to read
  // Go on without what the live topic has lost, for this reason: the lake tells of it for ever. Ends where it has been
  // committed; such a job takes no steps.
  std::optional<std::string> accept_loss = {};
  std::function<void(const std::string&)> say = {};  // messages for people; may be empty
  std::function<bool()> stop = {};                   // asked while waiting for a full disk
};

struct JobTotals {  // since this process opened the job
  int64_t records = 0, silver = 0, duplicates = 0, conflicting = 0, late = 0, batches = 0;
  CountByName quarantined;
  int64_t records_before = 0;  // offsets that earlier runs had committed
};

// What a partition of the live topic has that is not committed.
struct SourceLag {
  int64_t records = 0;
  int64_t us = 0;  // about how long the oldest of them has been there
};

// What the last commit left, and what is in progress: for `status` and live tables.
struct JobView {
  int64_t batch = 0, epoch = 0, batch_time = 0, silver_version = -1;
  int64_t watermark = kNoTime;
  JobTotals totals;
  std::vector<SourceAccount> sources;        // as of the last commit
  std::vector<SourceLag> lags;               // of the live ones, which come first
  std::vector<AlertTransition> open_alerts;  // of the last batch: by windows, most viewed first; then by evidence
  size_t remembered_ids = 0, remembered_bytes = 0;
  CompactionTotals compaction;  // since this process opened the job
};

// Where a job stands in its log: sums over the partitions that it reads now.
struct LogPosition {
  int64_t committed = 0, taken = 0;  // next offsets, without and with the open batch
  int64_t end = 0;                   // one past the newest durable records
};

class Job {
 public:
  // Takes the lake (lock, epoch), makes what is missing, recovers. Errors: busy, fenced, data_loss, corrupt, io.
  static Result<std::unique_ptr<Job>> open(const Config& config, JobOptions options, Clock& clock, Random random);
  ~Job();

  struct Step {
    int64_t records = 0;  // taken from the log
    bool committed = false;
    bool caught_up = false;  // every source was at its end
  };
  // Takes what is there, at most a few megabytes a source, and commits when the batch is due. Does not wait.
  Result<Step> step();
  // For how long step() has nothing to do, unless the descriptor becomes readable (LogReader::wake_descriptor: read it
  // empty first). Without one, −1, the log must be looked at sooner.
  struct Rest {
    int64_t us = 0;
    int wake_descriptor = -1;
  };
  Rest rest();
  // Commits what is open, brings Gold and quarantine up to it. With `close_windows` an empty batch follows whose
  // watermark ends every open window.
  Result<> finish(bool close_windows);
  // Takes the persons out of the lake: Silver, quarantine, Bronze, state, and all that older versions of the tables
  // hold. Between steps, when caught up: what has not been read is of whoever sends it. Errors: busy, when somebody
  // writes a topic or works on the tables' files; nothing has happened then. After any other the job must be opened
  // anew, and the erasure asked for again does the rest.
  Result<Erasure> erase(Persons& persons);

  JobView view() const;
  const std::vector<AcceptedLoss>& accepted_losses() const { return losses_; }  // by options.accept_loss
  Result<LogPosition> position();
  // State and overlay of product_interest: provisional rows of the newest open window, most viewed first.
  std::vector<InterestRow> provisional(size_t limit) const;
  InterestTotals provisional_totals() const;
  // Of every view, rows of its windows that are open, newest windows first; as of the last commit, so none while a
  // batch is open.
  std::map<std::string, ViewRows> open_rows(size_t limit) const;
  const LakePaths& lake() const noexcept { return lake_; }
  const std::string& lake_id() const { return silver_->snapshot().metadata().id; }  // UUID

 private:
  friend class Recovery;
  struct Topic {
    std::unique_ptr<LogReader> reader;
    std::string id;         // as the ledger knows it: see known_topic_id()
    std::string id_before;  // another one where a loss is being accepted
    bool history = false;
    RejectReason malformed = RejectReason::malformed_json;
  };
  struct Source {
    size_t topic = 0;
    PartitionId partition;
    int64_t last_row_boot_us = 0;  // when it last brought a Silver row
    bool at_end = false;
    int32_t leader_epoch = -1;
    int64_t first_open_us = kNoTime, last_us = kNoTime;  // times of records: first of the open batch, last of all
  };

  Job(const Config& config, JobOptions options, Clock& clock, Random random);
  Result<> take(LakeLock lock);
  Result<> open_tables();
  Result<> widen_tables();
  Result<> open_topics();
  Result<> add_live_topic(std::unique_ptr<LogReader> reader);
  Result<> add_history(std::unique_ptr<LogReader> reader);
  void add_source(size_t at, size_t topic, SourceAccount account, int32_t leader_epoch);
  Result<> fix_start();
  Result<SourceAccount> first_account(const Topic& topic, std::string_view known_id, int32_t partition) const;
  int32_t leader_epoch(const Topic& topic, std::string_view known_id, int32_t partition) const;
  Result<> look_for_losses(LogReader& log);
  Result<> commit_losses();
  Result<> add_new_partitions();
  Result<bool> confirm_live();
  void forget_state();
  Result<> recover_anew();
  bool erasure_is_unfinished();
  Result<bool> has_anything_of(Persons& persons);
  Result<> erase_silver(Persons& persons, Erasure& done);
  Result<> erase_quarantine(Persons& persons, Erasure& done);
  Result<std::vector<fs::path>> erase_gold(Persons& persons, Erasure& done);
  delta::Transaction erasure_transaction(const TableErasure& erased, const Erasure& of);
  Result<> discover_histories();
  Result<> refuse_other_topics(std::string_view topic_id) const;
  std::unexpected<Error> with_hint(Error error) const;
  bool has_been_read(std::string_view topic) const;  // by Silver's log
  Result<> leave_finished_histories();
  Result<> check_epoch();
  Result<Step> read_live();
  Result<Step> read_history();
  Result<int64_t> poll(size_t source, int64_t max_records, bool& at_end);
  void start_batch(bool history);
  bool full() const;
  bool due() const;
  bool tick_changes_something();
  std::vector<bool> idle_now() const;
  Result<> cut(bool history, std::optional<int64_t> force_watermark = {});
  bool has_position(const SourceAccount& source) const;  // in Silver
  Result<> commit_silver(BatchAccount account, std::vector<delta::AddFile> adds);
  Result<> commit_quarantine(const BatchAccount& account);
  Result<> commit_gold(StreamView& view, int64_t batch, int64_t batch_time, const ViewRows& rows);
  std::vector<AlertRow> judge_alerts(std::span<const InterestRow> final_rows,
                                     std::span<const ConversionEvidence::Seen> seen, int64_t watermark,
                                     int64_t batch_time);
  Result<> commit_alerts(int64_t batch, int64_t batch_time, const std::vector<AlertRow>& rows);
  Result<> declare_view(StreamView& view);
  void take_rules(const DeclaredAlerts& declared);
  Result<> declare_alerts(const DeclaredAlerts& declared);
  Result<> judge_history();
  Result<> remember_histories();
  Result<> look_for_live_rows_in_silver();
  delta::Transaction behind_silver(int64_t batch, int64_t batch_time, std::vector<delta::AddFile> adds);
  Result<> follow(delta::DeltaTable& table, const delta::Transaction& t, int64_t batch, int64_t& reached);
  Result<> bring_up(delta::DeltaTable& table, int64_t& reached);
  Result<> bring_up_followers();
  std::vector<delta::DeltaTable*> followers();    // tables that follow Silver: quarantine, then those of the views
  std::vector<Offset> committed_offsets() const;  // of the live sources
  Result<> apply_retention();
  Result<> save_snapshot();
  Result<> maintain();
  Result<> compact(bool finish);
  void remember(const EventBatch& events, std::span<const uint32_t> rows);
  template <class F>
  auto while_disk_is_full(F&& action) -> decltype(action());
  SilverFacts facts() const;
  const WindowView& interest() const;  // product_interest, which has no sessions

  Config config_;
  JobOptions options_;
  Clock& clock_;
  Random random_;
  LakePaths lake_;
  int32_t threads_;
  FileLock lock_;
  int64_t epoch_ = 0;

  std::optional<delta::DeltaTable> silver_, quarantine_;
  Decoder decoder_;
  std::vector<Topic> topics_;
  std::vector<Source> sources_;  // live ones first
  std::vector<SourceName> source_names_;
  std::vector<SourceAccount> accounts_;  // as of the last commit, by source
  size_t live_sources_ = 0;
  std::map<std::string, std::optional<uint64_t>>
      finished_histories_;                     // committed to their end; if they can grow, a stamp
  std::deque<std::string> waiting_histories_;  // to be opened when others are finished

  int64_t batch_ = 0;  // last committed
  int64_t batch_time_ = 0;
  int64_t quarantine_batch_ = 0;  // how far that table has come
  WatermarkTracker watermark_;
  DedupeIndex dedupe_;
  std::vector<StreamView> views_;  // product_interest first
  std::optional<delta::DeltaTable> alert_table_;
  int64_t alerts_batch_ = 0;            // how far that table has come
  std::vector<AlertRule> alert_rules_;  // as declared, on its rows
  ConversionEvidence evidence_;
  LowConversionRule low_conversion_;
  std::vector<AlertRow> resolved_;  // of rules that are gone: told by the next batch

  Maintenance maintenance_;
  Compactor compactor_;
  Snapshots snapshots_;
  int64_t snapshot_batch_ = 0, snapshot_version_ = -1, commit_version_ = -1;
  std::string commit_uuid_;  // of batch_

  SilverDates silver_dates_;
  std::unordered_multimap<uint64_t, DedupeIndex::Entry> erased_;  // ids that Silver no longer has, for histories
  bool starting_inside_ = false;  // the live topic was never read, and is not begun at its beginning
  int64_t unread_ = 0;            // records before the start
  bool has_history_ = false;      // Silver may hold rows of histories

  std::vector<AcceptedLoss> losses_;
  bool told_losses_ = false;  // they are in an account

  OpenBatch open_;
  bool told_unconfirmed_ = false;
  int64_t last_confirm_boot_us_ = 0, opened_boot_us_ = 0, last_tick_boot_us_ = 0, last_discovery_boot_us_ = 0,
          last_retention_boot_us_ = 0, last_snapshot_boot_us_ = 0;
  size_t next_source_ = 0;
  JobTotals totals_;
};

// Tries again for as long as it takes, but for a stop.
template <class F>
auto Job::while_disk_is_full(F&& action) -> decltype(action()) {
  for (bool told = false;;) {
    auto result = action();
    if (result || result.error().code != ErrorCode::disk_full) return result;
    if (!told && options_.say) options_.say("the disk is full, waiting for space: " + result.error().message);
    told = true;
    if (options_.stop && options_.stop()) return result;
    clock_.sleep_us(kMicrosPerSecond);
  }
}

}  // namespace pactolus
