#include "gold/product_interest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gold/interest_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

TEST(ProductInterest, CountsAnEventInEveryWindowThatContainsIt) {
  ProductInterest view = view_of({3 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}, {.kind = EventKind::purchase, .time = kMinute, .quantity = 2}});
  EXPECT_EQ(text(view.commit(5 * kMinute)),
            "p [-2,1) 1v 0c 0p 0.0000-0.0000 1u\n"
            "p [-1,2) 1v 0c 1p 20.0000-0.0000 1u\n"
            "p [0,3) 1v 0c 1p 20.0000-0.0000 1u\n"
            "p [1,4) 0v 0c 1p 20.0000-0.0000 0u\n");
  EXPECT_EQ(view.panes(), 0u);
}

TEST(ProductInterest, IsFinalWhenTheWatermarkReachesTheEnd) {
  ProductInterest view = view_of({3 * kMinute, 3 * kMinute});
  feed(view, std::vector<Row>{{.time = 0}});
  EXPECT_EQ(view.commit(kNoTime).size(), 0u);
  EXPECT_EQ(view.commit(3 * kMinute - 1).size(), 0u);
  EXPECT_EQ(view.commit(3 * kMinute).size(), 1u);
  EXPECT_EQ(view.commit(3 * kMinute).size(), 0u);
}

TEST(ProductInterest, LetsALateRowIntoTheWindowsThatAreOpen) {
  ProductInterest view = view_of({3 * kMinute, kMinute});
  feed(view, std::vector<Row>{{.time = 0}});
  view.commit(2 * kMinute);  // [-2,1) and [-1,2) are final
  feed(view, std::vector<Row>{{.time = -kMinute}, {.time = 1}, {.time = kMinute}, {.time = 2 * kMinute}});
  EXPECT_EQ(view.overlay_late(), 3);  // [-1,2) is final by a hair for the third
  EXPECT_EQ(text(view.commit(3 * kMinute)), "p [0,3) 4v 0c 0p 0.0000-0.0000 1u\n");
}

