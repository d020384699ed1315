// Conversion rates and how sure one can be of them.
#pragma once

#include <cstdint>
#include <optional>

namespace pactolus {

inline constexpr double kZ95 = 1.959963984540054;   // two-sided 95 % of the normal distribution
inline constexpr double kZ999 = 3.290526731491926;  // two-sided 99.9 %

struct Interval {
  double low = 0, high = 1;
};

// Wilson's score interval for `successes` out of `trials`; 0 <= successes <= trials. No trials: [0, 1], nothing is
// known.
//   centre = (p + z²/2n) / (1 + z²/n),   half = z / (1 + z²/n) · sqrt(p(1-p)/n + z²/4n²)
// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927),
// 209-212; it is method 3 of R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872.
Interval wilson_interval(int64_t successes, int64_t trials, double z = kZ95) noexcept;

struct Conversion {
  double rate = 0;    // purchases / views
  Interval interval;  // 95 %
};

// Empty without views. More purchases than views can meet in one window (the view came before it): the rate is then
// above 1 as counted, and the interval is that of `purchases` out of max(views, purchases), whose upper end is 1.
std::optional<Conversion> conversion_of(int64_t views, int64_t purchases) noexcept;

struct ViewsAndPurchases {
  int64_t views = 0;
  int64_t purchases = 0;
};

// A plain mark for a table that is still moving: with at least 100 views, even the upper end of the product's 99.9 %
// interval is below the pooled conversion of all other products in the same window. `window` is the sum over all
// products, this one included. It is one look at one window, not a test that stays valid over many looks.
inline constexpr int64_t kLowConversionMinViews = 100;
bool low_conversion_mark(ViewsAndPurchases product, ViewsAndPurchases window) noexcept;

}  // namespace pactolus
