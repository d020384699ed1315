#include "gold/low_conversion_rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace pactolus {
namespace {

ConversionEvidence::Found found(const char* product, double ln, const char* category = "c") {
  return {product, category, ln, {100, 1}, {500, 50}};
}
std::string told(const std::vector<EvidenceTransition>& transitions) {
  std::string out;
  for (const EvidenceTransition& t : transitions)
    out += std::string(out.empty() ? "" : ", ") + std::string(name_of(t.state)) + " " + t.product_id + "/" + t.category;
  return out;
}

TEST(LowConversionRule, OpensOnceAndTellsAgainWhenTheEvidenceIsAThousandTimesAsStrong) {
  LowConversionRule rule({});
  const std::vector<ConversionEvidence::Found> at_10{found("p", 10)}, later{found("p", 16.8)}, more{found("p", 17)};
  EXPECT_EQ(told(rule.judge(at_10, 0, 5)), "open p/c");
  EXPECT_EQ(told(rule.judge(at_10, 0, 6)), "");
  EXPECT_EQ(told(rule.judge(later, 0, 7)), "") << "e^6.8 is less than a thousand";
  EXPECT_EQ(told(rule.judge(more, 0, 8)), "update p/c");
  EXPECT_EQ(told(rule.judge({}, 0, 9)), "") << "evidence is never taken back within a period";
}

TEST(LowConversionRule, ResolvesWhenThePeriodIsOver) {
  LowConversionRule rule({.period_us = 100});
  const std::vector<ConversionEvidence::Found> both{found("b", 10), found("a", 12)};
  EXPECT_EQ(told(rule.judge(both, 0, 5)), "open a/c, open b/c");
  const auto next = rule.judge(std::vector{found("b", 11)}, 100, 130);
  EXPECT_EQ(told(next), "resolved a/c, resolved b/c, open b/c");
  EXPECT_EQ(next[0].until, 100);
  EXPECT_EQ(next[2].period_start, 100);
}

TEST(LowConversionRule, GoesOnBehindWhatWasTold) {
  LowConversionRule rule({.period_us = 100});
  std::vector<EvidenceTransition> all;
  const auto judge = [&](LowConversionRule& by, std::vector<ConversionEvidence::Found> f, int64_t period) {
    const auto out = by.judge(f, period, period + 7);
    all.insert(all.end(), out.begin(), out.end());
    return told(out);
  };
  judge(rule, {found("a", 10), found("a", 10, "d")}, 0);
  judge(rule, {found("a", 20)}, 0);
  LowConversionRule other({.period_us = 100});
  other.restore(all);
  EXPECT_EQ(judge(other, {found("a", 21), found("a", 10, "d")}, 0), "");
  EXPECT_EQ(judge(other, {}, 100), "resolved a/c, resolved a/d");
  other.restore(all);
  EXPECT_EQ(judge(other, {found("a", 10)}, 200), "open a/c");
}

TEST(LowConversionRule, CountsViewsAndPurchasesOfProductsInTheirCategories) {
  EventBatch b;
  const auto add = [&](const char* product, const char* category, EventKind kind) {
    b.fingerprint.push_back(b.rows());
    b.product_id.codes.push_back(product ? b.products.code(product) : -1);
    b.product_category.codes.push_back(category ? b.categories.code(category) : -1);
    b.event_type.push_back(uint8_t(kind));
  };
  add("z", "c", EventKind::view), add("a", "c", EventKind::view), add("a", "c", EventKind::purchase);
  add("a", "d", EventKind::view), add("a", nullptr, EventKind::view), add("a", "d", EventKind::view);
  add(nullptr, "c", EventKind::view), add("a", "c", EventKind::add_to_cart), add("left out", "c", EventKind::view);
  std::vector<uint32_t> rows(b.rows() - 1);
  std::iota(rows.begin(), rows.end(), 0u);
  std::string seen;
  for (const auto& s : conversion_seen(b, rows))
    seen += std::string(s.product) + "/" + std::string(s.category) + " " + std::to_string(s.events.views) + " " +
            std::to_string(s.events.purchases) + "\n";
  EXPECT_EQ(seen, "a/ 1 0\na/c 1 1\na/d 2 0\nz/c 1 0\n");
}

}  // namespace
}  // namespace pactolus
