#include "gold/funnel_view.h"

#include <gtest/gtest.h>

#include <map>

#include "gold/view_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

constexpr int64_t kGap = 10 * kMinute, kSize = 60 * kMinute;

GoldView::Options funnel_of(std::vector<EventColumn> keys = {}) {
  GoldView::Options options;
  options.view = {"test", std::move(keys), WindowShape::funnel_of(kSize, kGap), {}};
  for (const char* m :
       {"step(view, view_item_list) as views", "then(add_to_cart) as carts", "maybe(begin_checkout) as checkouts",
        "then(purchase) as purchases", "rate(purchases, views) as conversion"})
    options.view.measures.push_back(parse_measure(m).value());
  return options;
}

Row at(int64_t minute, EventKind kind, std::string session = "s", std::string category = {}) {
  return {.kind = kind, .time = minute * kMinute, .category = std::move(category), .session = std::move(session)};
}
constexpr auto kView = EventKind::view, kCart = EventKind::add_to_cart, kCheckout = EventKind::begin_checkout,
               kBuy = EventKind::purchase;

// "key [0,60) 3 2/60s 1/30s 1": sessions of each step, with the median from the one before
std::string text_of(const ViewRows& rows) {
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t k = 0; k < rows.view().keys.size(); ++k) out += std::string(rows.key(r, k).value_or("null")) + " ";
    out += fmt::format("[{},{})", rows.window_start(r) / kMinute, rows.window_end(r) / kMinute);
    for (size_t m = 0; m < 4; ++m) {
      out += fmt::format(" {}", rows.number(r, m));
      if (m > 0)
        if (const auto seconds = rows.step_seconds(r, m)) out += fmt::format("/{}s", *seconds);
    }
    out += "\n";
  }
  return out;
}
std::string closed(GoldView& view, std::vector<Row> rows, int64_t minute) {
  feed(view, rows);
  return text_of(view.commit(minute * kMinute));
}

TEST(FunnelView, StepsAreTakenInTheirOrder) {
  FunnelView view(funnel_of());
  EXPECT_EQ(closed(view,
                   {at(0, kView), at(1, kCart), at(2, kCheckout), at(4, kBuy),                 // all
                    at(0, kBuy, "b"), at(1, kCart, "b"), at(2, kView, "b"),                    // the wrong way round
                    at(0, kView, "c"), at(1, kBuy, "c"), at(2, kCart, "c"),                    // bought before the cart
                    at(3, kBuy, "d"), at(0, kView, "d"), at(1, kCart, "d"), at(7, kBuy, "d"),  // without a checkout
                    at(0, kCart, "e")},                                                        // never seen
                   60),
            "[0,60) 4 3/60s 1/60s 2/150s\n");
}

TEST(FunnelView, ASessionIsCountedWhereItEnds) {
  FunnelView view(funnel_of());
  // Ends at 60 sharp: in [0, 60). At 61: in the next hour.
  EXPECT_EQ(closed(view, {at(45, kView, "a"), at(50, kView, "a"), at(50, kView, "b"), at(51, kView, "b")}, 61),
            "[0,60) 1 0 0 0\n");
  EXPECT_EQ(view.last_window_end(), 120 * kMinute);
  EXPECT_EQ(closed(view, {}, 119), "");
  EXPECT_EQ(closed(view, {}, 120), "[60,120) 1 0 0 0\n");
  EXPECT_EQ(view.last_window_end(), kNoTime);
}

TEST(FunnelView, EachKeyOfAFirstStepIsCounted) {
  FunnelView view(funnel_of({EventColumn::product_category, EventColumn::device_type}));
  std::vector<Row> rows = {at(0, kView, "s", "shoes"), at(1, kView, "s", "hats"), at(2, kCart, "s", "hats"),
                           at(3, kCheckout),           at(4, kBuy, "s", "hats"),  at(2, kView, "s", ""),
                           at(3, kCart, "s", "belts")};
  for (Row& r : rows) r.device = "phone";
  rows[3].device = "";
  EXPECT_EQ(closed(view, rows, 60),
            "null phone [0,60) 1 0 0 0\n"
            "hats phone [0,60) 1 1/60s 1/60s 1/120s\n"
            "shoes phone [0,60) 1 0 0 0\n");
}

TEST(FunnelView, ALateEventIsLateByItsOwnWindow) {
  FunnelView view(funnel_of());
  EXPECT_EQ(closed(view, {at(20, kView)}, 15), "");
  feed(view, std::vector{at(5, kView, "x"), at(12, kView, "y")});
  EXPECT_EQ(view.overlay_late(), 1);
  EXPECT_EQ(text_of(view.commit(60 * kMinute)), "[0,60) 2 0 0 0\n");
}

