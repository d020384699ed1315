#include "gold/alert_condition.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/closest_word.h"

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 9> kColumns = {"views",           "carts",          "purchases",
                                                      "viewers",         "revenue",        "refunds",
                                                      "conversion_rate", "conversion_low", "conversion_high"};
constexpr std::array<std::string_view, 5> kCompares = {">", ">=", "<", "<=", "="};
constexpr std::string_view kBlanks = " \t\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

template <class T>
bool holds(int compare, const T& left, const T& right) {
  switch (compare) {
    case 0: return left > right;
    case 1: return left >= right;
    case 2: return left < right;
    case 3: return left <= right;
    default: return left == right;
  }
}

}  // namespace

AlertCondition::AlertCondition() {
  auto rule = parse("views > 100 and purchases < 5");
  PACTOLUS_CHECK(rule.has_value(), "the built-in rule is one");
  *this = std::move(*rule);
}

Result<AlertCondition::Part> AlertCondition::parse_part(std::string_view text) {
  const auto expected = [](std::string what) { return fail(ErrorCode::invalid, "expected " + std::move(what)); };
  const size_t begin = text.find_first_of("<>=");
  if (begin == std::string_view::npos)
    return expected(fmt::format("a comparison such as \"views > 100\", got \"{}\"", text));
  const size_t end = std::min(text.find_first_not_of("<>=", begin), text.size());
  const std::string column = lower(trimmed(text.substr(0, begin)));
  const std::string_view compare = text.substr(begin, end - begin), number = trimmed(text.substr(end));
  const auto c = std::ranges::find(kColumns, column);
  if (c == kColumns.end())
    return expected(
        fmt::format("a column ({}), got \"{}\"{}", fmt::join(kColumns, ", "), column, did_you_mean(column, kColumns)));
  const auto o = std::ranges::find(kCompares, compare);
  if (o == kCompares.end())
    return expected(fmt::format("one of {} behind \"{}\", got \"{}\"", fmt::join(kCompares, " "), column, compare));
  Part part{Column(c - kColumns.begin()), Compare(o - kCompares.begin()), std::string(number)};
  bool good = false;
  if (is_rate(part.column)) {
    const auto [rest, error] =
        std::from_chars(number.data(), number.data() + number.size(), part.real, std::chars_format::fixed);
    good = error == std::errc() && rest == number.data() + number.size() && part.real >= 0 && part.real <= 1e9;
  } else {
    good = parse_money(number, part.exact) == DecimalError::none && part.exact >= 0;
  }
  if (!good)
    return expected(fmt::format("a number behind \"{} {}\"{}, got \"{}\"", column, compare,
                                is_rate(part.column) ? "" : " with at most four decimals", number));
  return part;
}

Result<AlertCondition> AlertCondition::parse(std::string_view text) {
  AlertCondition out{std::vector<Part>()};
  std::string_view rest = text;
  while (true) {
    // The next "and" that stands as a word.
    const std::string small = lower(rest);
    size_t at = 0;
    do at = small.find("and", at);
    while (at != std::string::npos &&
           (at == 0 || kBlanks.find(small[at - 1]) == std::string_view::npos || at + 3 >= small.size() ||
            kBlanks.find(small[at + 3]) == std::string_view::npos) &&
           ++at);
    out.parts_.push_back(TRY(parse_part(trimmed(rest.substr(0, at)))));
    if (at == std::string::npos) return out;
    rest.remove_prefix(at + 3);
  }
}

bool AlertCondition::met(const InterestRow& row) const {
  const auto conversion = conversion_of(row.views, row.purchases);
  return std::ranges::all_of(parts_, [&](const Part& part) {
    if (is_rate(part.column)) {
      if (!conversion) return false;
      const double value = part.column == Column::conversion_rate  ? conversion->rate
                           : part.column == Column::conversion_low ? conversion->interval.low
                                                                   : conversion->interval.high;
      return holds(int(part.compare), value, part.real);
    }
    WideMoney value = 0;
    switch (part.column) {
      case Column::views: value = WideMoney(row.views) * kMoneyOne; break;
      case Column::carts: value = WideMoney(row.carts) * kMoneyOne; break;
      case Column::purchases: value = WideMoney(row.purchases) * kMoneyOne; break;
      case Column::viewers: value = WideMoney(row.viewers) * kMoneyOne; break;
      case Column::revenue: value = row.revenue; break;
      default: value = row.refunds;
    }
    return holds(int(part.compare), value, WideMoney(part.exact));
  });
}

std::string AlertCondition::to_text() const {
  std::vector<std::string> out;
  for (const Part& p : parts_)
    out.push_back(fmt::format("{} {} {}", kColumns[size_t(p.column)], kCompares[size_t(p.compare)], p.number));
  return fmt::format("{}", fmt::join(out, " and "));
}

std::string AlertCondition::to_sql() const {
  std::vector<std::string> out;
  for (const Part& p : parts_)
    out.push_back(fmt::format("coalesce({} {} CAST('{}' AS {}), false)", kColumns[size_t(p.column)],
                              kCompares[size_t(p.compare)], p.number, is_rate(p.column) ? "DOUBLE" : "DECIMAL(38,4)"));
  return fmt::format("{}", fmt::join(out, " AND "));
}

}  // namespace pactolus