TEST(ProductInterest, KeepsOtherCurrenciesApart) {
  ProductInterest view = view_of({kMinute, kMinute});
  feed(view, std::vector<Row>{{.kind = EventKind::purchase, .price = 5'0000, .quantity = 2, .currency = "EUR"},
                              {.kind = EventKind::refund, .price = 1'5000, .currency = "EUR"},
                              {.kind = EventKind::refund, .price = 3'0000, .currency = "CHF"},
                              {.kind = EventKind::refund, .price = 2'0000},
                              {.kind = EventKind::purchase, .price = 7'0000, .currency = "USD"}});
  EXPECT_EQ(text(view.commit(kMinute)), "p [0,1) 0v 0c 2p 7.0000-2.0000 0u CHF=-3.0000 EUR=8.5000\n");
}

TEST(ProductInterest, AddsMoneyBeyond64Bits) {
  ProductInterest view = view_of({kMinute, kMinute});
  const Row largest{.kind = EventKind::purchase, .price = 99'999'999'999'999'9999, .quantity = INT32_MAX};
  feed(view, std::vector<Row>{largest, largest});
  auto again = ProductInterest::load([&] {
    view.commit(kNoTime);
    return saved(view);
  }());
  ASSERT_TRUE(again);
  EXPECT_EQ(money_text(again->commit(kMinute).at(0).revenue), "429496729399999999570503.2706");
}

TEST(ProductInterest, SaysWhenViewersAreEstimated) {
  ProductInterest view = view_of({2 * kMinute, kMinute});
  std::vector<Row> rows;
  for (int i = 0; i < 800; ++i) rows.push_back({.user = fmt::format("u{}", i), .time = i < 400 ? 0 : kMinute});
  feed(view, rows);
  const auto out = view.commit(3 * kMinute);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].viewers, 400);
  EXPECT_FALSE(out[0].viewers_approx);
  EXPECT_TRUE(out[1].viewers_approx);
  EXPECT_NEAR(double(out[1].viewers), 800, 800 * 5 * 1.04 / 64);
  EXPECT_EQ(out[2].viewers, 400);
}

TEST(ProductInterest, DoesNotDependOnHowRowsAreSplit) {
  Random random(11);
  for (int round = 0; round < 30; ++round) {
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i)
      for (auto& r : random_rows(random, 0, 30 * kMinute, 40)) rows.push_back(std::move(r));
    ProductInterest straight = view_of({}), split = view_of({});
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

TEST(ProductInterest, LeapsOverYearsForTheCostOfItsPanes) {
  ProductInterest view = view_of({});
  feed(view, std::vector<Row>{{.time = kFirstEventTime}, {.time = 0}, {.time = kEventTimeEnd - 1}});
  EXPECT_EQ(view.commit(kNoTime).size(), 0u);
  EXPECT_EQ(view.commit(kEventTimeEnd + kMicrosPerDay).size(), 30u);
  EXPECT_EQ(view.panes(), 0u);
  auto again = ProductInterest::load(saved(view));
  ASSERT_TRUE(again);
  feed(*again, std::vector<Row>{{.time = 0}});
  EXPECT_EQ(again->overlay_late(), 1);
}

TEST(ProductInterest, ShowsTheLastTenMinutes) {
  ProductInterest view = view_of({});
  EXPECT_EQ(view.newest_open_window(), kNoTime);
  EXPECT_EQ(view.last_window_end(), kNoTime);
  feed(view, std::vector<Row>{{.time = 0}, {.product = "q", .time = 30 * kMinute + 5}});
  EXPECT_EQ(view.newest_open_window(), 31 * kMinute);
  EXPECT_EQ(view.last_window_end(), 40 * kMinute);
  view.commit(35 * kMinute);
  EXPECT_EQ(view.newest_open_window(), 36 * kMinute);
  EXPECT_EQ(text(view.provisional(36 * kMinute, 5)), "q [26,36) 1v 0c 0p 0.0000-0.0000 1u\n");
  EXPECT_EQ(view.provisional(35 * kMinute, 5).size(), 0u);      // final
  EXPECT_EQ(view.provisional(36 * kMinute + 1, 5).size(), 0u);  // no window of this view
  EXPECT_EQ(view.provisional(INT64_MIN, 5).size(), 0u);
  EXPECT_EQ(view.provisional(INT64_MAX, 5).size(), 0u);
  view.commit(view.last_window_end());
  EXPECT_EQ(view.newest_open_window(), kNoTime);
}

TEST(ProductInterest, ShowsTheMostViewedFirstAndTheTotalsOfAll) {
  ProductInterest view = view_of({});
  feed(view, std::vector<Row>{{.product = "b"},
                              {.product = "c"},
                              {.product = "c"},
                              {.product = "a"},
                              {.kind = EventKind::purchase, .product = "z"}});
  view.commit(kNoTime);
  feed(view, std::vector<Row>{{.product = "c"}});
  const auto rows = view.provisional(kMinute, 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].product_id, "c");
  EXPECT_EQ(rows[0].views, 3);
  EXPECT_EQ(rows[1].product_id, "a");
  EXPECT_EQ(view.provisional_totals(kMinute).views, 5);
  EXPECT_EQ(view.provisional_totals(kMinute).purchases, 1);
  EXPECT_EQ(view.provisional_totals(kMinute).products, 4);
  view.drop_overlay();
  EXPECT_EQ(view.provisional(kMinute, 1)[0].views, 2);
}

TEST(ProductInterest, StartsWithItsFirstWindow) {
  ProductInterest::Options options;
  options.shape = {3 * kMinute, kMinute};
  options.first_window = 10 * kMinute - 30 * kMicrosPerSecond;  // the next one begins at 10
  ProductInterest view(options);
  feed(view, std::vector<Row>{{.time = 9 * kMinute}, {.time = 10 * kMinute}, {.time = 12 * kMinute}});  // preloaded
  EXPECT_EQ(view.overlay_late(), 0);
  EXPECT_EQ(view.commit(options.first_window).size(), 0u);
  feed(view, std::vector<Row>{{.time = 9 * kMinute}});
  EXPECT_EQ(view.overlay_late(), 0);  // no window of this view was missed
  EXPECT_EQ(text(view.commit(13 * kMinute)), "p [10,13) 2v 0c 0p 0.0000-0.0000 1u\n");
}

TEST(ProductInterest, ForgetsProductsThatAreGone) {
  ProductInterest view = view_of({2 * kMinute, kMinute});
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
    for (const auto& r : view.commit(minute * kMinute))
      if (r.product_id == "always") all += fmt::format("{} ", r.views);
    most = std::max(most, view.products());
    ASSERT_TRUE(ProductInterest::load(saved(view)));  // no product twice in a pane
  }
  EXPECT_LT(most, 6'000u);  // of 30,001
  EXPECT_EQ(view.panes(), 2u);
  std::string expected = "1 3 ";  // windows [-2,0) and [-1,1)
  for (int i = 0; i < 58; ++i) expected += "4 ";
  EXPECT_EQ(all, expected);
}

TEST(ProductInterest, RefusesBytesThatItCannotHaveWritten) {
  Random random(13);
  ProductInterest view = view_of({});
  for (int i = 0; i < 3; ++i) feed(view, random_rows(random, 0, 10 * kMinute, 5));
  view.commit(-5 * kMinute);
  const std::string good = saved(view);
  ASSERT_TRUE(ProductInterest::load(good));
  for (size_t cut = 0; cut < good.size(); ++cut)
    ASSERT_FALSE(ProductInterest::load(std::string_view(good).substr(0, cut)));
  EXPECT_FALSE(ProductInterest::load(good + '\0'));
  for (size_t i = 0; i < good.size() * 8; ++i) {  // a flipped bit is refused, or means something else
    std::string bad = good;
    bad[i / 8] = char(bad[i / 8] ^ (1 << (i % 8)));
    if (auto other = ProductInterest::load(bad)) {
      ASSERT_NE(saved(*other), good);
    }
  }
  EXPECT_EQ(ProductInterest::load("").error().code, ErrorCode::unsupported);
}

TEST(ProductInterest, NamesItsDeclaration) {
  ProductInterest::Options euro;
  euro.shop_currency = "EUR";
  EXPECT_EQ(view_of({}).fingerprint(), view_of({}).fingerprint());
  EXPECT_NE(view_of({}).fingerprint(), view_of({10 * kMinute, 2 * kMinute}).fingerprint());
  EXPECT_NE(view_of({}).fingerprint(), ProductInterest(euro).fingerprint());
}

TEST(InterestColumns, AreThoseOfTheContract) {
  InterestRow r;
  r.product_id = "p";
  r.window_start = -1;
  r.window_end = 10 * kMinute - 1;
  r.views = 4;
  r.purchases = 1;
  r.revenue = WideMoney(1) << 80;
  r.revenue_other = {{"CHF", -3'0000}, {"EUR", 8'5000}};
  r.viewers = 600;
  r.viewers_approx = true;
  InterestRow unseen;
  unseen.product_id = "q";
  unseen.purchases = 2;
  const ColumnBatch batch = interest_columns(std::vector{r, unseen}, InterestBasis::stream, 7);
  const ColumnView v = ColumnView::of(batch);
  std::string names;
  for (int64_t i = 0; i < v.children(); ++i) names += fmt::format("{}:{} ", v.child(i).name(), v.child(i).format());
  EXPECT_EQ(
      names,
      "product_id:u window_start:tsu:UTC window_end:tsu:UTC views:l carts:l purchases:l revenue:d:38,4 refunds:d:38,4 "
      "revenue_other:+m viewers:l viewers_approx:b conversion_rate:g conversion_low:g conversion_high:g basis:u "
      "batch_id:l ");
  EXPECT_EQ(v.child("revenue").decimal_at(0), WideMoney(1) << 80);
  EXPECT_EQ(v.child("conversion_rate").double_at(0), 0.25);
  EXPECT_TRUE(v.child("conversion_low").is_null(1));
  EXPECT_TRUE(v.child("viewers_approx").bool_at(0));
  EXPECT_EQ(v.child("revenue_other").range_at(0), (std::pair<int64_t, int64_t>{0, 2}));
  EXPECT_EQ(v.child("revenue_other").range_at(1), (std::pair<int64_t, int64_t>{2, 2}));
  EXPECT_FALSE(v.child("revenue_other").is_null(1));
  EXPECT_EQ(v.child("revenue_other").entries().child("key").text_at(1), "EUR");
  EXPECT_EQ(v.child("basis").text_at(0), "stream");
  EXPECT_EQ(v.child("batch_id").int_at(1), 7);
  EXPECT_EQ(window_date(r), -1);
  EXPECT_EQ(window_date(unseen), 0);
}

}  // namespace
}  // namespace pactolus
