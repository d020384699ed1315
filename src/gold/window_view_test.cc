#include "gold/window_view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gold/view_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

TEST(WindowView, CountsAnEventInEveryWindowThatContainsIt) {
  WindowView view = view_of({3 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}, {.kind = EventKind::purchase, .time = kMinute, .quantity = 2}});
  EXPECT_EQ(text(view.commit(5 * kMinute)),
            "p [-2,1) 1 views 1 viewers\n"
            "p [-1,2) 1 views 1 purchases 20.0000 revenue 1 viewers\n"
            "p [0,3) 1 views 1 purchases 20.0000 revenue 1 viewers\n"
            "p [1,4) 1 purchases 20.0000 revenue\n");
  EXPECT_EQ(view.panes(), 0u);
}

TEST(WindowView, IsFinalWhenTheWatermarkReachesTheEnd) {
  WindowView view = view_of({3 * kMinute, 3 * kMinute});
  feed(view, std::vector<Row>{{.time = 0}});
  EXPECT_EQ(view.commit(kNoTime).size(), 0u);
  EXPECT_EQ(view.commit(3 * kMinute - 1).size(), 0u);
  EXPECT_EQ(view.commit(3 * kMinute).size(), 1u);
  EXPECT_EQ(view.commit(3 * kMinute).size(), 0u);
}

TEST(WindowView, LetsALateRowIntoTheWindowsThatAreOpen) {
  WindowView view = view_of({3 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}});
  view.commit(2 * kMinute);  // [-2,1) and [-1,2) are final
  feed(view, std::vector<Row>{{.time = -kMinute}, {.time = 1}, {.time = kMinute}, {.time = 2 * kMinute}});
  EXPECT_EQ(view.overlay_late(), 3);  // [-1,2) is final by a hair for the third
  EXPECT_EQ(text(view.commit(3 * kMinute)), "p [0,3) 4 views 1 viewers\n");
}

