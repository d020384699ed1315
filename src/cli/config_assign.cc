// Turning what was written into a member of Config: the rules of each kind of value. The way back is config_text.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "cli/config_keys.h"
#include "cli/config_rules.h"

namespace pactolus {
namespace {

constexpr size_t kMostExtraTypes = 200;  // with the built-in ten they fit the byte that a row keeps its type in

}  // namespace

// Of a URL that somebody has put a password into, what may be shown: nothing between the scheme, if there is one, and
// the last "@", wherever that is.
std::string without_secrets(std::string text) {
  if (const size_t at = text.rfind('@'); at != std::string::npos) {
    const size_t scheme = text.find("://"), begin = scheme < at ? scheme + 3 : 0;
    text.replace(begin, at - begin, "…");
  }
  if (const size_t query = text.find('?'); query != std::string::npos && text.find('%', query) != std::string::npos)
    text.replace(query, text.npos, "?…");
  if (const size_t password = text.find("password"); password != std::string::npos)
    text.replace(password, text.npos, "password…");
  return text;
}

std::string shown(const RawValue& value) {
  constexpr size_t kLongest = 60;
  if (value.kind == RawValue::Kind::list) return "a list";
  if (value.kind == RawValue::Kind::table) return "a table";
  std::string text;
  for (const char c : without_secrets(value.text).substr(0, kLongest))
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  // A cut in the middle of a character would not be UTF-8 any more.
  if (value.text.size() > kLongest) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
    text += "…";
  }
  const bool bare = value.kind == RawValue::Kind::number || value.kind == RawValue::Kind::other;
  return bare ? text : fmt::format("\"{}\"", text);
}

namespace {

std::unexpected<Mismatch> mismatch(std::string_view expected, const RawValue& value, std::string_view suggestion = {},
                                   std::string hint = {}) {
  return std::unexpected(Mismatch{fmt::format("{}, got {}{}", expected, shown(value), suggestion), std::move(hint)});
}

bool is_text(const RawValue& v) { return v.kind == RawValue::Kind::text || v.kind == RawValue::Kind::untyped; }
bool is_number(const RawValue& v) { return v.kind == RawValue::Kind::number || v.kind == RawValue::Kind::untyped; }

std::string without_separators(std::string_view number) {
  std::string out;
  for (const char c : number.starts_with('+') ? number.substr(1) : number) {
    if (c != '_') out += c;
  }
  return out;
}

std::expected<void, Mismatch> fill(const TextSlot& slot, const RawValue& value) {
  std::vector<std::string> similar;
  if (!is_text(value)) return mismatch(slot.refusal("", similar), value);
  const std::string expected = slot.refusal(value.text, similar);
  if (expected.empty()) {
    *slot.target = value.text;
    return {};
  }
  if (similar.size() == 1) return mismatch(expected, value, fmt::format("; did you mean \"{}\"?", similar[0]));
  const std::vector<std::string_view> words(similar.begin(), similar.end());
  return mismatch(expected, value, did_you_mean(value.text, words));
}

std::expected<void, Mismatch> fill(const FromSlot& slot, const RawValue& value) {
  if (is_text(value) && value.text == "embedded") {
    *slot.target = BronzeFrom::embedded;
    return {};
  }
  if (is_text(value) && value.text == "kafka") {
    *slot.target = BronzeFrom::kafka;
    return {};
  }
  if (const auto topic = is_text(value) ? parse_kafka_address(value.text) : std::nullopt) {
    *slot.target = BronzeFrom::kafka;
    *slot.bootstrap = topic->bootstrap;
    *slot.topic = topic->topic;
    return {};
  }
  static constexpr std::string_view kWords[] = {"embedded", "kafka"};
  const bool start = value.text == "earliest" || value.text == "latest" || parse_iso_time(value.text);
  return mismatch("expected \"embedded\", \"kafka\" or \"kafka://HOST:PORT/TOPIC\"", value,
                  did_you_mean(value.text, kWords), start ? "where a topic is begun is run.start" : "");
}

std::expected<void, Mismatch> fill(const StartSlot& slot, const RawValue& value) {
  if (is_text(value)) {
    if (value.text == "earliest" || value.text == "latest") {
      *slot.target = {value.text == "latest" ? StartFrom::Kind::latest : StartFrom::Kind::earliest, 0};
      return {};
    }
    if (const auto time = parse_iso_time(value.text)) {
      *slot.target = {StartFrom::Kind::time, *time};
      return {};
    }
  }
  static constexpr std::string_view kWords[] = {"earliest", "latest"};
  std::string hint;
  if (value.text == "embedded" || value.text == "kafka") hint = "which log is read is bronze.from";
  if (value.kind == RawValue::Kind::other) hint = "a time stands in quotes";
  return mismatch("expected \"earliest\", \"latest\" or a time such as \"2025-11-29T10:15:30Z\"", value,
                  did_you_mean(value.text, kWords), hint);
}

// "5 minutes", "5min" and "300" are what people try first.
std::optional<int64_t> meant_duration(std::string_view text) {
  const size_t end = text.find_first_not_of("0123456789.");
  std::string_view unit = end == std::string_view::npos ? std::string_view() : text.substr(end);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (end == 0 || text.empty()) return std::nullopt;
  static constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
      {"us", "us"}, {"microsecond", "us"}, {"ms", "ms"},  {"milli", "ms"}, {"s", "s"},
      {"sec", "s"}, {"second", "s"},       {"m", "m"},    {"min", "m"},    {"minute", "m"},
      {"h", "h"},   {"hr", "h"},           {"hour", "h"}, {"d", "d"},      {"day", "d"}};
  for (const auto& [word, letter] : kUnits) {
    std::string_view singular = unit;
    if (singular.size() > 2 && singular.ends_with('s')) singular.remove_suffix(1);
    if (edit_distance(singular, word) == 0) {
      return parse_duration(std::string(text.substr(0, end == std::string_view::npos ? text.size() : end)) +
                            std::string(letter));
    }
  }
  return std::nullopt;
}