TEST(FunnelView, RatesAreOfTheStepBefore) {
  FunnelView view(funnel_of());
  std::vector<Row> rows;
  for (int i = 0; i < 8; ++i) {
    const std::string s = fmt::format("s{}", i);
    rows.push_back(at(0, kView, s));
    if (i < 4) rows.push_back(at(1, kCart, s));
    if (i < 1) rows.push_back(at(2, kCheckout, s));
    if (i < 3) rows.push_back(at(3, kBuy, s));
  }
  feed(view, rows);
  const ViewRows made = view.commit(60 * kMinute);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made.step_rate(0, 1), 0.5);
  EXPECT_EQ(made.step_rate(0, 2), 0.25);
  EXPECT_EQ(made.step_rate(0, 3), 0.75);  // of the carts: a checkout is no condition
  EXPECT_EQ(made.rate(0, 4)->rate, 3.0 / 8);
  EXPECT_FALSE(view.commit(1000 * kMinute).size());
}

TEST(FunnelView, SavedBytesThatItCannotHaveWrittenAreRefused) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  feed(view, std::vector{at(0, kView, "a", "x"), at(2, kCart, "a", "x"), at(30, kView, "b"), at(31, kBuy, "b", "y"),
                         at(33, kView, "c", "x"), at(34, kCart, "c")});
  (void)view.commit(15 * kMinute);
  ASSERT_EQ(view.windows(), 1u);
  ASSERT_EQ(view.sessions(), 2u);
  const std::string bytes = saved(view);
  ASSERT_TRUE(FunnelView::load(view.options(), bytes));
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(FunnelView::load(view.options(), bytes.substr(0, cut)));
  EXPECT_FALSE(FunnelView::load(view.options(), bytes + "x"));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = char(changed[i] ^ 1);
    if (auto again = FunnelView::load(view.options(), changed)) {
      EXPECT_EQ(saved(*again), changed) << i;
    }
  }
}

TEST(FunnelView, ASessionThatNeverPausesStaysSmall) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  size_t bytes = 0;
  for (int64_t minute = 0; minute < 2000; ++minute) {
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i) {
      rows.push_back(at(minute,
                        i % 4 == 0   ? kView
                        : i % 4 == 1 ? kCart
                        : i % 4 == 2 ? kCheckout
                                     : kBuy,
                        "robot", i % 4 == 2 ? "" : fmt::format("c{}", i % 3)));
    }
    feed(view, rows);
    EXPECT_EQ(view.commit((minute - 5) * kMinute).size(), 0u);
    if (minute == 100) bytes = view.bytes();
  }
  EXPECT_EQ(view.sessions(), 1u);
  EXPECT_LT(view.bytes(), 2 * bytes);
}

TEST(FunnelView, WhatComesBehindTheStepsThatWereTakenIsNotKept) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  std::vector<Row> rows;
  for (int64_t minute = 0; minute < 100; ++minute)
    for (const EventKind kind : {kView, kCart, kCheckout, kBuy}) rows.push_back(at(minute, kind, "s", "c"));
  feed(view, rows);
  (void)view.commit(kNoTime);
  EXPECT_EQ(view.kept_steps(), 3u);
  std::erase_if(rows, [](const Row& r) { return r.kind == kCheckout; });
  for (Row& r : rows) r.session = "without a checkout";
  feed(view, rows);
  (void)view.commit(kNoTime);
  EXPECT_EQ(view.kept_steps(), 5u);
  EXPECT_EQ(closed(view, {}, 180), "c [60,120) 2 2/0s 1/0s 2/0s\n");
}

TEST(FunnelView, AStepWithoutAValueIsKeptForKeysThatBeginLater) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  feed(view, std::vector{at(1, kView), at(2, kCart), at(3, kBuy), at(5, kCart), at(6, kBuy), at(7, kBuy)});
  (void)view.commit(kNoTime);
  auto again = FunnelView::load(view.options(), saved(view));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(closed(*again, {at(4, kView, "s", "c")}, 60), "null [0,60) 1 1/60s 0 1/60s\nc [0,60) 1 1/60s 0 1/60s\n");
}

