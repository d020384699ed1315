#include "gold/session_view.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "gold/view_test_rows.h"

namespace pactolus {
namespace {

using namespace gold_test;

GoldView::Options sessions_of(int64_t gap, std::initializer_list<std::string_view> measures,
                              std::vector<EventColumn> keys = {EventColumn::session}) {
  GoldView::Options options;
  options.view = {"test", std::move(keys), WindowShape::session_of(gap), {}};
  for (const std::string_view m : measures) options.view.measures.push_back(parse_measure(m).value());
  return options;
}
SessionView counted(int64_t gap = 10 * kMinute) { return SessionView(sessions_of(gap, {"count() as events"})); }

Row at(int64_t minute, std::string user = "u", EventKind kind = EventKind::view) {
  return {.kind = kind, .user = std::move(user), .time = minute * kMinute};
}
std::string closed(GoldView& view, std::vector<Row> rows, int64_t minute) {
  feed(view, rows);
  return text(view.commit(minute * kMinute));
}

TEST(SessionView, ASessionEndsAGapBehindItsLastEvent) {
  SessionView view = counted();
  EXPECT_EQ(closed(view, {at(0), at(9), at(18), at(30, "other")}, 27), "");
  EXPECT_EQ(closed(view, {}, 28), "user:u [0,28) 3 events\n");
  EXPECT_EQ(view.last_window_end(), 40 * kMinute);
  EXPECT_EQ(closed(view, {}, 40), "user:other [30,40) 1 events\n");
  EXPECT_EQ(view.last_window_end(), kNoTime);
}

TEST(SessionView, AnEventExactlyAGapLaterStillBelongsToIt) {
  SessionView view = counted();
  std::vector<Row> rows = {at(0), at(10), at(20), at(30)};
  rows.back().time += 1;
  EXPECT_EQ(closed(view, rows, 100), "user:u [0,30) 3 events\nuser:u [30,40) 1 events\n");
}

TEST(SessionView, AnEventInBetweenMakesOneOfTwo) {
  SessionView view = counted();
  EXPECT_EQ(closed(view, {at(0)}, 1), "");
  EXPECT_EQ(closed(view, {at(15)}, 2), "");
  EXPECT_EQ(view.sessions(), 2u);
  EXPECT_EQ(closed(view, {at(8)}, 3), "");
  EXPECT_EQ(view.sessions(), 1u);
  EXPECT_EQ(closed(view, {}, 25), "user:u [0,25) 3 events\n");
}

TEST(SessionView, LengtheningASessionReachesTheNextOne) {
  SessionView view = counted();
  // 9 lies inside of the first one's window; only behind it do the two overlap.
  EXPECT_EQ(closed(view, {at(0), at(15), at(9)}, 25), "user:u [0,25) 3 events\n");
}

TEST(SessionView, WhatIsLateIsSoByItsOwnWindow) {
  SessionView view = counted();
  EXPECT_EQ(closed(view, {at(20)}, 15), "");
  feed(view, std::vector{at(5), at(12, "late")});
  EXPECT_EQ(view.overlay_late(), 1);  // [5, 15) has ended; [12, 22) has not
  EXPECT_EQ(text(view.commit(30 * kMinute)), "user:late [12,22) 1 events\nuser:u [20,30) 1 events\n");
}

TEST(SessionView, AFinalSessionIsNotJoinedAgain) {
  SessionView view = counted();
  EXPECT_EQ(closed(view, {at(0)}, 10), "user:u [0,10) 1 events\n");
  EXPECT_EQ(closed(view, {at(5)}, 15), "user:u [5,15) 1 events\n");
}

TEST(SessionView, ASessionIsOfItsIdOrElseOfItsUser) {
  SessionView view(sessions_of(10 * kMinute, {"count() as events", "first(user_id) as user_id"}));
  std::vector<Row> rows = {at(2, "known"), at(0, "anonymous"), at(1, "known"), at(3, "known")};
  rows[0].session = rows[1].session = "s";
  EXPECT_EQ(closed(view, rows, 100), "s [0,12) 2 events anonymous user_id\nuser:known [1,13) 2 events known user_id\n");
}

TEST(SessionView, TheFirstIsTheFirstThatThereIs) {
  SessionView view(sessions_of(10 * kMinute, {"count() as events", "first(device_type) as device"}));
  std::vector<Row> rows = {at(3), at(2), at(1), at(2)};
  rows[0].device = "late", rows[1].device = "b", rows[3].device = "a";
  EXPECT_EQ(closed(view, rows, 100), "user:u [1,13) 4 events a device\n");
  EXPECT_EQ(closed(view, {at(200)}, 300), "user:u [200,210) 1 events\n");
}

TEST(SessionView, ACartIsAbandonedWhenNothingIsBought) {
  SessionView sessions(sessions_of(10 * kMinute, {"count(purchase) as purchases", "any(purchases) as converted",
                                                  "sum(price*quantity, add_to_cart, -remove_from_cart) as cart",
                                                  "unless(cart, purchases) as abandoned"}));
  constexpr auto add = EventKind::add_to_cart, remove = EventKind::remove_from_cart;
  EXPECT_EQ(closed(sessions,
                   {at(0, "a", add), at(1, "a", add), at(2, "a", remove), at(0, "b", add),
                    at(1, "b", EventKind::purchase), at(0, "c", remove), at(0, "d", EventKind::view_item_list)},
                   100),
            "user:a [0,12) 10.0000 cart 10.0000 abandoned\n"
            "user:b [0,11) 1 purchases converted 10.0000 cart\n"
            "user:c [0,10) -10.0000 cart\n");
}

TEST(SessionView, AViewThatJoinsMakesNoSessionThatBeganBefore) {
  GoldView::Options options = sessions_of(10 * kMinute, {"count() as events"});
  options.first_window = 20 * kMinute;
  SessionView view(options);
  feed(view, std::vector{at(12), at(21), at(12, "gone"), at(25, "new")});
  EXPECT_EQ(text(view.commit(20 * kMinute)), "");
  EXPECT_EQ(closed(view, {at(28)}, 100), "user:new [25,35) 1 events\n");
}

TEST(SessionView, MemoryFollowsWhatIsOpen) {
  SessionView view = counted(kMinute);
  size_t bytes = 0;
  for (int64_t minute = 0; minute < 200; ++minute) {
    std::vector<Row> rows;
    for (int user = 0; user < 500; ++user) {
      rows.push_back(at(minute, fmt::format("user {} of minute {}", user, minute)));
      rows.back().product = fmt::format("p{}", user);
    }
    closed(view, rows, minute);
    if (minute == 20) bytes = view.bytes();
  }
  EXPECT_EQ(view.sessions(), 500u);
  EXPECT_LT(view.keys(), 5'000u);
  EXPECT_LT(view.bytes(), 2 * bytes);
}

TEST(SessionView, SavedBytesThatItCannotHaveWrittenAreRefused) {
  SessionView view(sessions_of(10 * kMinute, {"count() as events", "distinct(product_id) as products",
                                              "first(user_id) as user", "other_currencies(price, view) as other"}));
  std::vector<Row> rows = {at(0), at(50), at(1, "v")};
  rows[1].currency = "EUR";
  feed(view, rows);
  (void)view.commit(5 * kMinute);
  const std::string bytes = saved(view);
  ASSERT_TRUE(SessionView::load(view.options(), bytes));
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(SessionView::load(view.options(), bytes.substr(0, cut)));
  EXPECT_FALSE(SessionView::load(view.options(), bytes + "x"));
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = char(changed[i] ^ 1);
    if (auto again = SessionView::load(view.options(), changed))
      EXPECT_EQ(saved(*again), changed) << i;  // another state, but a state
    else
      ++refused;
  }
  EXPECT_GT(refused, 100);
  const auto other = SessionView::load(sessions_of(10 * kMinute, {"count() as events"}), bytes);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::unsupported);
}

// The same meaning with every event of every session kept, one event after the other.
class NaiveSessions {
 public:
  explicit NaiveSessions(int64_t gap) : gap_(gap) {}
  void apply(const std::vector<Row>& rows) { open_.insert(open_.end(), rows.begin(), rows.end()); }
  int64_t late() const {
    return std::ranges::count_if(open_, [&](const Row& r) { return is_late(r); });
  }
  std::string commit(int64_t watermark) {
    for (const Row& r : open_) {
      if (is_late(r)) continue;
      auto& mine = sessions_[r.session.empty() ? "user:" + r.user : r.session];
      std::vector<Row> joined = {r};
      std::erase_if(mine, [&](const std::vector<Row>& other) {
        const auto [first, last] = ends(other);
        if (r.time > last + gap_ || first > r.time + gap_) return false;
        joined.insert(joined.end(), other.begin(), other.end());
        return true;
      });
      mine.push_back(joined);
    }
    open_.clear();
    watermark_ = watermark;
    std::map<std::pair<int64_t, std::string>, std::string> rows;
    for (auto& [key, mine] : sessions_)
      std::erase_if(mine, [&](const std::vector<Row>& session) {
        const auto [first, last] = ends(session);
        if (last + gap_ > watermark_) return false;
        rows[{first, key}] = row_text(key, session);
        return true;
      });
    std::string out;
    for (const auto& [place, row] : rows) out += row;
    return out;
  }

