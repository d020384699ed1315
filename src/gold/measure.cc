#include "gold/measure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/closest_word.h"

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 13> kFunctions = {
    "count", "sum",  "other_currencies", "distinct", "sketch", "orders", "rate", "any", "unless", "first", "step",
    "then",  "maybe"};
constexpr std::array<std::string_view, 3> kAmounts = {"price*quantity", "price", "quantity"};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  if (trim(text).empty()) return out;
  for (;;) {
    const size_t comma = text.find(',');
    out.push_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

bool is_name(std::string_view text) {
  const auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, ok) && (text[0] < '0' || text[0] > '9');
}

// "expected a, b or c, got d; did you mean b?"
template <class Words>
std::unexpected<Error> expected_one_of(std::string_view what, const Words& words, std::string_view got) {
  std::string text = fmt::format("expected {} ({}), got {}", what, fmt::join(words, ", "),
                                 got.empty() ? std::string_view("nothing") : got);
  text += did_you_mean(got, words);
  return fail(ErrorCode::usage, std::move(text));
}

// All but `session`, which is made of two of them.
std::span<const std::string_view> stored_columns() {
  return std::span(kEventColumnNames).first(kEventColumnNames.size() - 1);
}

Result<> parse_types(std::span<const std::string_view> words, bool minus_allowed, Measure& out) {
  for (std::string_view word : words) {
    MeasuredType type;
    if (word.starts_with('-')) {
      if (!minus_allowed)
        return fail(ErrorCode::usage,
                    fmt::format("expected an event type, got {}: only amounts of money and quantities "
                                "can count negative",
                                word));
      type.minus = true;
      word = trim(word.substr(1));
    }
    if (word.empty()) return fail(ErrorCode::usage, "expected an event type, got nothing");
    type.name = word;
    if (std::ranges::any_of(out.types, [&](const MeasuredType& t) { return t.name == type.name; }))
      return fail(ErrorCode::usage, fmt::format("expected each event type once, got {} twice", type.name));
    out.types.push_back(std::move(type));
  }
  return {};
}

}  // namespace

std::vector<std::string> Measure::columns() const {
  switch (function) {
    case MeasureFunction::distinct:
    case MeasureFunction::orders: return {name, name + "_approx"};
    case MeasureFunction::sketch: return {name, name + "_approx", name + "_sketch"};
    case MeasureFunction::rate: return {name + "_rate", name + "_low", name + "_high"};
    case MeasureFunction::then:
    case MeasureFunction::maybe: return {name, name + "_rate", name + "_seconds"};
    case MeasureFunction::step:
    case MeasureFunction::count:
    case MeasureFunction::sum:
    case MeasureFunction::other_currencies:
    case MeasureFunction::any:
    case MeasureFunction::unless:
    case MeasureFunction::first: break;
  }
  return {name};
}

Result<Measure> parse_measure(std::string_view text) {
  text = trim(text);
  const size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return fail(ErrorCode::usage,
                fmt::format("expected FUNCTION(…) as NAME, such as count(view) as views, got {}", text));
  const std::string_view function = trim(text.substr(0, open));
  const std::vector<std::string_view> words = split(text.substr(open + 1, close - open - 1));
  std::string_view name = trim(text.substr(close + 1));
  if (name.starts_with("as ") || name.starts_with("as\t"))
    name = trim(name.substr(3));
  else
    return fail(ErrorCode::usage, fmt::format("expected \"as NAME\" behind {}, got {}", text.substr(0, close + 1),
                                              name.empty() ? std::string_view("nothing") : name));
  if (!is_name(name))
    return fail(
        ErrorCode::usage,
        fmt::format("expected a name of at most 64 letters a-z, digits and _ that begins with no digit, got {}", name));

  Measure out;
  out.name = name;
  const auto found = std::ranges::find(kFunctions, function);
  if (found == kFunctions.end()) return expected_one_of("a function", kFunctions, function);
  out.function = MeasureFunction(found - kFunctions.begin());
  const std::string_view first = words.empty() ? std::string_view() : words[0];
  switch (out.function) {
    case MeasureFunction::count:
    case MeasureFunction::orders: TRY(parse_types(words, false, out)); break;
    case MeasureFunction::step:
    case MeasureFunction::then:
    case MeasureFunction::maybe:
      TRY(parse_types(words, false, out));
      if (out.types.empty()) return fail(ErrorCode::usage, "expected an event type, got nothing");
      break;
    case MeasureFunction::sum:
    case MeasureFunction::other_currencies: {
      std::string squeezed(first);
      std::erase(squeezed, ' ');
      const auto amount = std::ranges::find(kAmounts, squeezed);
      if (amount == kAmounts.end()) return expected_one_of("an amount", kAmounts, first);
      out.amount = Amount(amount - kAmounts.begin());
      if (out.function == MeasureFunction::other_currencies && out.amount == Amount::quantity)
        return fail(ErrorCode::usage, "expected price*quantity or price, got quantity, which has no currency");
      TRY(parse_types(std::span(words).subspan(1), true, out));
      break;
    }
    case MeasureFunction::distinct:
    case MeasureFunction::sketch: {
      const auto column = event_column(first);
      if (!column || *column == EventColumn::session) return expected_one_of("a column", stored_columns(), first);
      out.column = *column;
      TRY(parse_types(std::span(words).subspan(1), false, out));
      break;
    }
    case MeasureFunction::first: {
      const auto column = words.size() == 1 ? event_column(first) : std::nullopt;
      if (!column || *column == EventColumn::session) return expected_one_of("a column", stored_columns(), first);
      out.column = *column;
      break;
    }
    case MeasureFunction::any:
      if (words.size() != 1 || words[0].empty())
        return fail(ErrorCode::usage,
                    fmt::format("expected any(COUNT), such as any(purchases), got {}", text.substr(0, close + 1)));
      out.part = words[0];
      break;
    case MeasureFunction::rate:
    case MeasureFunction::unless:
      if (words.size() != 2 || words[0].empty() || words[1].empty())
        return fail(ErrorCode::usage, fmt::format("expected {}, got {}",
                                                  out.function == MeasureFunction::rate
                                                      ? "rate(COUNT, COUNT), such as rate(purchases, views)"
                                                      : "unless(SUM, COUNT), such as unless(cart_value, purchases)",
                                                  text.substr(0, close + 1)));
      out.part = words[0];
      out.whole = words[1];
      break;
  }
  return out;
}

std::string to_text(const Measure& m) {
  std::vector<std::string> words;
  switch (m.function) {
    case MeasureFunction::sum:
    case MeasureFunction::other_currencies: words.emplace_back(kAmounts[size_t(m.amount)]); break;
    case MeasureFunction::distinct:
    case MeasureFunction::sketch:
    case MeasureFunction::first: words.emplace_back(name_of(m.column)); break;
    case MeasureFunction::any: words = {m.part}; break;
    case MeasureFunction::rate:
    case MeasureFunction::unless: words = {m.part, m.whole}; break;
    case MeasureFunction::count:
    case MeasureFunction::orders:
    case MeasureFunction::step:
    case MeasureFunction::then:
    case MeasureFunction::maybe: break;
  }
  for (const MeasuredType& t : m.types) words.push_back((t.minus ? "-" : "") + t.name);
  return fmt::format("{}({}) as {}", kFunctions[size_t(m.function)], fmt::join(words, ", "), m.name);
}

}  // namespace pactolus
