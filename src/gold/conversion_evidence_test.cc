#include "gold/conversion_evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace pactolus {
namespace {

using Counts = ViewsAndPurchases;

double binomial(int n, int k, double p) {
  return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) * std::pow(p, k) *
         std::pow(1 - p, n - k);
}

// Over all outcomes of a look with na and nb events.
double expected_factor(int na, int nb, double theta_a, double theta_b, Counts past_a, Counts past_b) {
  double sum = 0;
  for (int a = 0; a <= na; ++a)
    for (int b = 0; b <= nb; ++b)
      sum += binomial(na, a, theta_a) * binomial(nb, b, theta_b) *
             std::exp(evidence_of_look({na - a, a}, {nb - b, b}, past_a, past_b));
  return sum;
}

TEST(ConversionEvidence, IsWhatThePaperSays) {
  // θ̂b = 10/100, θ̂a = (1 + 20 · 0.5 · 0.1) / (40 + 20), both to hand; 5 and 10 events with 0 and 2 purchases.
  const double b = 0.1, a = 2.0 / 60, mixed = (5 * a + 10 * b) / 15;
  const double by_hand =
      std::pow((1 - a) / (1 - mixed), 5) * std::pow(b / mixed, 2) * std::pow((1 - b) / (1 - mixed), 8);
  EXPECT_NEAR(evidence_of_look({5, 0}, {8, 2}, {39, 1}, {90, 10}), std::log(by_hand), 1e-12);
  EXPECT_EQ(evidence_of_look({0, 0}, {8, 2}, {39, 1}, {90, 10}), 0) << "nothing of the product was seen";
  EXPECT_EQ(evidence_of_look({5, 0}, {8, 2}, {39, 1}, {0, 0}), 0) << "nothing to compare with";
  EXPECT_EQ(evidence_of_look({5, 0}, {8, 2}, {10, 30}, {90, 10}), 0) << "it does better than the others";
}

TEST(ConversionEvidence, NoLookIsWorthMoreThanOneWhenNothingIsWrong) {
  for (const auto& [past_a, past_b] :
       {std::pair<Counts, Counts>({0, 0}, {95, 5}), {{39, 1}, {90, 10}}, {{500, 1}, {700, 300}}})
    for (const auto& [na, nb] : {std::pair(1, 0), {1, 1}, {3, 2}, {2, 9}, {7, 7}})
      for (const double theta : {0.001, 0.03, 0.1, 0.5, 0.9}) {
        EXPECT_LE(expected_factor(na, nb, theta, theta, past_a, past_b), 1 + 1e-9);
        EXPECT_LE(expected_factor(na, nb, std::min(0.999, theta * 1.5), theta, past_a, past_b), 1 + 1e-9);
      }
  EXPECT_GT(expected_factor(7, 7, 0.01, 0.1, {100, 1}, {900, 100}), 1.01) << "it can grow when something is";
}

// A category of 20 products that all convert alike, looked at every second for as long as it takes.
struct Shop {
  explicit Shop(uint64_t seed, double rate) : random(seed), theta(rate / (1 + rate)) {}
  // About `events` of them; the names are kept.
  std::vector<ConversionEvidence::Seen> second(int events, double worse_by = 1) {
    std::vector<Counts> counts(20);
    for (int i = 0; i < events; ++i) {
      const size_t p = random.below(20);
      const double of_it = p == 0 ? theta * worse_by : theta;
      random.unit() < of_it ? ++counts[p].purchases : ++counts[p].views;
    }
    std::vector<ConversionEvidence::Seen> out;
    for (size_t p = 0; p < 20; ++p)
      if (counts[p].views + counts[p].purchases > 0) out.push_back({names[p], "c", counts[p]});
    return out;
  }
  Random random;
  double theta;
  std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int i = 0; i < 20; ++i) all.push_back("p" + std::to_string(i));
    return all;
  }();
};

// What a test with a fixed number of events would say at this look: z below the quantile of 5 %, one side.
bool plain_test_says_low(Counts a, Counts b) {
  const double na = double(a.views + a.purchases), nb = double(b.views + b.purchases);
  if (na < 30 || nb < 30) return false;
  const double pooled = double(a.purchases + b.purchases) / (na + nb);
  const double z =
      (double(a.purchases) / na - double(b.purchases) / nb) / std::sqrt(pooled * (1 - pooled) * (1 / na + 1 / nb));
  return z < -1.6449;
}

