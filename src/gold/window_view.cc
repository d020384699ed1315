#include "gold/window_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace pactolus {

WindowView::WindowView(Options options)
    : options_(std::move(options)),
      view_(std::make_shared<const ViewDeclaration>(options_.view)),
      slots_(*view_),
      columns_(columns_of(*view_)),
      keys_(view_->keys.size()),
      fold_(slots_) {
  const auto faults = faults_of(*view_, options_.types);
  PACTOLUS_CHECK(faults.empty(), (faults.empty() ? std::string() : faults.front()));
  const int64_t slide = view_->shape.slide;
  if (options_.first_window != kNoTime) options_.first_window = floor_to(options_.first_window + slide - 1, slide);
  make_actions();
}

// One list of actions for each type of event: what a row does is looked up, not decided.
void WindowView::make_actions() {
  using What = Action::What;
  actions_.resize(options_.types.size());
  const auto column_number = [&](EventColumn c) {
    const auto at = std::ranges::find(set_columns_, c);
    if (at == set_columns_.end()) set_columns_.push_back(c);
    return int32_t(std::ranges::find(set_columns_, c) - set_columns_.begin());
  };
  for (size_t i = 0; i < view_->measures.size(); ++i) {
    const Measure& m = view_->measures[i];
    const MeasureSlots::Of& slot = slots_.of[i];
    std::vector<Action> actions;
    switch (m.function) {
      case MeasureFunction::count: actions = {{.what = What::count, .slot = slot.count}}; break;
      case MeasureFunction::sum:
        if (m.is_money())
          actions = {{.what = What::money, .amount = m.amount, .slot = slot.money}};
        else
          actions = {{.what = What::quantity, .slot = slot.count}};
        break;
      case MeasureFunction::other_currencies:
        actions = {{.what = What::other, .amount = m.amount, .slot = slot.other}};
        break;
      case MeasureFunction::distinct:
      case MeasureFunction::sketch:
        actions = {{.what = What::set, .slot = slot.set, .column = column_number(m.column)}};
        break;
      case MeasureFunction::orders: {
        const int32_t column = column_number(EventColumn::order_id);
        actions = {{.what = What::set, .slot = slot.set, .column = column},
                   {.what = What::count, .only_without = true, .slot = slot.count, .column = column}};
        break;
      }
      case MeasureFunction::rate: break;
    }
    for (size_t type = 0; type < actions_.size(); ++type) {
      const auto named = std::ranges::find(m.types, options_.types[type], &MeasuredType::name);
      if (named == m.types.end() && !m.types.empty()) continue;
      for (Action a : actions) {
        a.minus = named != m.types.end() && named->minus;
        actions_[type].push_back(a);
      }
    }
  }
}

int32_t WindowView::currency_number(const EventBatch& b, int32_t code) {
  if (code < 0) return -1;
  uint64_t& slot = currency_codes_.slots[size_t(code)];
  if (slot >> 32 != currency_codes_.generation) {
    const std::string_view name = b.currencies.value(code);
    const int32_t number = name == options_.shop_currency ? -1 : currencies_.code(name);
    slot = uint64_t(currency_codes_.generation) << 32 | uint32_t(number);
  }
  return int32_t(uint32_t(slot));
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
  batch_keys_.start(b, view_->keys, keys_);
  CurrencyCodes& codes = currency_codes_;
  if (codes.slots.size() < size_t(b.currencies.size())) codes.slots.resize(size_t(b.currencies.size()), 0);
  if (++codes.generation == 0) {
    std::ranges::fill(codes.slots, 0);
    codes.generation = 1;
  }
  batch_sets_.clear();
  for (const EventColumn c : set_columns_) batch_sets_.push_back(column_of(b, c));
  Place place;
  for (const uint32_t row : rows) {
    const uint8_t type = b.event_type[row];
    if (type >= actions_.size() || actions_[type].empty()) continue;
    const int64_t time = b.event_time[row];
    if (time < place.begin || time >= place.end) [[unlikely]]
      place = place_of(time);
    overlay_late_ += place.late;
    if (place.pane) count(b, row, actions_[type], *place.pane);
  }
}

inline void WindowView::count(const EventBatch& b, uint32_t row, std::span<const Action> actions, ViewPane& pane) {
  const size_t entry = pane.entry(batch_keys_.number(row));
  for (const Action& a : actions) {
    switch (a.what) {
      case Action::What::count:
        if (!a.only_without || batch_sets_[size_t(a.column)].codes[row] < 0) ++pane.count(entry, a.slot);
        break;
      case Action::What::quantity: pane.count(entry, a.slot) += a.minus ? -b.quantity[row] : b.quantity[row]; break;
      case Action::What::set: {
        const CodedColumn& column = batch_sets_[size_t(a.column)];
        if (const int32_t code = column.codes[row]; code >= 0)
          pane.set(entry, a.slot).insert(column.values->hash(code));
        break;
      }
      case Action::What::money:
      case Action::What::other: {
        const Money price = b.price[row];
        if (price == kNoMoney) break;
        const int32_t currency = currency_number(b, b.currency.codes[row]);
        if ((currency < 0) != (a.what == Action::What::money)) break;
        WideMoney amount = price;
        if (a.amount == Amount::price_times_quantity) amount *= b.quantity[row];
        if (a.minus) amount = -amount;
        if (currency < 0)
          pane.money(entry, a.slot) += amount;
        else
          pane.add_other(entry, a.slot, currency, amount);
        break;
      }
    }
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
    for (const ViewFold::Sum& sum : sums) fold_.append_row(sum, keys_, currencies_, start, out);
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
  for (size_t i = 0; i < shown; ++i) window.append_row(ranked[i].sum, keys_, currencies_, start, out);
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