 private:
  bool is_late(const Row& r) const { return watermark_ != kNoTime && r.time + gap_ <= watermark_; }
  static std::pair<int64_t, int64_t> ends(const std::vector<Row>& session) {
    const auto [first, last] = std::ranges::minmax(session, {}, &Row::time);
    return {first.time, last.time};
  }
  std::string row_text(const std::string& key, const std::vector<Row>& session) const {
    int64_t purchases = 0;
    WideMoney cart = 0, paid = 0;
    std::map<std::string, WideMoney> other;
    std::set<std::string> products;
    std::map<std::pair<int64_t, std::string>, int> devices;
    for (const Row& r : session) {
      const bool foreign = !r.currency.empty() && r.currency != "USD";
      if (!r.product.empty()) products.insert(r.product);
      if (!r.device.empty()) devices[{r.time, r.device}];
      if (r.kind == EventKind::add_to_cart && !foreign) cart += WideMoney(r.price) * r.quantity;
      if (r.kind == EventKind::remove_from_cart && !foreign) cart -= WideMoney(r.price) * r.quantity;
      if (r.kind != EventKind::purchase) continue;
      ++purchases;
      (foreign ? other[r.currency] : paid) += r.price;
    }
    const auto [first, last] = ends(session);
    std::string out =
        fmt::format("{} [{},{}) {} events", key, first / kMinute, (last + gap_) / kMinute, session.size());
    if (purchases > 0) out += fmt::format(" {} purchases converted", purchases);
    if (cart != 0) out += " " + money_text(cart) + " cart";
    if (purchases == 0 && cart > 0) out += " " + money_text(cart) + " abandoned";
    if (paid != 0) out += " " + money_text(paid) + " paid";
    for (const auto& [currency, amount] : other) out += " " + currency + "=" + money_text(amount);
    if (!products.empty()) out += fmt::format(" {} products", products.size());
    if (!devices.empty()) out += " " + devices.begin()->first.second + " device";
    return out + "\n";
  }

