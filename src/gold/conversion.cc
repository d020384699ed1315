#include "gold/conversion.h"

#include <algorithm>
#include <cmath>

namespace pactolus {

Interval wilson_interval(int64_t successes, int64_t trials, double z) noexcept {
  if (trials <= 0) return {};
  const double n = double(trials), p = double(successes) / n, z2 = z * z;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  // At the edges the bounds are exactly 0 and 1; the square root alone would miss them by a rounding error.
  return {successes <= 0 ? 0.0 : std::max(0.0, centre - half),
          successes >= trials ? 1.0 : std::min(1.0, centre + half)};
}

std::optional<Conversion> conversion_of(int64_t views, int64_t purchases) noexcept {
  if (views <= 0) return std::nullopt;
  return Conversion{double(purchases) / double(views), wilson_interval(purchases, std::max(views, purchases))};
}

bool low_conversion_mark(ViewsAndPurchases product, ViewsAndPurchases window) noexcept {
  const int64_t other_views = window.views - product.views;
  if (product.views < kLowConversionMinViews || other_views <= 0) return false;
  const double others = double(window.purchases - product.purchases) / double(other_views);
  return wilson_interval(product.purchases, std::max(product.views, product.purchases), kZ999).high < others;
}

}  // namespace pactolus
