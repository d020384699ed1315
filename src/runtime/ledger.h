// The account of a micro-batch: every offset it took and what became of it. It rides in the Silver commit (as
// commitInfo.pactolus), so that rows and account become visible together, and is folded into the table `ledger` later.
//
//   end − start = consumed + skipped            consumed = silver + duplicates + Σ quarantined
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/columns.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"

namespace pactolus {

using CountByName = std::map<std::string, int64_t, std::less<>>;

struct SourceAccount {
  std::string topic, topic_id;
  int32_t partition = 0;
  bool history = false;        // an ingest or replay topic: does not move the watermark
  int64_t start = 0, end = 0;  // offsets [start, end)
  int64_t consumed = 0;
  CountByName skipped;  // offsets that are no records, by kind
  int64_t silver = 0;
  int64_t duplicates = 0;   // all of them
  int64_t conflicting = 0;  // of the duplicates: the same id with other content
  CountByName quarantined;  // by reason
  CountByName late;         // Silver rows that missed a window of the view, by view
  // Largest ever seen in Silver rows of this partition, this batch included. Of a history, which moves no watermark: of
  // this batch alone, since only the last account of a live partition is always at hand.
  int64_t max_event_time = kNoTime;
  bool idle = false;

  int64_t quarantined_total() const;
  int64_t skipped_total() const;
  bool closes() const;  // both equations above
};

// What became of the records of several batches: counts and the end of the range.
void add_up(SourceAccount& sum, const SourceAccount& account);

// A file that the batch has written and a later commit will name.
struct NamedFile {
  std::string path;  // relative to its table
  int64_t size = 0, rows = 0;
};

// What a topic has lost of what Silver was to read, and that somebody has said to go on without it; losses.h finds it.
struct AcceptedLoss {
  std::string kind;  // one of those below
  std::string topic, topic_id;
  int32_t partition = 0;
  int64_t start = 0, end = 0;
  std::string reason = {};  // in the words of whoever accepted it
};
inline constexpr const char* kDeleted = "deleted";        // [start, end) are no longer in the log
inline constexpr const char* kUnreadable = "unreadable";  // [start, end) are damaged
inline constexpr const char* kFellBack = "fell_back";  // Silver had read up to `start`, the log goes on at `end` below
inline constexpr const char* kMadeAnew = "made_anew";  // Silver had read up to `start`; `end` is −1, nobody knows
inline constexpr const char* kLost = "lost";           // skipped offsets of the first two kinds

struct BatchAccount {
  std::string job;
  int64_t batch = 0, epoch = 0;
  std::string commit_uuid;
  int64_t batch_time = 0;
  int64_t watermark_before = kNoTime, watermark_after = kNoTime;
  bool closes_windows = false;  // the end of a bounded run: the watermark was set, not seen
  std::vector<SourceAccount> sources = {};
  std::vector<NamedFile> quarantine_files = {};
  std::vector<AcceptedLoss> losses = {};
};

// Rows of erased persons that were of one partition's records of one batch; of Silver rows those of one stretch of
// event time, so that the windows that held them are known and their times are not.
inline constexpr int64_t kErasedStretch_us = 10 * kMicrosPerMinute;
struct ErasedSource {
  int64_t batch = 0;
  std::string topic;
  int32_t partition = 0;
  int64_t silver = 0;
  CountByName quarantined;                                     // by reason
  int64_t min_event_time = kNoTime, max_event_time = kNoTime;  // ends of the stretch of the Silver rows
};

// What an erasure took out of one table. It rides in the commit of that table that did it.
struct ErasureAccount {
  std::string job;
  int64_t number = 0;   // erasures of a job count from 1; `txn` <job>/erasure
  std::string receipt;  // UUID
  int64_t epoch = 0;
  int64_t time_us = 0;
  std::string commit_uuid;
  std::vector<ErasedSource> sources = {};
};

// What happened to the job that is no batch: a row of its own in the table `ledger`, which counts in no sum.
struct LedgerEvent {
  std::string event;  // "take_over", "close_windows", "erase", "accepted_loss"
  std::string detail;
  int64_t epoch = 0;
  int64_t batch = 0;  // 0: of none
  std::string commit_uuid = {};
  int64_t time_us = 0;
  int64_t watermark_before = kNoTime, watermark_after = kNoTime;
  std::optional<ErasedSource> erased = {};
  std::optional<AcceptedLoss> loss = {};
};

Json counts_json(const CountByName& counts);
Json to_json(const SourceAccount& account);
Json to_json(const AcceptedLoss& loss);
Json to_json(const BatchAccount& account);
// Error corrupt when it is no account that to_json wrote.
Result<BatchAccount> batch_account(const Json& info);
bool is_batch_account(const Json& info, std::string_view job);

// A process that took the job from a holder that was still there; no value for every other commit.
std::optional<LedgerEvent> take_over_event(const Json& info, std::string_view job, std::string_view commit_uuid,
                                           int64_t time_us);

inline constexpr const char* kErasure = "erasure";  // txn of Silver and quarantine, see ErasureAccount::number
inline constexpr const char* kErasuresDone = "erasures_done";  // txn of the ledger: the last that came to its end
inline constexpr const char* kErase = "erase";                 // LedgerEvent::event
inline constexpr const char* kAcceptedLoss = "accepted_loss";  // likewise
Json to_json(const ErasureAccount& account);
// No value for every other commit; error corrupt when it cannot be read.
Result<std::optional<ErasureAccount>> erasure_account(const Json& info, std::string_view job);
// One for each source; `detail` is the receipt.
std::vector<LedgerEvent> events_of(const ErasureAccount& account);
// The erasures that rows of the table tell of, one for each row that has a source.
Result<std::vector<ErasureAccount>> erasures_of(const ColumnBatch& rows);

// Rows of the table `ledger`: one per batch and source, then the events, those that the accounts tell of among them.
ColumnBatch ledger_columns(const std::vector<BatchAccount>& accounts, std::vector<LedgerEvent> events);
// The accounts, of a part of the batches when `wanted` says which.
Result<std::vector<BatchAccount>> accounts_of(
    const ColumnBatch& rows, const std::function<bool(int64_t batch, int64_t batch_time)>& wanted = {});

std::string offset_app_id(std::string_view job, std::string_view topic, std::string_view topic_id, int32_t partition);
// The epoch of the leader that the last record read came from, of a log that has leaders.
std::string leader_app_id(std::string_view job, std::string_view topic, std::string_view topic_id, int32_t partition);
// Of a topic that is read no more, or is another one since: its version is the first batch without it.
std::string given_up_app_id(std::string_view job, std::string_view topic, std::string_view topic_id);
// The way back from an offset's; no value for other ids and other jobs.
struct OffsetAppId {
  std::string topic, topic_id;
  int32_t partition = 0;
};
std::optional<OffsetAppId> parse_offset_app_id(std::string_view app_id, std::string_view job);
std::string app_id(std::string_view job, std::string_view what);  // "main/epoch"

}  // namespace pactolus