std::expected<void, Mismatch> fill(const DurationSlot& slot, const RawValue& value) {
  const std::string expected =
      fmt::format("expected a duration such as \"5m\"{}", slot.may_be_unlimited ? " or \"unlimited\"" : "");
  static constexpr std::string_view kUnits = "units are us, ms, s, m, h, d";
  if (is_text(value)) {
    if (slot.may_be_unlimited && value.text == kUnlimited) {
      *slot.target = 0;
      return {};
    }
    if (const auto parsed = parse_duration(value.text)) {
      if (*parsed < slot.least_us || *parsed > slot.most_us) {
        return mismatch(fmt::format("expected a duration from {} to {}", duration_value(slot.least_us),
                                    duration_value(slot.most_us)),
                        value);
      }
      *slot.target = *parsed;
      return {};
    }
    if (const auto meant = meant_duration(value.text)) {
      return mismatch(expected, value, fmt::format("; did you mean \"{}\"?", duration_value(*meant)),
                      std::string(kUnits));
    }
    static constexpr std::string_view kWords[] = {kUnlimited};
    return mismatch(expected, value, slot.may_be_unlimited ? did_you_mean(value.text, kWords) : "",
                    std::string(kUnits));
  }
  return mismatch(
      expected, value, {},
      value.kind == RawValue::Kind::number ? "a number needs its unit, in quotes: " + std::string(kUnits) : "");
}

std::expected<void, Mismatch> fill(const SizeSlot& slot, const RawValue& value) {
  if (slot.may_be_unlimited && is_text(value) && value.text == kUnlimited) {
    *slot.target = 0;
    return {};
  }
  const std::string expected =
      fmt::format("expected a size such as \"64MiB\"{}", slot.may_be_unlimited ? " or \"unlimited\"" : "");
  if (is_text(value) || is_number(value)) {
    const std::string text = is_number(value) ? without_separators(value.text) : value.text;
    const auto bytes = parse_size(text);
    if (bytes && *bytes > 0) {
      *slot.target = *bytes;
      return {};
    }
    if (bytes && slot.may_be_unlimited) return mismatch(expected, value, "; did you mean \"unlimited\"?");
  }
  static constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB"};
  const size_t unit = value.text.find_first_not_of("0123456789.");
  std::string suggestion;
  if (unit != std::string::npos && unit > 0) {
    std::string_view written = std::string_view(value.text).substr(unit);
    while (written.starts_with(' ')) written.remove_prefix(1);
    if (const auto word = closest_word(written, kUnits)) {
      suggestion = fmt::format("; did you mean \"{}{}\"?", value.text.substr(0, unit), *word);
    }
  }
  return mismatch(expected, value, suggestion, "units are KiB, MiB, GiB, TiB, and KB, MB, GB, TB in powers of ten");
}