TEST(FunnelView, ASessionMayHaveManyKeys) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  std::vector<Row> rows;
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const std::string category = fmt::format("c{}", 10 + i);
    rows.push_back(at(1, kView, "s", category));
    if (i % 3 > 0) rows.push_back(at(2, kCart, "s", category));
    if (i % 3 > 1) rows.push_back(at(4, kBuy, "s", category));
    expected += category + (i % 3 == 0   ? " [0,60) 1 0 0 0\n"
                            : i % 3 == 1 ? " [0,60) 1 1/60s 0 0\n"
                                         : " [0,60) 1 1/60s 0 1/120s\n");
  }
  EXPECT_EQ(closed(view, rows, 60), expected);
}

TEST(FunnelView, WhatIsKnownOfAKeyFollowsItsNumber) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  std::vector rows = {at(0, kView, "short", "x"), at(0, kView, "long", "a"), at(1, kCart, "long", "a")};
  for (int i = 0; i < 2000; ++i) rows.push_back(at(0, kView, fmt::format("s{}", i), fmt::format("c{}", i)));
  for (int64_t minute = 5; minute <= 60; minute += 5) rows.push_back(at(minute, kView, "long", "a"));
  feed(view, rows);
  EXPECT_EQ(view.commit(60 * kMinute).size(), 2001u);  // nothing holds their keys any more: a is the first now
  feed(view, std::vector{at(61, kView, "long", "b"), at(62, kCart, "long", "b"), at(63, kBuy, "long", "a")});
  EXPECT_EQ(closed(view, {}, 120), "a [60,120) 1 1/60s 0 1/3720s\nb [60,120) 1 1/60s 0 0\n");
}

TEST(FunnelView, SavedBytesDoNotTellInWhatOrderEventsCame) {
  const std::vector rows = {at(1, kView, "s", "c"), at(2, kCart, "s", "c"), at(3, kBuy, "s", "c"),
                            at(2, kCart, "s", "c"), at(3, kBuy, "s", "c"),  at(2, kCart, "s", "")};
  FunnelView forwards(funnel_of({EventColumn::product_category})), backwards(forwards.options());
  feed(forwards, rows);
  feed(backwards, std::vector(rows.rbegin(), rows.rend()));
  (void)forwards.commit(kNoTime);
  (void)backwards.commit(kNoTime);
  EXPECT_NE(forwards.kept_steps(), backwards.kept_steps());
  EXPECT_EQ(saved(forwards), saved(backwards));
}

TEST(FunnelView, AnEarlierFirstStepTakesEarlierOnes) {
  FunnelView view(funnel_of({EventColumn::product_category}));
  const auto feed_one = [&](int64_t minute, EventKind kind) { feed(view, std::vector{at(minute, kind, "s", "c")}); };
  feed_one(8, kView);
  feed_one(4, kBuy);  // before the first step, until that of minute 1 comes
  feed_one(3, kCart);
  feed_one(9, kCart);
  feed_one(9, kBuy);
  feed_one(1, kView);
  EXPECT_EQ(closed(view, {}, 60), "c [0,60) 1 1/120s 0 1/60s\n");
}

// The same meaning with every event kept.
class NaiveFunnel {
 public:
  void apply(const std::vector<Row>& rows) { open_.insert(open_.end(), rows.begin(), rows.end()); }
  std::string commit(int64_t watermark) {
    for (const Row& r : open_) {
      if (step_of(r.kind) < 0 || (watermark_ != kNoTime && r.time + kGap <= watermark_)) continue;
      auto& mine = sessions_[r.session.empty() ? "user:" + r.user : r.session];
      std::vector<Row> joined = {r};
      std::erase_if(mine, [&](const std::vector<Row>& other) {
        const auto [first, last] = std::ranges::minmax(other, {}, &Row::time);
        if (r.time > last.time + kGap || first.time > r.time + kGap) return false;
        joined.insert(joined.end(), other.begin(), other.end());
        return true;
      });
      mine.push_back(joined);
    }
    open_.clear();
    watermark_ = watermark;
    for (auto& [name, mine] : sessions_)
      std::erase_if(mine, [&](const std::vector<Row>& session) {
        const int64_t end = std::ranges::max(session, {}, &Row::time).time + kGap;
        if (end > watermark_) return false;
        count(session, floor_div(end - 1, kSize));
        return true;
      });
    std::string out;
    while (!hours_.empty() && (hours_.begin()->first + 1) * kSize <= watermark_) {
      for (auto& [key, c] : hours_.begin()->second) {
        out += (key.first.empty() ? "null" : key.first) + " " + (key.second.empty() ? "null" : key.second);
        out +=
            fmt::format(" [{},{}) {}", hours_.begin()->first * 60, hours_.begin()->first * 60 + 60, c.steps[0].size());
        for (int step = 1; step < 4; ++step) {
          auto& d = c.steps[step];
          std::ranges::sort(d);
          out += fmt::format(" {}", d.size());
          if (!d.empty())
            out += fmt::format("/{}s", (double(d[(d.size() - 1) / 2]) + double(d[d.size() / 2])) / 2 / 1e6);
        }
        out += "\n";
      }
      hours_.erase(hours_.begin());
    }
    return out;
  }

