#include "gold/window_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace pactolus {
namespace {
constexpr int64_t kMostFolds = 1 << 20;  // of panes, that open_rows makes: each window is folded from all its panes
}

WindowView::WindowView(Options options)
    : GoldView(std::move(options)),
      columns_(columns_of(*view_)),
      actions_(*view_, slots_, options_.types, options_.shop_currency),
      keys_(view_->keys.size()),
      fold_(slots_) {
  const int64_t slide = view_->shape.slide;
  if (options_.first_window != kNoTime) options_.first_window = floor_to(options_.first_window + slide - 1, slide);
}

WindowView::Place WindowView::place_of(int64_t time) {
  PACTOLUS_CHECK(time >= kFirstEventTime && time < kEventTimeEnd,
                 fmt::format("an event time that cannot be: {}", time));
  const WindowShape& shape = view_->shape;
  Place place;
  place.begin = shape.pane_of(time);
  place.end = place.begin + shape.pane();
  const int64_t last = shape.last_start(time);
  const int64_t first = std::max(shape.first_start(time), options_.first_window);
  // With a slide that does not divide the size no window is skipped: the slide is at most the size.
  if (first > last) return place;
  place.late = watermark_ != kNoTime && first + shape.size <= watermark_;
  if (watermark_ == kNoTime || last + shape.size > watermark_)
    place.pane = &overlay_.try_emplace(place.begin, slots_).first->second;
  return place;
}

void WindowView::apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) {
  PACTOLUS_CHECK_EQ(watermark_before, watermark_);
  for (const EventColumn c : columns_) PACTOLUS_CHECK_EQ(column_of(b, c).rows, b.rows());
  batch_keys_.start(b, rows, view_->keys, keys_);
  actions_.start(b);
  Place place;
  for (const uint32_t row : rows) {
    if (!actions_.counts(b.event_type[row])) continue;
    const int64_t time = b.event_time[row];
    if (time < place.begin || time >= place.end) [[unlikely]]
      place = place_of(time);
    overlay_late_ += place.late;
    if (place.pane) actions_.apply(b, row, *place.pane, place.pane->entry(batch_keys_.number(row)));
  }
}

void WindowView::drop_overlay() {
  overlay_.clear();
  overlay_late_ = 0;
}

ViewRows WindowView::commit(int64_t watermark_after) {
  PACTOLUS_CHECK_GE(watermark_after, watermark_);  // kNoTime is below every time
  while (!overlay_.empty()) {
    auto pane = overlay_.extract(overlay_.begin());
    const auto there = panes_.find(pane.key());
    if (there == panes_.end())
      panes_.insert(std::move(pane));
    else
      there->second.merge(std::move(pane.mapped()));
  }
  overlay_late_ = 0;
  ViewRows out(view_);
  if (watermark_after == watermark_) return out;
  close_windows(watermark_after, out);
  watermark_ = watermark_after;
  while (!panes_.empty() && view_->shape.last_end(panes_.begin()->first) <= watermark_) panes_.erase(panes_.begin());
  forget_keys();
  return out;
}

void WindowView::close_windows(int64_t watermark_after, ViewRows& out) {
  const WindowShape& shape = view_->shape;
  if (panes_.empty()) return;
  int64_t start = std::max(shape.first_start(panes_.begin()->first), options_.first_window);
  if (watermark_ != kNoTime) start = std::max(start, shape.first_open_start(watermark_));
  for (; start + shape.size <= watermark_after; start += shape.slide) {
    const auto pane = panes_.lower_bound(start);
    if (pane == panes_.end()) break;
    if (pane->first >= start + shape.size) {  // nothing here: go on with the first window that has something
      start = shape.first_start(pane->first) - shape.slide;
      continue;
    }
    fold(fold_, start, false);
    if (rank_.size() != size_t(keys_.size())) {
      const std::vector<int32_t> sorted = keys_.sorted();
      rank_.resize(sorted.size());
      for (size_t i = 0; i < sorted.size(); ++i) rank_[size_t(sorted[i])] = int32_t(i);
    }
    auto& sums = fold_.sums();
    std::ranges::sort(sums, {}, [this](const ViewFold::Sum& s) { return rank_[size_t(s.key)]; });
    for (const ViewFold::Sum& sum : sums) fold_.append_row(sum, keys_, actions_.currencies(), start, out);
  }
}

void WindowView::fold(ViewFold& fold, int64_t start, bool with_overlay) const {
  const int64_t end = start + view_->shape.size;
  fold.start(size_t(keys_.size()));
  for (auto p = panes_.lower_bound(start); p != panes_.end() && p->first < end; ++p) fold.add(p->second);
  if (!with_overlay) return;
  for (auto p = overlay_.lower_bound(start); p != overlay_.end() && p->first < end; ++p) fold.add(p->second);
}

