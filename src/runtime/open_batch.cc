#include "runtime/open_batch.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace pactolus {

void OpenBatch::start(std::span<const SourceAccount> sources, int64_t batch_time, int64_t watermark_before) {
  PACTOLUS_CHECK(!open_);
  open_ = true;
  times_ = {batch_time, kNoTime};
  watermark_before_ = watermark_before;
  accounts_.assign(sources.begin(), sources.end());
  rows_.assign(sources.size(), 0);
  for (SourceAccount& a : accounts_) {
    a.start = a.end;
    a.consumed = a.silver = a.duplicates = a.conflicting = 0;
    a.skipped.clear();
    a.quarantined.clear();
    a.late.clear();
    if (a.history) a.max_event_time = kNoTime;
  }
}

void OpenBatch::add(Decoder& decoder, size_t source, const PolledRecords& polled, RejectReason malformed,
                    const DedupeIndex* dedupe, std::span<StreamView> views) {
  PACTOLUS_CHECK(open_);
  const std::span<const RecordView> records = polled.records;
  SourceAccount& account = accounts_[source];
  const size_t first = events_.rows(), first_reject = rejects_.size();
  decoder.decode(records, uint16_t(source), times_, events_, rejects_, malformed);
  PACTOLUS_CHECK_EQ(int64_t(events_.rows() - first + rejects_.size() - first_reject), int64_t(records.size()));
  for (size_t i = first_reject; i < rejects_.size(); ++i) {
    ++account.quarantined[std::string(name_of(rejects_[i].reason))];
    reject_bytes_ += rejects_[i].value.size() + sizeof(Reject);
  }
  account.consumed += int64_t(records.size());
  if (polled.skipped) account.skipped[std::string(polled.skipped_as)] += polled.skipped;
  account.end = polled.next.value;
  records_ += int64_t(records.size());

  const size_t kept_before = kept_.size();
  if (dedupe)
    seen_.check(events_, first, events_.rows(), *dedupe, fates_);
  else
    fates_.resize(events_.rows(), Seen::no);
  for (size_t row = first; row < events_.rows(); ++row)
    if (fates_[row] == Seen::no) kept_.push_back(uint32_t(row));
  rows_[source] += int64_t(kept_.size() - kept_before);
  apply(views, source, std::span(kept_).subspan(kept_before));
}

void OpenBatch::apply(std::span<StreamView> views, size_t source, std::span<const uint32_t> rows) {
  if (views.empty() || rows.empty()) return;
  for (StreamView& v : views) {
    const int64_t before = v.view->overlay_late();
    v.view->apply(events_, rows, watermark_before_);
    if (const int64_t late = v.view->overlay_late() - before) accounts_[source].late[v.name()] += late;
  }
  applied_ = true;
}

std::vector<uint32_t> OpenBatch::rows_in_order() const {
  std::vector<uint32_t> rows(events_.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  return by_source(rows);
}

// Rows of one source came in the order of their offsets, so grouping them by source, in order, is all there is to sort.
std::vector<uint32_t> OpenBatch::by_source(std::span<const uint32_t> rows) const {
  std::vector<size_t> next(accounts_.size() + 1);
  for (const uint32_t r : rows) ++next[events_.source[r] + 1u];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<uint32_t> out(rows.size());
  for (const uint32_t r : rows) out[next[events_.source[r]]++] = r;
  return out;
}

void OpenBatch::set_fates(std::vector<Seen> fates) {
  PACTOLUS_CHECK_EQ(fates.size(), events_.rows());
  PACTOLUS_CHECK(!applied_, "only a batch that no view has seen can be judged anew");
  fates_ = std::move(fates);
  kept_.clear();
  for (size_t row = 0; row < fates_.size(); ++row)
    if (fates_[row] == Seen::no) kept_.push_back(uint32_t(row));
}

void OpenBatch::settle(const DedupeIndex& dedupe, std::span<StreamView> views) {
  if (seen_.inverted() || !also_seen_.empty()) {
    const std::vector<uint32_t> rows = rows_in_order();
    std::vector<Seen> fates;
    seen_.check_in_order(events_, rows, dedupe, fates);
    kept_.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (fates[i] == Seen::no && !also_seen_.empty()) fates[i] = also_seen_[rows[i]];
      fates_[rows[i]] = fates[i];
      if (fates[i] == Seen::no) kept_.push_back(rows[i]);
    }
    if (!views.empty() && applied_) {
      for (StreamView& v : views) v.view->drop_overlay();
      for (SourceAccount& a : accounts_) a.late.clear();
      for (size_t first = 0, last; first < kept_.size(); first = last) {
        const uint16_t source = events_.source[kept_[first]];
        for (last = first; last < kept_.size() && events_.source[kept_[last]] == source;) ++last;
        apply(views, source, std::span(kept_).subspan(first, last - first));
      }
    }
  } else {
    kept_ = by_source(kept_);
  }
  std::stable_sort(rejects_.begin(), rejects_.end(),
                   [](const Reject& a, const Reject& b) { return a.source < b.source; });

  for (size_t row = 0; row < fates_.size(); ++row) {
    SourceAccount& a = accounts_[events_.source[row]];
    if (fates_[row] == Seen::no) {
      ++a.silver;
      a.max_event_time = std::max(a.max_event_time, events_.event_time[row]);
    } else {
      ++a.duplicates;
      a.conflicting += fates_[row] == Seen::conflicting;
    }
  }
  for (const SourceAccount& a : accounts_)
    PACTOLUS_CHECK(a.closes(), "the account does not close: " + to_json(a).dump());
}

void OpenBatch::clear() {
  open_ = false;
  records_ = 0;
  reject_bytes_ = 0;
  events_.clear();
  rejects_.clear();
  fates_.clear();
  kept_.clear();
  seen_.clear();
  also_seen_.clear();
  applied_ = false;
}

}  // namespace pactolus