std::expected<void, Mismatch> fill(const CountSlot& slot, const RawValue& value) {
  const std::string expected = fmt::format("expected a whole number from {} to {}", slot.least, slot.most);
  if (!is_number(value)) {
    return mismatch(expected, value, {}, value.kind == RawValue::Kind::text ? "numbers stand without quotes" : "");
  }
  const std::string text = without_separators(value.text);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < slot.least || number > slot.most) {
    return mismatch(expected, value);
  }
  std::visit([&](auto* target) { *target = static_cast<std::remove_reference_t<decltype(*target)>>(number); },
             slot.target);
  return {};
}

std::expected<void, Mismatch> fill(const MoneySlot& slot, const RawValue& value) {
  static constexpr std::string_view kExpected =
      "expected an amount of 0 or more, with at most four decimals, such as 499.99";
  if (!is_number(value) && !is_text(value)) return mismatch(kExpected, value);
  Money amount = 0;
  if (parse_money(without_separators(value.text), amount) != DecimalError::none || amount < 0)
    return mismatch(kExpected, value);
  *slot.target = amount;
  return {};
}

std::optional<EventKind> built_in_kind(std::string_view name) {
  for (int i = 0; i < kBuiltInKinds; ++i) {
    if (name_of(EventKind(i)) == name) return EventKind(i);
  }
  return std::nullopt;
}

// A list, or a text parted by commas where no list can be written.
std::vector<RawValue> list_items(const RawValue& value) {
  if (value.kind == RawValue::Kind::list) return value.items;
  std::vector<RawValue> out;
  std::string_view rest = value.text;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    out.push_back(RawValue::untyped(rest.substr(0, comma)));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return out;
}

std::expected<void, Mismatch> fill(const TypesSlot& slot, const RawValue& value) {
  if (value.kind != RawValue::Kind::list && value.kind != RawValue::Kind::untyped) {
    return mismatch("expected a list of names such as [\"wishlist=view\"]", value);
  }
  std::vector<ExtraEventType> types;
  for (const RawValue& item : list_items(value)) {
    if (!is_text(item)) return mismatch("expected names in quotes", item);
    const std::string_view text = item.text;
    const size_t equals = text.find('=');
    ExtraEventType type{std::string(text.substr(0, equals))};
    if (!is_event_type_name(type.name)) {
      return mismatch("expected a name of 1 to 64 letters, digits, \"_\", \".\" or \"-\", or name=view", item);
    }
    if (built_in_kind(type.name)) return mismatch("expected a new name, this type is built in", item);
    if (equals != std::string_view::npos) {
      const auto like = built_in_kind(text.substr(equals + 1));
      if (!like) {
        std::vector<std::string_view> kinds;
        for (int i = 0; i < kBuiltInKinds; ++i) kinds.push_back(name_of(EventKind(i)));
        return mismatch(fmt::format("expected one of {} after \"=\"", fmt::join(kinds, ", ")), item,
                        did_you_mean(text.substr(equals + 1), kinds));
      }
      type.like = *like;
    }
    if (std::any_of(types.begin(), types.end(), [&](const ExtraEventType& other) { return other.name == type.name; })) {
      return mismatch("expected each name once", item);
    }
    types.push_back(std::move(type));
  }
  if (types.size() > kMostExtraTypes) {
    return std::unexpected(Mismatch{fmt::format("expected at most {} types, got {}", kMostExtraTypes, types.size())});
  }
  *slot.target = std::move(types);
  return {};
}

std::expected<void, Mismatch> fill(const PropertiesSlot& slot, const RawValue& value) {
  if (value.kind != RawValue::Kind::table) return mismatch("expected a table of properties", value);
  for (const auto& [name, property] : value.entries) {
    if (property.kind == RawValue::Kind::list) {
      return std::unexpected(Mismatch{fmt::format("expected a text or a number for \"{}\", got a list", name)});
    }
  }
  for (const auto& [name, property] : value.entries) {
    (*slot.target)[name] = property.kind == RawValue::Kind::number ? without_separators(property.text) : property.text;
  }
  return {};
}

}  // namespace

std::expected<void, Mismatch> assign(const Slot& slot, const RawValue& value) {
  return std::visit([&](const auto& one) { return fill(one, value); }, slot);
}

}  // namespace pactolus
