#include "base/decimal.h"

#include <algorithm>

namespace pactolus {
namespace {
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

DecimalError parse_money(std::string_view text, Money& out) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p < end && *p == '-';
  p += negative;
  // Digits are collected without the point; `scale` counts those behind it. Up to 18 significant digits fit.
  uint64_t digits = 0;
  int count = 0, scale = 0, dropped_zeros = 0;
  bool any = false, point = false;
  for (; p < end; ++p) {
    if (is_digit(*p)) {
      any = true;
      if (*p == '0' && count > 0) {
        ++dropped_zeros;  // zeros are held back: at the end they carry no digit, only a place
      } else if (*p != '0' || count > 0) {
        for (; dropped_zeros > 0; --dropped_zeros, ++count) {
          if (count >= 18) return DecimalError::too_large;
          digits *= 10;
        }
        if (count >= 18) return point ? DecimalError::too_many_decimals : DecimalError::too_large;
        digits = digits * 10 + uint64_t(*p - '0');
        ++count;
      }
      scale += point;
    } else if (*p == '.' && !point && any) {
      point = true;
      if (p + 1 == end || !is_digit(p[1])) return DecimalError::not_a_number;
    } else {
      break;
    }
  }
  if (!any) return DecimalError::not_a_number;
  int exponent = 0;
  if (p < end) {
    if (*p != 'e' && *p != 'E') return DecimalError::not_a_number;
    ++p;
    const bool down = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end) return DecimalError::not_a_number;
    for (; p < end && is_digit(*p); ++p) exponent = std::min(exponent * 10 + (*p - '0'), 100'000);
    if (p != end) return DecimalError::not_a_number;
    if (down) exponent = -exponent;
  }
  if (digits == 0) {
    out = 0;
    return DecimalError::none;
  }
  // value = digits * 10^power ten-thousandths
  const int power = exponent - scale + dropped_zeros + kMoneyScale;
  if (power < 0) return DecimalError::too_many_decimals;
  if (count + power > 18) return DecimalError::too_large;
  for (int i = 0; i < power; ++i) digits *= 10;
  out = negative ? -int64_t(digits) : int64_t(digits);
  return DecimalError::none;
}

std::string money_text(WideMoney value) {
  const bool negative = value < 0;
  unsigned __int128 rest = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string out;
  for (int place = 0; place <= kMoneyScale || rest != 0; ++place) {
    if (place == kMoneyScale) out.push_back('.');
    out.push_back(char('0' + int(rest % 10)));
    rest /= 10;
  }
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace pactolus
