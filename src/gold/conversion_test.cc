#include "gold/conversion.h"

#include <gtest/gtest.h>

namespace pactolus {
namespace {

// R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
TEST(Wilson, AgreesWithNewcombesTable) {
  const struct {
    int64_t successes, trials;
    double low, high;
  } published[] = {
      {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& p : published) {
    const Interval i = wilson_interval(p.successes, p.trials);
    EXPECT_NEAR(i.low, p.low, 0.00005) << p.successes << " of " << p.trials;
    EXPECT_NEAR(i.high, p.high, 0.00005) << p.successes << " of " << p.trials;
  }
}

TEST(Wilson, IsExactAtTheEdges) {
  EXPECT_EQ(wilson_interval(0, 7).low, 0);
  EXPECT_EQ(wilson_interval(7, 7).high, 1);
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

TEST(Wilson, IsSymmetric) {
  for (int64_t n = 1; n <= 50; ++n)
    for (int64_t k = 0; k <= n; ++k) EXPECT_NEAR(wilson_interval(k, n).low, 1 - wilson_interval(n - k, n).high, 1e-12);
}

TEST(Conversion, IsNothingWithoutViews) {
  EXPECT_FALSE(conversion_of(0, 0));
  EXPECT_FALSE(conversion_of(0, 3));
  EXPECT_EQ(conversion_of(4, 1)->rate, 0.25);
}

TEST(Conversion, MayExceedOneWhileItsIntervalDoesNot) {
  const auto c = conversion_of(2, 6);
  EXPECT_EQ(c->rate, 3);
  EXPECT_EQ(c->interval.low, wilson_interval(6, 6).low);
  EXPECT_EQ(c->interval.high, 1);
}

TEST(LowConversionMark, FindsThePlantedProduct) {
  // prod_0042 of the demo at 1 in 20,000 against a shop at 5 %.
  EXPECT_TRUE(low_conversion_mark({.views = 2'000, .purchases = 0}, {.views = 10'000, .purchases = 400}));
  EXPECT_FALSE(low_conversion_mark({.views = 2'000, .purchases = 90}, {.views = 10'000, .purchases = 490}));
}

TEST(LowConversionMark, NeedsAHundredViews) {
  EXPECT_FALSE(low_conversion_mark({.views = 99, .purchases = 0}, {.views = 1'099, .purchases = 500}));
  EXPECT_TRUE(low_conversion_mark({.views = 100, .purchases = 0}, {.views = 1'100, .purchases = 500}));
}

TEST(LowConversionMark, NeedsOthersToCompareWith) {
  EXPECT_FALSE(low_conversion_mark({.views = 500, .purchases = 0}, {.views = 500, .purchases = 0}));
  EXPECT_FALSE(low_conversion_mark({.views = 500, .purchases = 0}, {.views = 900, .purchases = 0}));
}

// The upper end of 0 of 100 at 99.9 % is z²/(100 + z²) = 0.0977.
TEST(LowConversionMark, TurnsAtTheUpperBound) {
  EXPECT_FALSE(low_conversion_mark({.views = 100, .purchases = 0}, {.views = 1'100, .purchases = 97}));
  EXPECT_TRUE(low_conversion_mark({.views = 100, .purchases = 0}, {.views = 1'100, .purchases = 98}));
}

}  // namespace
}  // namespace pactolus
