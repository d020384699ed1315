// Views against a twin that keeps every event of every window.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "gold/view_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

// The same meaning, written down without panes, overlay, codes or sums: every row goes into every window it belongs to,
// and a measure is computed from the rows of its window.
class NaiveView {
 public:
  explicit NaiveView(const ViewDeclaration& view) : view_(view) {}

  void apply(std::span<const Row> rows) { open_.insert(open_.end(), rows.begin(), rows.end()); }
  void drop_overlay() { open_.clear(); }
  int64_t late() const {
    return std::ranges::count_if(open_, [&](const Row& r) {
      return counts(r) && std::ranges::any_of(windows_of(r.time), [&](int64_t start) { return is_final(start); });
    });
  }
  std::string commit(int64_t watermark) {
    enter(windows_);
    open_.clear();
    watermark_ = watermark;
    std::string out;
    while (!windows_.empty() && is_final(windows_.begin()->first)) {
      for (const auto& [key, rows] : windows_.begin()->second) out += row_text(windows_.begin()->first, key, rows);
      windows_.erase(windows_.begin());
    }
    return out;
  }
  std::string provisional(int64_t window_end) const {
    Windows windows = windows_;
    enter(windows);
    std::multimap<std::pair<int64_t, Key>, std::string> texts;
    const int64_t start = window_end - view_.shape.size;
    for (const auto& [key, rows] : windows[start])
      texts.insert({{-first_count(rows), key}, row_text(start, key, rows)});
    std::string out;
    for (const auto& [place, text] : texts) out += text;
    return out;
  }

 private:
  using Key = std::vector<std::optional<std::string>>;                 // null first
  using Windows = std::map<int64_t, std::map<Key, std::vector<Row>>>;  // by start

  static bool is_of(const Measure& m, const Row& r) {
    return !m.is_derived() &&
           (m.types.empty() || std::ranges::find(m.types, name_of(r.kind), &MeasuredType::name) != m.types.end());
  }
  static bool is_minus(const Measure& m, const Row& r) {
    const auto at = std::ranges::find(m.types, name_of(r.kind), &MeasuredType::name);
    return at != m.types.end() && at->minus;
  }
  bool counts(const Row& r) const {
    return std::ranges::any_of(view_.measures, [&](const Measure& m) { return is_of(m, r); });
  }
  bool is_final(int64_t start) const { return watermark_ != kNoTime && start + view_.shape.size <= watermark_; }
  std::vector<int64_t> windows_of(int64_t time) const {
    std::vector<int64_t> out;
    const int64_t slide = view_.shape.slide;
    for (int64_t start = (time / slide + 2) * slide; start > time - view_.shape.size; start -= slide)
      if (start <= time) out.push_back(start);
    return out;
  }
  static std::optional<std::string> value(const Row& r, EventColumn c) {
    const std::string& text = c == EventColumn::product_id         ? r.product
                              : c == EventColumn::product_category ? r.category
                              : c == EventColumn::device_type      ? r.device
                              : c == EventColumn::order_id         ? r.order
                                                                   : r.user;
    return text.empty() ? std::nullopt : std::optional(text);
  }
  void enter(Windows& windows) const {
    for (const Row& r : open_) {
      if (!counts(r)) continue;
      Key key;
      for (const EventColumn c : view_.keys) key.push_back(value(r, c));
      for (const int64_t start : windows_of(r.time))
        if (!is_final(start)) windows[start][key].push_back(r);
    }
  }
  int64_t first_count(const std::vector<Row>& rows) const {
    return std::ranges::count_if(rows, [&](const Row& r) { return is_of(view_.measures[0], r); });
  }
  static std::string measure_text(const Measure& m, const std::vector<Row>& all) {
    WideMoney sum = 0;
    int64_t number = 0;
    std::set<std::string> values;
    std::map<std::string, WideMoney> other;
    for (const Row& r : all) {
      if (!is_of(m, r)) continue;
      const WideMoney sign = is_minus(m, r) ? -1 : 1;
      const WideMoney amount = sign * (m.amount == Amount::price ? r.price : WideMoney(r.price) * r.quantity);
      const bool foreign = !r.currency.empty() && r.currency != "USD";
      switch (m.function) {
        case MeasureFunction::count: ++number; break;
        case MeasureFunction::sum:
          if (m.amount == Amount::quantity)
            number += int64_t(sign) * r.quantity;
          else if (!foreign)
            sum += amount;
          break;
        case MeasureFunction::other_currencies:
          if (foreign) other[r.currency] += amount;
          break;
        case MeasureFunction::distinct:
        case MeasureFunction::sketch:
          if (const auto v = value(r, m.column)) values.insert(*v);
          break;
        case MeasureFunction::orders:
          if (r.order.empty())
            ++number;
          else
            values.insert(r.order);
          break;
        case MeasureFunction::rate:
        case MeasureFunction::any:
        case MeasureFunction::unless:
        case MeasureFunction::first:
        case MeasureFunction::step:
        case MeasureFunction::then:
        case MeasureFunction::maybe: break;
      }
    }
    number += int64_t(values.size());
    std::string out;
    for (const auto& [currency, amount] : other) out += " " + currency + "=" + money_text(amount);
    if (sum != 0) out += " " + money_text(sum) + " " + m.name;
    if (number != 0) out += fmt::format(" {} {}", number, m.name);
    return out;
  }
  std::string row_text(int64_t start, const Key& key, const std::vector<Row>& rows) const {
    std::string out;
    for (size_t k = 0; k < key.size(); ++k) out += (k ? "|" : "") + key[k].value_or("null");
    out += fmt::format(" [{},{})", start / kMinute, (start + view_.shape.size) / kMinute);
    for (const Measure& m : view_.measures) out += measure_text(m, rows);
    return out + "\n";
  }