TEST(WindowView, KeepsOtherCurrenciesApart) {
  WindowView view = view_of({kMinute, kMinute});
  feed(view, std::vector<Row>{{.kind = EventKind::purchase, .price = 5'0000, .quantity = 2, .currency = "EUR"},
                              {.kind = EventKind::refund, .price = 1'5000, .currency = "EUR"},
                              {.kind = EventKind::refund, .price = 3'0000, .currency = "CHF"},
                              {.kind = EventKind::refund, .price = 2'0000},
                              {.kind = EventKind::purchase, .price = 7'0000, .currency = "USD"}});
  EXPECT_EQ(text(view.commit(kMinute)), "p [0,1) 2 purchases 7.0000 revenue 2.0000 refunds CHF=-3.0000 EUR=8.5000\n");
}

TEST(WindowView, AddsMoneyBeyond64Bits) {
  WindowView view = view_of({kMinute, kMinute});
  const Row largest{.kind = EventKind::purchase, .price = 99'999'999'999'999'9999, .quantity = INT32_MAX};
  feed(view, std::vector<Row>{largest, largest});
  view.commit(kNoTime);
  auto again = loaded(view, saved(view));
  ASSERT_TRUE(again);
  EXPECT_EQ(money_text(again->commit(kMinute).money(0, 3)), "429496729399999999570503.2706");
}

TEST(WindowView, SaysWhenViewersAreEstimated) {
  WindowView view = view_of({2 * kMinute, kMinute});
  std::vector<Row> rows;
  for (int i = 0; i < 800; ++i) rows.push_back({.user = fmt::format("u{}", i), .time = i < 400 ? 0 : kMinute});
  feed(view, rows);
  const auto out = view.commit(3 * kMinute);
  ASSERT_EQ(out.size(), 3u);
  const size_t viewers = measure(out, "viewers");
  EXPECT_EQ(out.number(0, viewers), 400);
  EXPECT_FALSE(out.approximate(0, viewers));
  EXPECT_TRUE(out.approximate(1, viewers));
  EXPECT_NEAR(double(out.number(1, viewers)), 800, 800 * 5 * 1.04 / 64);
  EXPECT_EQ(out.number(2, viewers), 400);
}

TEST(WindowView, DoesNotDependOnHowRowsAreSplit) {
  Random random(11);
  for (int round = 0; round < 30; ++round) {
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i)
      for (auto& r : random_rows(random, 0, 30 * kMinute, 40)) rows.push_back(std::move(r));
    WindowView straight = view_of({}), split = view_of({});
    straight.commit(-5 * kMinute);
    split.commit(-5 * kMinute);
    feed(straight, rows);
    const int64_t late = straight.overlay_late();
    straight.commit(-5 * kMinute);

    for (size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.below(uint32_t(i))]);
    int64_t split_late = 0;
    for (size_t i = 0; i < rows.size();) {
      const size_t n = std::min<size_t>(rows.size() - i, 1 + random.below(100));
      feed(split, std::span(rows).subspan(i, n));
      i += n;
      if (random.below(2)) split_late += split.overlay_late(), split.commit(-5 * kMinute);
    }
    split_late += split.overlay_late();
    split.commit(-5 * kMinute);
    ASSERT_EQ(saved(straight), saved(split));
    ASSERT_EQ(late, split_late);
    ASSERT_EQ(text(straight.commit(kMicrosPerHour)), text(split.commit(kMicrosPerHour)));
  }
}

TEST(WindowView, LeapsOverYearsForTheCostOfItsPanes) {
  WindowView view = view_of({});
  feed(view, std::vector<Row>{{.time = kFirstEventTime}, {.time = 0}, {.time = kEventTimeEnd - 1}});
  EXPECT_EQ(view.commit(kNoTime).size(), 0u);
  EXPECT_EQ(view.commit(kEventTimeEnd + kMicrosPerDay).size(), 30u);
  EXPECT_EQ(view.panes(), 0u);
  auto again = loaded(view, saved(view));
  ASSERT_TRUE(again);
  feed(*again, std::vector<Row>{{.time = 0}});
  EXPECT_EQ(again->overlay_late(), 1);
}

TEST(WindowView, ShowsTheLastTenMinutes) {
  WindowView view = view_of({});
  EXPECT_EQ(view.newest_open_window(), kNoTime);
  EXPECT_EQ(view.last_window_end(), kNoTime);
  feed(view, std::vector<Row>{{.time = 0}, {.product = "q", .time = 30 * kMinute + 5}});
  EXPECT_EQ(view.newest_open_window(), 31 * kMinute);
  EXPECT_EQ(view.last_window_end(), 40 * kMinute);
  view.commit(35 * kMinute);
  EXPECT_EQ(view.newest_open_window(), 36 * kMinute);
  EXPECT_EQ(text(view.provisional(36 * kMinute, 5)), "q [26,36) 1 views 1 viewers\n");
  EXPECT_EQ(view.provisional(35 * kMinute, 5).size(), 0u);      // final
  EXPECT_EQ(view.provisional(36 * kMinute + 1, 5).size(), 0u);  // no window of this view
  EXPECT_EQ(view.provisional(INT64_MIN, 5).size(), 0u);
  EXPECT_EQ(view.provisional(INT64_MAX, 5).size(), 0u);
  view.commit(view.last_window_end());
  EXPECT_EQ(view.newest_open_window(), kNoTime);
}

TEST(WindowView, ShowsTheMostViewedFirstAndTheTotalsOfAll) {
  WindowView view = view_of({});
  feed(view, std::vector<Row>{{.product = "b"},
                              {.product = "c"},
                              {.product = "c"},
                              {.product = "a"},
                              {.kind = EventKind::purchase, .product = "z"}});
  view.commit(kNoTime);
  feed(view, std::vector<Row>{{.product = "c"}});
  const auto rows = view.provisional(kMinute, 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(text(rows), "c [-9,1) 3 views 1 viewers\na [-9,1) 1 views 1 viewers\n");
  const ViewTotals totals = view.provisional_totals(kMinute);
  EXPECT_EQ(totals.keys, 4);
  EXPECT_EQ(totals.numbers, (std::vector<int64_t>{5, 0, 1, 0, 0, 0, 0, 0}));
  view.drop_overlay();
  EXPECT_EQ(number(view.provisional(kMinute, 1), 0, "views"), 2);
}

TEST(WindowView, ShowsTheOpenWindowsThatHaveSomethingNewestFirst) {
  WindowView view = view_of({3 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}, {.time = 2 * kMinute}});
  view.commit(kMinute);  // [-2,1) is final
  feed(view, std::vector<Row>{{.product = "q", .time = 50 * kMinute}});
  EXPECT_EQ(
      text(view.open_rows(100)),
      "q [50,53) 1 views 1 viewers\nq [49,52) 1 views 1 viewers\nq [48,51) 1 views 1 viewers\n"
      "p [2,5) 1 views 1 viewers\np [1,4) 1 views 1 viewers\np [0,3) 2 views 1 viewers\np [-1,2) 1 views 1 viewers\n");
  EXPECT_EQ(view.open_rows(4).size(), 4u);
  view.commit(60 * kMinute);
  EXPECT_EQ(view.open_rows(100).size(), 0u);
}

// However many there are, it folds a million panes at most.
TEST(WindowView, ShowsABoundedNumberOfOpenWindows) {
  WindowView view = view_of({4096 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}});
  EXPECT_EQ(view.open_rows(10'000).size(), 256u);
}

TEST(WindowView, StartsWithItsFirstWindow) {
  WindowView::Options options = interest_of({3 * kMinute, kMinute});
  options.first_window = 10 * kMinute - 30 * kMicrosPerSecond;  // the next one begins at 10
  WindowView view(options);
  feed(view, std::vector<Row>{{.time = 9 * kMinute}, {.time = 10 * kMinute}, {.time = 12 * kMinute}});  // preloaded
  EXPECT_EQ(view.overlay_late(), 0);
  EXPECT_EQ(view.commit(options.first_window).size(), 0u);
  feed(view, std::vector<Row>{{.time = 9 * kMinute}});
  EXPECT_EQ(view.overlay_late(), 0);  // no window of this view was missed
  EXPECT_EQ(text(view.commit(13 * kMinute)), "p [10,13) 2 views 1 viewers\n");
}

TEST(WindowView, ForgetsKeysThatAreGone) {
  WindowView view = view_of({2 * kMinute, kMinute});
  size_t most = 0;
  std::string all;
  for (int minute = 0; minute < 60; ++minute) {
    std::vector<Row> rows;
    for (int i = 0; i < 500; ++i)
      rows.push_back({.product = fmt::format("{}-{}", minute, i), .time = minute * kMinute});
    rows.push_back({.product = "always", .time = minute * kMinute});
    rows.push_back({.product = "always", .time = (minute - 1) * kMinute});  // into a pane that is already there
    std::rotate(rows.begin(), rows.end() - 7 * minute - 2, rows.end());     // so that numbers do change
    feed(view, rows);
    const ViewRows final_rows = view.commit(minute * kMinute);
    for (size_t r = 0; r < final_rows.size(); ++r)
      if (final_rows.key(r, 0) == "always") all += fmt::format("{} ", number(final_rows, r, "views"));
    most = std::max(most, view.keys());
    ASSERT_TRUE(loaded(view, saved(view)));  // no product twice in a pane
  }
  EXPECT_LT(most, 6'000u);  // of 30,001
  EXPECT_EQ(view.panes(), 2u);
  std::string expected = "1 3 ";  // windows [-2,0) and [-1,1)
  for (int i = 0; i < 58; ++i) expected += "4 ";
  EXPECT_EQ(all, expected);
}

TEST(WindowView, RefusesBytesThatItCannotHaveWritten) {
  Random random(13);
  WindowView view = view_of({});
  for (int i = 0; i < 3; ++i) feed(view, random_rows(random, 0, 10 * kMinute, 5));
  view.commit(-5 * kMinute);
  const std::string good = saved(view);
  ASSERT_TRUE(loaded(view, good));
  for (size_t cut = 0; cut < good.size(); ++cut) ASSERT_FALSE(loaded(view, std::string_view(good).substr(0, cut)));
  EXPECT_FALSE(loaded(view, good + '\0'));
  for (size_t i = 0; i < good.size() * 8; ++i) {  // a flipped bit is refused, or means something else
    std::string bad = good;
    bad[i / 8] = char(bad[i / 8] ^ (1 << (i % 8)));
    if (auto other = loaded(view, bad)) {
      ASSERT_NE(saved(*other), good);
    }
  }
  EXPECT_EQ(loaded(view, "").error().code, ErrorCode::unsupported);
}

TEST(WindowView, NamesItsDeclaration) {
  WindowView::Options euro = interest_of({});
  euro.shop_currency = "EUR";
  EXPECT_EQ(view_of({}).fingerprint(), view_of({}).fingerprint());
  EXPECT_NE(view_of({}).fingerprint(), view_of({10 * kMinute, 2 * kMinute}).fingerprint());
  EXPECT_NE(view_of({}).fingerprint(), WindowView(euro).fingerprint());
}

TEST(WindowView, GroupsByAnyColumnsAndNullIsAValue) {
  WindowView view =
      view_of({EventColumn::product_category, EventColumn::device_type}, {kMinute, kMinute},
              {"count() as events", "orders(purchase) as orders", "sum(quantity, purchase, -refund) as units",
               "sum(price*quantity, purchase, -refund) as net", "sketch(user_id) as visitors"});
  feed(view,
       std::vector<Row>{{.kind = EventKind::purchase, .quantity = 3, .category = "b", .device = "m", .order = "1"},
                        {.kind = EventKind::purchase, .user = "v", .category = "b", .device = "m", .order = "1"},
                        {.kind = EventKind::purchase, .category = "b", .device = "m"},
                        {.kind = EventKind::refund, .quantity = 2, .category = "b", .device = "m"},
                        {.kind = EventKind::search, .category = "b"},
                        {.kind = EventKind::search, .device = "m"},
                        {.kind = EventKind::search, .category = "a", .device = "z"}});
  EXPECT_EQ(text(view.provisional(kMinute, 1)), "b|m [0,1) 4 events 2 orders 3 units 30.0000 net 2 visitors\n");
  const ViewRows rows = view.commit(kMinute);
  EXPECT_EQ(text(rows),
            "null|m [0,1) 1 events 1 visitors\n"
            "a|z [0,1) 1 events 1 visitors\n"
            "b|null [0,1) 1 events 1 visitors\n"
            "b|m [0,1) 4 events 2 orders 3 units 30.0000 net 2 visitors\n");
  const std::string bytes(rows.sketch(3, 4));
  StateReader in(bytes);
  EXPECT_EQ(DistinctSet::load(in)->count(), 2);
}

TEST(WindowView, HasOneRowForTheWholeShopWithoutKeys) {
  WindowView view = view_of({}, {kMinute, kMinute}, {"count() as events"});
  feed(view, std::vector<Row>{{.time = 0}, {.kind = EventKind::search, .product = "", .time = 1}, {.time = kMinute}});
  view.commit(kNoTime);
  auto again = loaded(view, saved(view));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(text(again->commit(2 * kMinute)), " [0,1) 2 events\n [1,2) 1 events\n");
}

TEST(WindowView, CountsATypeThatTheShopAdded) {
  WindowView::Options options;
  options.types.emplace_back("wish");
  options.view = {"wishes", {}, {kMinute, kMinute}, {parse_measure("count(wish) as wishes").value()}};
  WindowView view(options);
  EventBatch b = batch_of(std::vector<Row>{{}, {}});
  b.event_type[1] = kBuiltInKinds;
  const uint32_t all[] = {0, 1};
  view.apply(b, all, kNoTime);
  EXPECT_EQ(text(view.commit(kMinute)), " [0,1) 1 wishes\n");
}

TEST(WindowView, RefusesTheStateOfAnotherDeclaration) {
  WindowView view = view_of({});
  feed(view, std::vector<Row>{{}});
  view.commit(kNoTime);
  EXPECT_EQ(loaded(view_of({5 * kMinute, kMinute}), saved(view)).error().code, ErrorCode::unsupported);
}

TEST(ViewRows, HaveTheColumnsOfTheContract) {
  WindowView view = view_of({});
  std::vector<Row> rows = {{.kind = EventKind::purchase, .price = 8'5000, .quantity = 1, .currency = "EUR"},
                           {.kind = EventKind::refund, .price = 3'0000, .currency = "CHF"},
                           {.kind = EventKind::purchase, .price = 99'999'999'999'999'9999, .quantity = INT32_MAX},
                           {.kind = EventKind::purchase, .product = "q"}};
  for (int i = 0; i < 800; ++i) rows.push_back({.user = fmt::format("u{}", i)});
  feed(view, rows);
  const ViewRows made = view.commit(kMinute);
  const ColumnBatch batch = made.columns(0, made.size(), ViewBasis::stream, 7);
  const ColumnView v = ColumnView::of(batch);
  std::string names;
  for (int64_t i = 0; i < v.children(); ++i) names += fmt::format("{}:{} ", v.child(i).name(), v.child(i).format());
  EXPECT_EQ(
      names,
      "product_id:u window_start:tsu:UTC window_end:tsu:UTC views:l carts:l purchases:l revenue:d:38,4 refunds:d:38,4 "
      "revenue_other:+m viewers:l viewers_approx:b conversion_rate:g conversion_low:g conversion_high:g basis:u "
      "batch_id:l ");
  EXPECT_EQ(v.child("revenue").decimal_at(0), WideMoney(99'999'999'999'999'9999) * INT32_MAX);
  EXPECT_EQ(v.child("conversion_rate").double_at(0), 2.0 / 800);
  EXPECT_TRUE(v.child("conversion_low").is_null(1));
  EXPECT_TRUE(v.child("viewers_approx").bool_at(0));
  EXPECT_EQ(v.child("revenue_other").range_at(0), (std::pair<int64_t, int64_t>{0, 2}));
  EXPECT_EQ(v.child("revenue_other").range_at(1), (std::pair<int64_t, int64_t>{2, 2}));
  EXPECT_FALSE(v.child("revenue_other").is_null(1));
  EXPECT_EQ(v.child("revenue_other").entries().child("key").text_at(1), "EUR");
  EXPECT_EQ(v.child("revenue_other").entries().child("value").decimal_at(0), -3'0000);
  EXPECT_EQ(v.child("basis").text_at(0), "stream");
  EXPECT_EQ(v.child("batch_id").int_at(1), 7);
}

}  // namespace
}  // namespace pactolus
