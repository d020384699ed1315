#include "gold/hyperloglog.h"

#include <array>
#include <cmath>
#include <numbers>

namespace pactolus::hyperloglog {
namespace {

// σ(x) = x + Σ_{k≥1} x^(2^k) 2^(k-1), for the registers that are still zero.
double sigma(double x) noexcept {
  if (x == 1) return INFINITY;
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

// τ(x) = (1 - x - Σ_{k≥1} (1 - x^(2^-k))² 2^-k) / 3, for the registers that are full.
double tau(double x) noexcept {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

double estimate(RegistersView registers) noexcept {
  constexpr double m = double(kRegisters);
  std::array<uint32_t, kMaxRank + 1> count{};
  for (const uint8_t r : registers) ++count[r];
  double z = m * tau(1 - count[kMaxRank] / m);
  for (int k = kMaxRank - 1; k >= 1; --k) z = 0.5 * (z + count[size_t(k)]);
  z += m * sigma(count[0] / m);
  return m * m / (2 * std::numbers::ln2 * z);
}

}  // namespace pactolus::hyperloglog
