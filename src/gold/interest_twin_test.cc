// product_interest against a twin that keeps every window whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "gold/interest_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

// The same meaning, written down without panes, overlay or codes: every row goes into every window it belongs to.
class NaiveView {
 public:
  explicit NaiveView(WindowShape shape) : shape_(shape) {}

  void apply(std::span<const Row> rows) { open_.insert(open_.end(), rows.begin(), rows.end()); }
  void drop_overlay() { open_.clear(); }
  int64_t late() const {
    return std::count_if(open_.begin(), open_.end(), [&](const Row& r) {
      return counts(r) && std::ranges::any_of(windows_of(r.time), [&](int64_t start) { return is_final(start); });
    });
  }
  std::vector<InterestRow> commit(int64_t watermark) {
    enter(windows_);
    open_.clear();
    watermark_ = watermark;
    std::vector<InterestRow> out;
    while (!windows_.empty() && is_final(windows_.begin()->first)) {
      rows_of(*windows_.begin(), out);
      windows_.erase(windows_.begin());
    }
    return out;
  }
  std::vector<InterestRow> provisional(int64_t window_end) const {
    Windows windows = windows_;
    enter(windows);
    std::vector<InterestRow> out;
    if (const auto found = windows.find(window_end - shape_.size); found != windows.end()) rows_of(*found, out);
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.views != b.views ? a.views > b.views : a.product_id < b.product_id;
    });
    return out;
  }

 private:
  struct Product {
    InterestRow row;
    std::set<std::string> viewers;
    std::map<std::string, WideMoney> other;
  };
  using Windows = std::map<int64_t, std::map<std::string, Product>>;  // by start

  bool is_final(int64_t start) const { return watermark_ != kNoTime && start + shape_.size <= watermark_; }
  static bool counts(const Row& r) {
    return !r.product.empty() && (r.kind == EventKind::view || r.kind == EventKind::add_to_cart ||
                                  r.kind == EventKind::purchase || r.kind == EventKind::refund);
  }
  std::vector<int64_t> windows_of(int64_t time) const {
    std::vector<int64_t> out;
    for (int64_t start = (time / shape_.slide + 2) * shape_.slide; start > time - shape_.size; start -= shape_.slide)
      if (start <= time) out.push_back(start);
    return out;
  }
  void enter(Windows& windows) const {
    for (const Row& r : open_) {
      if (!counts(r)) continue;
      for (const int64_t start : windows_of(r.time)) {
        if (is_final(start)) continue;
        Product& p = windows[start][r.product];
        const WideMoney amount = WideMoney(r.price) * r.quantity;
        const bool refund = r.kind == EventKind::refund, purchase = r.kind == EventKind::purchase;
        if (r.kind == EventKind::view) ++p.row.views, p.viewers.insert(r.user);
        if (r.kind == EventKind::add_to_cart) ++p.row.carts;
        if (purchase) ++p.row.purchases;
        if ((purchase || refund) && !r.currency.empty() && r.currency != "USD")
          p.other[r.currency] += refund ? -amount : amount;
        else if (refund)
          p.row.refunds += amount;
        else if (purchase)
          p.row.revenue += amount;
      }
    }
  }
  void rows_of(const Windows::value_type& window, std::vector<InterestRow>& out) const {
    for (const auto& [name, p] : window.second) {
      InterestRow r = p.row;
      r.product_id = name;
      r.window_start = window.first;
      r.window_end = window.first + shape_.size;
      r.viewers = int64_t(p.viewers.size());
      r.revenue_other.assign(p.other.begin(), p.other.end());
      out.push_back(std::move(r));
    }
  }

  WindowShape shape_;
  int64_t watermark_ = kNoTime;
  std::vector<Row> open_;
  Windows windows_;
};

class AgainstTheNaiveView : public testing::TestWithParam<std::pair<WindowShape, uint64_t>> {};

TEST_P(AgainstTheNaiveView, GivesTheSameRows) {
  const auto [shape, seed] = GetParam();
  Random random(seed);
  ProductInterest view = view_of(shape);
  NaiveView naive(shape);
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
        ASSERT_EQ(text(view.provisional(end, 1000)), text(naive.provisional(end)));
    }
    if (random.below(6) > 0) {
      now += int64_t(random.next() % uint64_t(shape.size / 2));
      if (random.below(25) == 0) now += 20 * shape.size;
      const int64_t reached = now - shape.size / 2;  // now and then exactly a window's end
      watermark =
          std::max(watermark, random.below(3) ? reached : floor_to(reached - shape.size, shape.slide) + shape.size);
    }
    const auto rows = view.commit(watermark);
    final_rows += int64_t(rows.size());
    ASSERT_EQ(text(rows), text(naive.commit(watermark))) << "round " << round;
    if (random.below(4) == 0) {
      auto again = ProductInterest::load(saved(view));
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(saved(*again), saved(view));
      ASSERT_EQ(again->fingerprint(), view.fingerprint());
      view = std::move(*again);
    }
  }
  EXPECT_GT(late, 100);
  EXPECT_GT(final_rows, 400);
  EXPECT_EQ(text(view.commit(now + 100 * shape.size)), text(naive.commit(now + 100 * shape.size)));
  EXPECT_EQ(view.panes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AgainstTheNaiveView,
                         testing::Values(std::pair{WindowShape{}, 1}, std::pair{WindowShape{}, 2},
                                         std::pair{WindowShape{9 * kMinute, 6 * kMinute}, 3},
                                         std::pair{WindowShape{kMicrosPerHour, kMicrosPerHour}, 4},
                                         std::pair{WindowShape{7 * kMinute, 5 * kMinute}, 5},
                                         std::pair{WindowShape{1000, 250}, 6}));

}  // namespace
}  // namespace pactolus
