#include "gold/product_interest.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace pactolus {
namespace {

constexpr uint32_t kCounted = 1u << int(EventKind::view) | 1u << int(EventKind::add_to_cart) |
                              1u << int(EventKind::purchase) | 1u << int(EventKind::refund);

}  // namespace

void ProductInterest::CodeMap::start(size_t codes) {
  if (slots.size() < codes) slots.resize(codes, 0);
  if (++generation == 0) {
    std::fill(slots.begin(), slots.end(), 0);
    generation = 1;
  }
}

ProductInterest::ProductInterest(Options options) : options_(std::move(options)) {
  PACTOLUS_CHECK(options_.shape.valid());
  const int64_t slide = options_.shape.slide;
  if (options_.first_window != kNoTime) options_.first_window = floor_to(options_.first_window + slide - 1, slide);
}

int32_t ProductInterest::product_number(const EventBatch& b, int32_t code) {
  uint64_t& slot = product_codes_.slots[size_t(code)];
  if (slot >> 32 != product_codes_.generation)
    slot = uint64_t(product_codes_.generation) << 32 | uint32_t(products_.code(b.products.value(code)));
  return int32_t(uint32_t(slot));
}

int32_t ProductInterest::currency_number(const EventBatch& b, int32_t code) {
  if (code < 0) return -1;
  uint64_t& slot = currency_codes_.slots[size_t(code)];
  if (slot >> 32 != currency_codes_.generation) {
    const std::string_view name = b.currencies.value(code);
    const int32_t number = name == options_.shop_currency ? -1 : currencies_.code(name);
    slot = uint64_t(currency_codes_.generation) << 32 | uint32_t(number);
  }
  return int32_t(uint32_t(slot));
}

ProductInterest::Place ProductInterest::place_of(int64_t time) {
  PACTOLUS_CHECK(time >= kFirstEventTime && time < kEventTimeEnd,
                 fmt::format("an event time that cannot be: {}", time));
  const WindowShape& shape = options_.shape;
  Place place;
  place.begin = shape.pane_of(time);
  place.end = place.begin + shape.pane();
  const int64_t last = shape.last_start(time);
  const int64_t first = std::max(shape.first_start(time), options_.first_window);
  // With a slide that does not divide the size no window is skipped: the slide is at most the size.
  if (first > last) return place;
  place.late = watermark_ != kNoTime && first + shape.size <= watermark_;
  if (watermark_ == kNoTime || last + shape.size > watermark_) place.pane = &overlay_[place.begin];
  return place;
}

void ProductInterest::apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) {
  PACTOLUS_CHECK_EQ(watermark_before, watermark_);
  product_codes_.start(size_t(b.products.size()));
  currency_codes_.start(size_t(b.currencies.size()));
  Place place;
  for (const uint32_t row : rows) {
    const uint8_t type = b.event_type[row];
    const int32_t code = b.product_id.codes[row];
    if (type >= kBuiltInKinds || (kCounted >> type & 1) == 0 || code < 0) continue;
    const int64_t time = b.event_time[row];
    if (time < place.begin || time >= place.end) [[unlikely]]
      place = place_of(time);
    overlay_late_ += place.late;
    if (!place.pane) continue;
    ProductMeasures& m = place.pane->of(product_number(b, code));
    const EventKind kind = EventKind(type);
    if (kind == EventKind::view) {
      ++m.views;
      if (const int32_t user = b.user_id.codes[row]; user >= 0) m.viewers.insert(b.users.hash(user));
      continue;
    }
    if (kind == EventKind::add_to_cart) {
      ++m.carts;
      continue;
    }
    const Money price = b.price[row];
    const WideMoney amount = price == kNoMoney ? 0 : WideMoney(price) * b.quantity[row];
    const int32_t currency = currency_number(b, b.currency.codes[row]);
    if (kind == EventKind::purchase) {
      ++m.purchases;
      if (currency < 0)
        m.revenue += amount;
      else
        place.pane->add_other(m, currency, amount);
    } else if (currency < 0) {
      m.refunds += amount;
    } else {
      place.pane->add_other(m, currency, -amount);
    }
  }
}

void ProductInterest::drop_overlay() {
  overlay_.clear();
  overlay_late_ = 0;
}

std::vector<InterestRow> ProductInterest::commit(int64_t watermark_after) {
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
  std::vector<InterestRow> out;
  if (watermark_after == watermark_) return out;
  close_windows(watermark_after, out);
  watermark_ = watermark_after;
  while (!panes_.empty() && options_.shape.last_end(panes_.begin()->first) <= watermark_) panes_.erase(panes_.begin());
  forget_products();
  return out;
}

