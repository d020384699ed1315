// Money: decimals with four places, parsed from text and never through a double.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pactolus {

inline constexpr int kMoneyScale = 4;
inline constexpr int64_t kMoneyOne = 10'000;
using Money = int64_t;       // decimal(18,4): ten-thousandths of the major unit
using WideMoney = __int128;  // decimal(38,4): sums

enum class DecimalError : uint8_t { none, not_a_number, too_many_decimals, too_large };

// A JSON-style number, "12.50", "-3", "1e2", "0.00010": exact, or an error. More than four significant decimals or
// more than fourteen integer digits is an error; trailing zeros are not significant. No spaces, no "+", no "NaN".
DecimalError parse_money(std::string_view text, Money& out) noexcept;

std::string money_text(WideMoney value);  // always four decimals: "59442.6300"

}  // namespace pactolus
