#include "gold/alert_rule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace pactolus {
namespace {

constexpr int64_t kMinute = kMicrosPerMinute;

InterestRow row_of(int64_t window, std::string product, int64_t views, int64_t purchases) {
  InterestRow r;
  r.product_id = std::move(product);
  r.window_start = window * kMinute;
  r.window_end = (window + 10) * kMinute;
  r.views = views;
  r.purchases = purchases;
  return r;
}

// "open p1@3 101/4": state, product, window in minutes, views/purchases.
std::string told(const std::vector<AlertTransition>& transitions) {
  std::string out;
  for (const auto& t : transitions)
    out += fmt::format("{}{} {}@{} {}/{}", out.empty() ? "" : ", ", name_of(t.state), t.product_id,
                       t.window_start / kMinute, t.views, t.purchases);
  return out;
}
int64_t end_of(int64_t window) { return (window + 10) * kMinute; }

std::string judge(AlertRule& rule, const std::vector<InterestRow>& rows, int64_t last_final_window) {
  return told(rule.judge(rows, end_of(last_final_window)));
}

TEST(AlertRule, OpensAboveAHundredViewsAndBelowFivePurchases) {
  for (const auto& [views, purchases, expected] :
       {std::tuple{101, 4, "open p@0 101/4"}, {100, 4, ""}, {101, 5, ""}, {100'000, 0, "open p@0 100000/0"}}) {
    AlertRule rule({});
    EXPECT_EQ(judge(rule, {row_of(0, "p", views, purchases)}, 0), expected);
  }
}

TEST(AlertRule, OpensOnceWhileItStaysTrue) {
  AlertRule rule({});
  EXPECT_EQ(judge(rule, {row_of(0, "p", 101, 1)}, 0), "open p@0 101/1");
  EXPECT_EQ(judge(rule, {row_of(1, "p", 101, 1)}, 1), "");
  EXPECT_EQ(judge(rule, {row_of(2, "p", 150, 1), row_of(3, "p", 150, 2)}, 3), "update p@2 150/1, update p@3 150/2");
  EXPECT_EQ(judge(rule, {row_of(4, "p", 150, 5)}, 4), "resolved p@4 150/5");
  EXPECT_EQ(judge(rule, {row_of(5, "p", 150, 4)}, 5), "open p@5 150/4");
}

TEST(AlertRule, ResolvesWithoutARow) {
  AlertRule rule({});
  judge(rule, {row_of(0, "p", 200, 0), row_of(0, "q", 200, 0)}, 0);
  EXPECT_EQ(judge(rule, {row_of(1, "q", 200, 0)}, 1), "resolved p@1 0/0");
  EXPECT_EQ(judge(rule, {}, 1), "");
  EXPECT_EQ(judge(rule, {}, 2), "resolved q@2 0/0");
  EXPECT_EQ(rule.open_alerts(), 0u);
}

TEST(AlertRule, ResolvesAcrossALeap) {
  AlertRule rule({});
  judge(rule, {row_of(0, "p", 200, 0)}, 0);
  EXPECT_EQ(judge(rule, {row_of(5'000'000, "p", 300, 0)}, 5'000'000), "resolved p@1 0/0, open p@5000000 300/0");
}

TEST(AlertRule, NamesAnAlertByTheWindowThatOpenedIt) {
  AlertRule rule({});
  judge(rule, {row_of(3, "p", 200, 0)}, 3);
  const auto later = rule.judge(std::vector{row_of(4, "p", 201, 0)}, end_of(4));
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].opened_window, 3 * kMinute);
  EXPECT_EQ(later[0].window_end, end_of(4));
}

TEST(AlertRule, TellsTheSameWhetherWindowsComeOneByOneOrAtOnce) {
  Random random(5);
  std::vector<InterestRow> rows;
  std::vector<size_t> ends;
  for (int window = -20; window < 60; ++window) {
    for (const char* product : {"a", "b", "c"})
      if (random.below(4) > 0) rows.push_back(row_of(window, product, 99 + random.below(4), 3 + random.below(3)));
    ends.push_back(rows.size());
  }
  AlertRule at_once({}), one_by_one({});
  const auto expected = at_once.judge(rows, end_of(59));
  std::vector<AlertTransition> got;
  size_t begin = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const std::span<const InterestRow> window(rows.data() + begin, ends[i] - begin);
    for (auto& t : one_by_one.judge(window, end_of(int64_t(i) - 20))) got.push_back(std::move(t));
    begin = ends[i];
    one_by_one = AlertRule({});  // another process, which knows what was told
    one_by_one.restore(got, end_of(int64_t(i) - 20));
  }
  EXPECT_GT(got.size(), 50u);
  EXPECT_EQ(told(got), told(expected));
  EXPECT_EQ(got, expected);
}

TEST(AlertRule, GoesOnBehindWindowsThatToldNothing) {
  AlertRule rule({}), other({});
  const auto first = rule.judge(std::vector{row_of(0, "p", 200, 0)}, end_of(0));
  EXPECT_TRUE(rule.judge(std::vector{row_of(1, "p", 200, 0)}, end_of(1)).empty()) << "the same numbers";
  other.restore(first, end_of(1));
  EXPECT_EQ(other.open(), rule.open());
  EXPECT_EQ(judge(other, {}, 2), "resolved p@2 0/0");
}

}  // namespace
}  // namespace pactolus