void ProductInterest::close_windows(int64_t watermark_after, std::vector<InterestRow>& out) {
  const WindowShape& shape = options_.shape;
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
    auto& sums = fold_.sums();
    if (rank_.size() != size_t(products_.size())) {
      std::vector<int32_t> by_text(size_t(products_.size()));
      std::iota(by_text.begin(), by_text.end(), 0);
      std::sort(by_text.begin(), by_text.end(),
                [this](int32_t a, int32_t b) { return products_.value(a) < products_.value(b); });
      rank_.resize(by_text.size());
      for (size_t i = 0; i < by_text.size(); ++i) rank_[size_t(by_text[i])] = int32_t(i);
    }
    std::sort(sums.begin(), sums.end(),
              [this](const auto& a, const auto& b) { return rank_[size_t(a.product)] < rank_[size_t(b.product)]; });
    out.reserve(out.size() + sums.size());
    for (const WindowFold::Sum& sum : sums)
      out.push_back(fold_.row(sum, products_, currencies_, start, start + shape.size));
  }
}

void ProductInterest::fold(WindowFold& fold, int64_t start, bool with_overlay) const {
  const int64_t end = start + options_.shape.size;
  fold.start(size_t(products_.size()));
  for (auto p = panes_.lower_bound(start); p != panes_.end() && p->first < end; ++p) fold.add(p->second);
  if (!with_overlay) return;
  for (auto p = overlay_.lower_bound(start); p != overlay_.end() && p->first < end; ++p) fold.add(p->second);
}

// The dictionary only grows; once it has doubled, the names that no pane holds are left behind and the rest renumbered.
void ProductInterest::forget_products() {
  if (products_.size() < 2 * products_kept_ + 1024) return;
  TextDictionary kept;
  std::vector<int32_t> new_number(size_t(products_.size()), -1);
  for (const auto& [start, pane] : panes_)
    for (const ProductMeasures& m : pane.products())
      if (int32_t& n = new_number[size_t(m.product)]; n < 0) n = kept.code(products_.value(m.product));
  for (auto& [start, pane] : panes_) pane.renumber(new_number);
  products_ = std::move(kept);
  products_kept_ = products_.size();
  rank_.clear();
  fold_ = WindowFold();
}

int64_t ProductInterest::newest_pane() const noexcept {
  int64_t newest = panes_.empty() ? kNoTime : panes_.rbegin()->first;
  if (!overlay_.empty()) newest = std::max(newest, overlay_.rbegin()->first);
  return newest;
}

int64_t ProductInterest::newest_open_window() const {
  const int64_t pane = newest_pane();
  if (pane == kNoTime) return kNoTime;
  int64_t start = std::max(options_.shape.first_start(pane), options_.first_window);
  if (watermark_ != kNoTime) start = std::max(start, options_.shape.first_open_start(watermark_));
  return start + options_.shape.size;
}

int64_t ProductInterest::last_window_end() const {
  const int64_t pane = newest_pane();
  return pane == kNoTime ? kNoTime : options_.shape.last_end(pane);
}

bool ProductInterest::is_open_window(int64_t window_end) const noexcept {
  return window_end > kFirstEventTime && window_end < kEventTimeEnd + options_.shape.size && window_end > watermark_ &&
         options_.shape.is_end(window_end) && window_end - options_.shape.size >= options_.first_window;
}

std::vector<InterestRow> ProductInterest::provisional(int64_t window_end, size_t limit) const {
  std::vector<InterestRow> out;
  if (!is_open_window(window_end)) return out;
  const int64_t start = window_end - options_.shape.size;
  WindowFold window;
  fold(window, start, true);
  auto& sums = window.sums();
  const size_t shown = std::min(limit, sums.size());
  std::partial_sort(sums.begin(), sums.begin() + ptrdiff_t(shown), sums.end(), [this](const auto& a, const auto& b) {
    return a.views != b.views ? a.views > b.views : products_.value(a.product) < products_.value(b.product);
  });
  out.reserve(shown);
  for (size_t i = 0; i < shown; ++i) out.push_back(window.row(sums[i], products_, currencies_, start, window_end));
  return out;
}

WindowTotals ProductInterest::provisional_totals(int64_t window_end) const {
  if (!is_open_window(window_end)) return {};
  WindowFold window;
  fold(window, window_end - options_.shape.size, true);
  return window.totals();
}

std::string ProductInterest::fingerprint() const {
  return fmt::format(
      "product_interest/1 key=product_id size={}us slide={}us currency={} "
      "measures=views,carts,purchases,revenue,refunds,revenue_other,viewers(xxh3-64,exact<={},hll{})",
      options_.shape.size, options_.shape.slide, options_.shop_currency, DistinctSet::kExactMax,
      hyperloglog::kPrecision);
}

size_t ProductInterest::bytes() const noexcept {
  size_t sum = products_.bytes() + size_t(products_.size()) * 32;  // text, then its end, hash and two slots at least
  for (const Panes* panes : {&panes_, &overlay_})
    for (const auto& [start, pane] : *panes) sum += pane.bytes() + sizeof(pane);
  return sum;
}

}  // namespace pactolus
