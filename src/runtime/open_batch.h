// The micro-batch that is being filled: decoded rows, their fates so far, rejects, and the account of each source.
// Everything here is provisional; `settle` makes it final at the cut.
//
//   add(records) … add(records) … settle() ──► rows to commit, in the order (source, offset); accounts that close
//
// One thread. Used again for the next batch, so that a steady stream allocates nothing.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "bronze/log.h"
#include "event/decoder.h"
#include "runtime/ledger.h"
#include "runtime/stream_view.h"
#include "silver/dedupe.h"
#include "silver/silver_rows.h"

namespace pactolus {

class OpenBatch {
 public:
  // Sources in the canonical order; their accounts start where the last batch ended.
  void start(std::span<const SourceAccount> sources, int64_t batch_time, int64_t watermark_before);
  bool is_open() const noexcept { return open_; }
  int64_t records() const noexcept { return records_; }
  int64_t batch_time() const noexcept { return times_.batch_time; }
  int64_t source_records(size_t source) const { return accounts_[source].consumed; }
  int64_t source_rows(size_t source) const { return rows_[source]; }  // kept so far
  size_t bytes() const noexcept { return events_.bytes() + reject_bytes_; }

  // The batch's time follows the clock while it is open. No record can be later than the poll that brought it, so the
  // last value judges them all as they were judged.
  void advance_batch_time(int64_t now) { times_.batch_time = std::max(times_.batch_time, now); }
  void set_too_late_before(int64_t time) { times_.too_late_before = time; }
  // Records of one source, from where it stood. Without `dedupe` all rows count as new: set_fates() will say.
  // No views: none sees them.
  void add(Decoder& decoder, size_t source, const PolledRecords& polled, RejectReason malformed,
           const DedupeIndex* dedupe, std::span<StreamView> views);

  // Judges the duplicates again in order when arrival had it otherwise, and finishes the accounts.
  void settle(const DedupeIndex& dedupe, std::span<StreamView> views);
  // Replaces the judgement of duplicates (histories look in more places): one fate per row.
  void set_fates(std::vector<Seen> fates);
  // Rows that are copies of something that only the caller knows, one answer per row: settle() takes it in.
  void also_seen(std::vector<Seen> found) { also_seen_ = std::move(found); }

  const EventBatch& events() const noexcept { return events_; }
  std::span<const uint32_t> kept() const noexcept { return kept_; }      // after settle: in the order (source, offset)
  std::span<const Reject> rejects() const noexcept { return rejects_; }  // after settle: likewise
  std::vector<SourceAccount>& accounts() noexcept { return accounts_; }
  void clear();

 private:
  void apply(std::span<StreamView> views, size_t source, std::span<const uint32_t> rows);
  std::vector<uint32_t> rows_in_order() const;
  std::vector<uint32_t> by_source(std::span<const uint32_t> rows) const;

  bool open_ = false;
  BatchTimes times_;
  int64_t watermark_before_ = kNoTime;
  int64_t records_ = 0;
  std::vector<int64_t> rows_;  // by source
  size_t reject_bytes_ = 0;
  EventBatch events_;
  std::vector<Reject> rejects_;
  std::vector<Seen> fates_;  // by row
  std::vector<uint32_t> kept_;
  OpenBatchDedupe seen_;
  std::vector<Seen> also_seen_;
  std::vector<SourceAccount> accounts_;
  bool applied_ = false;  // something is in the views' overlays
};

}  // namespace pactolus