// The table only grows; once it has doubled, the keys that no pane holds are left behind and the rest renumbered.
void WindowView::forget_keys() {
  if (keys_.size() < 2 * keys_kept_ + 1024) return;
  std::vector<int32_t> kept, new_number(size_t(keys_.size()), -1);
  for (const auto& [start, pane] : panes_)
    for (size_t e = 0; e < pane.entries(); ++e)
      if (int32_t& n = new_number[size_t(pane.key(e))]; n < 0) {
        n = int32_t(kept.size());
        kept.push_back(pane.key(e));
      }
  for (auto& [start, pane] : panes_) pane.renumber(new_number);
  keys_ = keys_.with(kept);
  batch_keys_.forget();
  keys_kept_ = keys_.size();
  rank_.clear();
  fold_ = ViewFold(slots_);
}

int64_t WindowView::newest_pane() const noexcept {
  int64_t newest = panes_.empty() ? kNoTime : panes_.rbegin()->first;
  if (!overlay_.empty()) newest = std::max(newest, overlay_.rbegin()->first);
  return newest;
}

int64_t WindowView::newest_open_window() const {
  const int64_t pane = newest_pane();
  if (pane == kNoTime) return kNoTime;
  int64_t start = std::max(view_->shape.first_start(pane), options_.first_window);
  if (watermark_ != kNoTime) start = std::max(start, view_->shape.first_open_start(watermark_));
  return start + view_->shape.size;
}

int64_t WindowView::last_window_end() const {
  const int64_t pane = newest_pane();
  return pane == kNoTime ? kNoTime : view_->shape.last_end(pane);
}

bool WindowView::is_open_window(int64_t window_end) const noexcept {
  const WindowShape& shape = view_->shape;
  return window_end > kFirstEventTime && window_end < kEventTimeEnd + shape.size && window_end > watermark_ &&
         shape.is_end(window_end) && window_end - shape.size >= options_.first_window;
}

ViewRows WindowView::provisional(int64_t window_end, size_t limit) const {
  ViewRows out(view_);
  if (!is_open_window(window_end)) return out;
  const int64_t start = window_end - view_->shape.size;
  ViewFold window(slots_);
  fold(window, start, true);
  auto& sums = window.sums();
  struct Ranked {
    int64_t count;
    ViewFold::Sum sum;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(sums.size());
  for (const ViewFold::Sum& s : sums) ranked.push_back({slots_.counts > 0 ? window.count(s, 0) : 0, s});
  const auto before = [this](const Ranked& a, const Ranked& b) {
    if (a.count != b.count) return a.count > b.count;
    for (size_t k = 0; k < keys_.columns(); ++k)
      if (const auto left = keys_.text(a.sum.key, k), right = keys_.text(b.sum.key, k); left != right)
        return left < right;  // null first
    return false;
  };
  const size_t shown = std::min(limit, ranked.size());
  std::ranges::partial_sort(ranked, ranked.begin() + ptrdiff_t(shown), before);
  for (size_t i = 0; i < shown; ++i) window.append_row(ranked[i].sum, keys_, actions_.currencies(), start, out);
  return out;
}

ViewRows WindowView::open_rows(size_t limit) const {
  ViewRows out(view_);
  const WindowShape& shape = view_->shape;
  const auto newest_before = [](const Panes& panes, int64_t end) {
    const auto behind = panes.lower_bound(end);
    return behind == panes.begin() ? kNoTime : std::prev(behind)->first;
  };
  int64_t end = last_window_end();
  const int64_t panes = shape.size / shape.pane();
  for (int64_t folds = 0; folds + panes <= kMostFolds && out.size() < limit && is_open_window(end);) {
    const int64_t pane = std::max(newest_before(panes_, end), newest_before(overlay_, end));
    if (pane == kNoTime) break;
    end = std::min(end, shape.last_end(pane));  // windows in between have nothing in them
    if (!is_open_window(end)) break;
    const ViewRows rows = provisional(end, limit - out.size());
    for (size_t r = 0; r < rows.size(); ++r) out.append(rows, r);
    folds += panes, end -= shape.slide;
  }
  return out;
}

ViewTotals WindowView::provisional_totals(int64_t window_end) const {
  ViewTotals out{0, std::vector<int64_t>(view_->measures.size())};
  if (!is_open_window(window_end)) return out;
  ViewFold window(slots_);
  fold(window, window_end - view_->shape.size, true);
  out.keys = int64_t(window.sums().size());
  for (size_t m = 0; m < view_->measures.size(); ++m)
    if (const int32_t slot = slots_.of[m].count; slot >= 0 && slots_.of[m].set < 0)
      for (const ViewFold::Sum& s : window.sums()) out.numbers[m] += window.count(s, slot);
  return out;
}

size_t WindowView::bytes() const noexcept {
  size_t sum = keys_.bytes();
  for (const Panes* panes : {&panes_, &overlay_})
    for (const auto& [start, pane] : *panes) sum += pane.bytes() + sizeof(pane);
  return sum;
}

}  // namespace pactolus