  int64_t gap_;
  int64_t watermark_ = kNoTime;
  std::vector<Row> open_;
  std::map<std::string, std::vector<std::vector<Row>>> sessions_;
};

class AgainstNaiveSessions : public testing::TestWithParam<uint64_t> {};

TEST_P(AgainstNaiveSessions, GivesTheSameRows) {
  const int64_t gap = 10 * kMinute;
  SessionView view(sessions_of(
      gap, {"count() as events", "count(purchase) as purchases", "any(purchases) as converted",
            "sum(price*quantity, add_to_cart, -remove_from_cart) as cart", "unless(cart, purchases) as abandoned",
            "sum(price, purchase) as paid", "other_currencies(price, purchase) as other",
            "distinct(product_id) as products", "first(device_type) as device"}));
  NaiveSessions naive(gap);
  Random random(GetParam());
  int64_t now = -100 * gap, watermark = kNoTime, late = 0, final_rows = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<Row> first = random_rows(random, now, 3 * gap, 12), second = random_rows(random, now, gap, 12);
    if (random.below(3) == 0) {  // a batch that is given up and done again
      feed(view, second);
      feed(view, first);
      view.drop_overlay();
    }
    feed(view, first);
    feed(view, second);
    naive.apply(first);
    naive.apply(second);
    ASSERT_EQ(view.overlay_late(), naive.late());
    late += naive.late();
    if (random.below(6) > 0) {
      now += int64_t(random.next() % uint64_t(2 * gap));
      watermark = std::max(watermark, now - gap);
    }
    const ViewRows rows = view.commit(watermark);
    final_rows += int64_t(rows.size());
    ASSERT_EQ(text(rows), naive.commit(watermark)) << "round " << round;
    if (random.below(4) == 0) {
      auto again = SessionView::load(view.options(), saved(view));
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(saved(*again), saved(view));
      view = std::move(*again);
    }
  }
  EXPECT_GT(late, 100);
  EXPECT_GT(final_rows, 1000);
  EXPECT_EQ(text(view.commit(now + 100 * gap)), naive.commit(now + 100 * gap));
  EXPECT_EQ(view.sessions(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstNaiveSessions, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace pactolus