 private:
  struct Count {
    std::vector<int64_t> steps[4];
  };
  static int step_of(EventKind kind) {
    return kind == kView || kind == EventKind::view_item_list ? 0
           : kind == kCart                                    ? 1
           : kind == kCheckout                                ? 2
           : kind == kBuy                                     ? 3
                                                              : -1;
  }
  void count(const std::vector<Row>& session, int64_t hour) {
    std::map<std::pair<std::string, std::string>, int64_t> begun;
    for (const Row& r : session)
      if (step_of(r.kind) == 0) {
        auto& first = begun.try_emplace({r.category, r.device}, r.time).first->second;
        first = std::min(first, r.time);
      }
    for (const auto& [key, begin] : begun) {
      const auto next = [&](int step, int64_t since) {
        int64_t at = INT64_MAX;
        for (const Row& r : session)
          if (step_of(r.kind) == step && r.time >= since && (r.category.empty() || r.category == key.first) &&
              (r.device.empty() || r.device == key.second))
            at = std::min(at, r.time);
        return at;
      };
      Count& c = hours_[hour][key];
      c.steps[0].push_back(0);
      const int64_t cart = next(1, begin);
      if (cart == INT64_MAX) continue;
      c.steps[1].push_back(cart - begin);
      if (const int64_t checkout = next(2, cart); checkout != INT64_MAX) c.steps[2].push_back(checkout - cart);
      if (const int64_t bought = next(3, cart); bought != INT64_MAX) c.steps[3].push_back(bought - cart);
    }
  }

  int64_t watermark_ = kNoTime;
  std::vector<Row> open_;
  std::map<std::string, std::vector<std::vector<Row>>> sessions_;
  std::map<int64_t, std::map<std::pair<std::string, std::string>, Count>> hours_;
};

class AgainstTheNaiveFunnel : public testing::TestWithParam<uint64_t> {};

TEST_P(AgainstTheNaiveFunnel, GivesTheSameRows) {
  FunnelView view(funnel_of({EventColumn::product_category, EventColumn::device_type}));
  FunnelView other(view.options());  // sees the same rows in another order
  NaiveFunnel naive;
  Random random(GetParam());
  int64_t now = -100 * kGap, watermark = kNoTime, late = 0, final_rows = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Row> first = random_rows(random, now, 3 * kGap, 12), second = random_rows(random, now, kGap, 12);
    for (auto* rows : {&first, &second})
      for (Row& r : *rows)
        if (random.below(2)) r.kind = std::array{kCart, kCheckout, kBuy}[random.below(3)];
    if (random.below(3) == 0) {  // a batch that is given up and done again
      feed(view, second);
      feed(view, first);
      view.drop_overlay();
    }
    feed(view, first);
    feed(view, second);
    late += view.overlay_late();
    naive.apply(first);
    naive.apply(second);
    if (random.below(6) > 0) {
      now += int64_t(random.next() % uint64_t(2 * kGap));
      watermark = std::max(watermark, now - kGap);
    }
    std::vector<Row> shuffled = first;
    shuffled.insert(shuffled.end(), second.begin(), second.end());
    for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.below(uint32_t(i))]);
    feed(other, shuffled);
    const ViewRows rows = view.commit(watermark);
    final_rows += int64_t(rows.size());
    ASSERT_EQ(text_of(rows), naive.commit(watermark)) << "round " << round;
    ASSERT_EQ(text_of(other.commit(watermark)), text_of(rows));
    ASSERT_EQ(saved(other), saved(view)) << "round " << round;
    if (random.below(4) == 0) {
      auto again = FunnelView::load(view.options(), saved(view));
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(saved(*again), saved(view));
      view = std::move(*again);
    }
  }
  EXPECT_GT(late, 100);
  EXPECT_GT(final_rows, 400);
  const int64_t end = floor_to(now + 100 * kGap, kSize);
  EXPECT_EQ(text_of(view.commit(end)), naive.commit(end));
  EXPECT_EQ(view.last_window_end(), kNoTime);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstTheNaiveFunnel, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace pactolus