  ViewDeclaration view_;
  int64_t watermark_ = kNoTime;
  std::vector<Row> open_;
  Windows windows_;
};

struct Case {
  const char* name;
  WindowShape shape;
  uint64_t seed;
  std::vector<EventColumn> keys = {EventColumn::product_id};
  std::vector<std::string> measures = {};  // those of product_interest
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class AgainstTheNaiveView : public testing::TestWithParam<Case> {};

TEST_P(AgainstTheNaiveView, GivesTheSameRows) {
  const Case& c = GetParam();
  WindowView::Options options = interest_of(c.shape);
  options.view.keys = c.keys;
  if (!c.measures.empty()) options.view.measures.clear();
  for (const std::string& m : c.measures) options.view.measures.push_back(parse_measure(m).value());
  Random random(c.seed);
  WindowView view(options);
  NaiveView naive(options.view);
  const WindowShape shape = c.shape;
  int64_t now = -5 * shape.size, watermark = kNoTime;  // from before 1970 to after
  int64_t late = 0, final_rows = 0;
  for (int round = 0; round < 150; ++round) {
    const std::vector<Row> first = random_rows(random, now, 2 * shape.size, 12),
                           second = random_rows(random, now, shape.size, 12);
    if (random.below(3) == 0) {  // a batch that is given up and done again
      feed(view, second);
      feed(view, first);
      view.drop_overlay();
      EXPECT_EQ(view.overlay_late(), 0);
    }
    feed(view, first);
    feed(view, second);
    naive.apply(first);
    naive.apply(second);
    ASSERT_EQ(view.overlay_late(), naive.late());
    late += naive.late();
    if (round % 10 == 0) {
      for (int64_t end = floor_to(now, shape.slide); end < now + 2 * shape.size; end += shape.slide)
        ASSERT_EQ(text(view.provisional(end, 1000)), naive.provisional(end));
    }
    if (random.below(6) > 0) {
      now += int64_t(random.next() % uint64_t(shape.size / 2));
      if (random.below(25) == 0) now += 20 * shape.size;
      const int64_t reached = now - shape.size / 2;  // now and then exactly a window's end
      watermark =
          std::max(watermark, random.below(3) ? reached : floor_to(reached - shape.size, shape.slide) + shape.size);
    }
    const ViewRows rows = view.commit(watermark);
    final_rows += int64_t(rows.size());
    ASSERT_EQ(text(rows), naive.commit(watermark)) << "round " << round;
    if (random.below(4) == 0) {
      auto again = loaded(view, saved(view));
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(saved(*again), saved(view));
      ASSERT_EQ(again->fingerprint(), view.fingerprint());
      view = std::move(*again);
    }
  }
  EXPECT_GT(late, 100);
  EXPECT_GT(final_rows, c.keys.empty() ? 50 : 300);
  EXPECT_EQ(text(view.commit(now + 100 * shape.size)), naive.commit(now + 100 * shape.size));
  EXPECT_EQ(view.panes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Views, AgainstTheNaiveView,
    testing::Values(
        Case{"interest", {}, 1}, Case{"interest_again", {}, 2},
        Case{"slide_does_not_divide", {9 * kMinute, 6 * kMinute}, 3},
        Case{"tumbling", {kMicrosPerHour, kMicrosPerHour}, 4}, Case{"panes_of_one", {7 * kMinute, 5 * kMinute}, 5},
        Case{"less_than_a_second", {1000, 250}, 6},
        Case{"two_keys",
             {10 * kMinute, 5 * kMinute},
             7,
             {EventColumn::product_category, EventColumn::device_type},
             {"count() as events", "sum(price, purchase) as prices", "sum(quantity, purchase, -refund) as units",
              "orders(purchase, refund) as orders", "sketch(user_id) as visitors",
              "other_currencies(price, purchase, -refund) as other", "other_currencies(price*quantity, view) as seen"}},
        Case{"three_keys",
             {kMinute, kMinute},
             8,
             {EventColumn::order_id, EventColumn::user_id, EventColumn::device_type},
             {"count(purchase) as purchases", "distinct(product_id, view, purchase) as products"}},
        Case{"no_keys", {2 * kMinute, kMinute}, 9, {}, {"count(view) as views", "distinct(user_id) as users"}}),
    [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace pactolus