TEST(ConversionEvidence, LookingEverySecondDoesNotRaiseTheFalseAlarms) {
  constexpr int kShops = 500, kSeconds = 1800;  // 10,000 products, half an hour each
  int alarms_5 = 0, alarms_01 = 0, plain = 0;
  for (int shop = 0; shop < kShops; ++shop) {
    Shop of(uint64_t(shop) + 1, 0.1);
    ConversionEvidence evidence({});
    std::vector<bool> told(20), told_01(20), plain_told(20);
    std::vector<Counts> all(20);
    Counts category;
    for (int s = 0; s < kSeconds; ++s) {
      const auto seen = of.second(12);
      for (const auto& f : evidence.look(seen, s * kMicrosPerSecond, 0.05)) {
        told[size_t(std::stoi(f.product.substr(1)))] = true;
        if (f.ln_evidence >= std::log(1000)) told_01[size_t(std::stoi(f.product.substr(1)))] = true;
      }
      for (const auto& p : seen) {
        Counts& mine = all[size_t(std::stoi(std::string(p.product.substr(1))))];
        mine.views += p.events.views, mine.purchases += p.events.purchases;
        category.views += p.events.views, category.purchases += p.events.purchases;
      }
      for (size_t p = 0; p < 20; ++p)
        if (plain_test_says_low(all[p], {category.views - all[p].views, category.purchases - all[p].purchases}))
          plain_told[p] = true;
    }
    alarms_5 += int(std::ranges::count(told, true));
    alarms_01 += int(std::ranges::count(told_01, true));
    plain += int(std::ranges::count(plain_told, true));
  }
  std::printf("of 10,000 products without an effect: %d alarms at 5 %%, %d at 0.1 %%; a plain test at 5 %%: %d\n",
              alarms_5, alarms_01, plain);
  EXPECT_LE(alarms_5, 500);
  EXPECT_LE(alarms_01, 10);
  EXPECT_GT(alarms_5, 50) << "a test that never speaks keeps its promise too";
  EXPECT_GT(plain, 2000) << "what looking again and again does to a test that was not made for it";
}

TEST(ConversionEvidence, AProductThatSellsATenthIsFoundSoon) {
  int found = 0;
  int64_t seconds = 0;
  for (int shop = 0; shop < 100; ++shop) {
    Shop of(uint64_t(shop) + 1000, 0.1);
    ConversionEvidence evidence({});
    for (int s = 0; s < 3600; ++s) {
      const auto low = evidence.look(of.second(12, 0.1), s * kMicrosPerSecond, 0.001);
      if (std::ranges::find(low, "p0", &ConversionEvidence::Found::product) == low.end()) continue;
      ++found;
      seconds += s;
      break;
    }
  }
  EXPECT_EQ(found, 100);
  EXPECT_LT(seconds / found, 600) << "seconds of 0.6 events of the product each";
}

TEST(ConversionEvidence, ComesBackFromItsBytes) {
  Shop of(7, 0.1);
  ConversionEvidence straight({}), resumed({});
  for (int s = 0; s < 200; ++s) {
    const auto seen = of.second(30, 0.05);
    const int64_t time = kMicrosPerDay - 100 * kMicrosPerSecond + s * kMicrosPerSecond;  // into the next period
    const auto a = straight.look(seen, time, 0.2), b = resumed.look(seen, time, 0.2);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_TRUE(a[i].product == b[i].product && a[i].ln_evidence == b[i].ln_evidence);
    std::string bytes, again;
    resumed.save(bytes);
    auto loaded = ConversionEvidence::load({}, bytes);
    ASSERT_TRUE(loaded);
    resumed = std::move(*loaded);
    resumed.save(again);
    EXPECT_EQ(again, bytes);
    for (size_t cut = 0; s == 150 && cut < bytes.size(); ++cut)
      EXPECT_FALSE(ConversionEvidence::load({}, std::string_view(bytes).substr(0, cut)));
  }
  EXPECT_EQ(straight.period_start(), kMicrosPerDay);
  std::string bytes;
  straight.save(bytes);
  EXPECT_EQ(ConversionEvidence::load({.period_us = kMicrosPerHour}, bytes).error().code, ErrorCode::unsupported);
}

TEST(ConversionEvidence, CategoriesOfAProductAddUp) {
  ConversionEvidence one({}), split({});
  const std::vector<ConversionEvidence::Seen> in_one = {{"bad", "a", {40, 0}}, {"good", "a", {180, 20}}};
  const std::vector<ConversionEvidence::Seen> in_two = {
      {"bad", "a", {20, 0}}, {"bad", "b", {20, 0}}, {"good", "a", {90, 10}}, {"good", "b", {90, 10}}};
  double found_one = 0, found_split = 0;
  for (int look = 0; look < 12; ++look) {
    for (const auto& f : one.look(in_one, look, 0.5)) found_one = f.ln_evidence;
    for (const auto& f : split.look(in_two, look, 0.5)) {
      EXPECT_EQ(f.product, "bad");
      EXPECT_EQ(f.of_product.views, 40 * (look + 1));
      EXPECT_EQ(f.of_others.purchases, 20 * (look + 1));
      found_split = f.ln_evidence;
    }
  }
  EXPECT_GT(found_one, 10);
  EXPECT_NEAR(found_split, found_one, 1e-9) << "the same numbers in halves";
}

TEST(ConversionEvidence, APeriodBeginsWithNothing) {
  ConversionEvidence evidence({.period_us = kMicrosPerHour});
  const std::vector<ConversionEvidence::Seen> seen = {{"good", "c", {900, 100}}, {"bad", "c", {1000, 0}}};
  (void)evidence.look(seen, 0, 0.01);
  const auto low = evidence.look(seen, kMicrosPerHour - 1, 0.01);
  ASSERT_EQ(low.size(), 1u);
  EXPECT_EQ(low[0].product, "bad");
  EXPECT_EQ(low[0].of_product.views, 2000);
  EXPECT_EQ(low[0].of_others.purchases, 200);
  EXPECT_TRUE(evidence.look(seen, kMicrosPerHour, 0.01).empty());
  EXPECT_EQ(evidence.products(), 2u);
}

}  // namespace
}  // namespace pactolus
