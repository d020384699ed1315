// Members of Config as pactolus.toml would have them: the way back from config_assign.cc.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/time_text.h"
#include "cli/config_keys.h"

namespace pactolus {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

// Never written through, only read.
Slot slot_of(const ConfigKey& key, const Config& config) { return key.slot(const_cast<Config&>(config)); }

std::string text_of(const TypesSlot& slot) {
  std::vector<std::string> names;
  for (const ExtraEventType& type : *slot.target) {
    names.push_back(toml_quoted(
        type.like == EventKind::page_view ? type.name : fmt::format("{}={}", type.name, name_of(type.like))));
  }
  return fmt::format("[{}]", fmt::join(names, ", "));
}

std::string text_of(const PropertiesSlot& slot) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : *slot.target)
    entries.push_back(fmt::format("{} = {}", toml_key(name), toml_quoted(value)));
  return entries.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(entries, ", "));
}

std::string money_value(Money amount) {
  std::string text = money_text(amount);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string plain_value(const ConfigKey& key, const Config& config) {
  return std::visit(
      Overloaded{
          [](const TextSlot& s) { return *s.target; },
          [](const FromSlot& s) { return std::string(*s.target == BronzeFrom::kafka ? "kafka" : "embedded"); },
          [](const StartSlot& s) {
            if (s.target->kind == StartFrom::Kind::time) return iso_time(s.target->time_us);
            return std::string(s.target->kind == StartFrom::Kind::latest ? "latest" : "earliest");
          },
          [](const DurationSlot& s) {
            return s.may_be_unlimited && *s.target == 0 ? std::string(kUnlimited) : duration_value(*s.target);
          },
          [](const SizeSlot& s) {
            return s.may_be_unlimited && *s.target == 0 ? std::string(kUnlimited) : size_value(*s.target);
          },
          [](const CountSlot& s) {
            return std::visit([](const auto* target) { return fmt::format("{}", *target); }, s.target);
          },
          [](const MoneySlot& s) { return money_value(*s.target); },
          [](const TypesSlot& s) { return text_of(s); },
          [](const PropertiesSlot& s) { return text_of(s); },
      },
      slot_of(key, config));
}

std::string toml_value(const ConfigKey& key, const Config& config) {
  const Slot slot = slot_of(key, config);
  const bool quoted = std::holds_alternative<TextSlot>(slot) || std::holds_alternative<FromSlot>(slot) ||
                      std::holds_alternative<StartSlot>(slot) || std::holds_alternative<DurationSlot>(slot) ||
                      std::holds_alternative<SizeSlot>(slot);
  return quoted ? toml_quoted(plain_value(key, config)) : plain_value(key, config);
}

std::string toml_quoted(std::string_view text) {
  // JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
  std::string out, json;
  append_json_string(json, text);
  for (const char c : json) {
    if (c == '\x7f')
      out += "\\u007F";
    else
      out += c;
  }
  return out;
}

std::string toml_key(std::string_view text) {
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(text) : toml_quoted(text);
}

std::string duration_value(int64_t microseconds) {
  static constexpr std::pair<int64_t, const char*> kUnits[] = {
      {kMicrosPerDay, "d"}, {kMicrosPerHour, "h"}, {kMicrosPerMinute, "m"}, {kMicrosPerSecond, "s"}, {1000, "ms"}};
  if (microseconds == 0) return "0s";
  // 24h is how people say a day that is counted in hours; from two days on they say days.
  if (microseconds == kMicrosPerDay) return "24h";
  for (const auto& [each, unit] : kUnits) {
    if (microseconds % each == 0) return fmt::format("{}{}", microseconds / each, unit);
  }
  return fmt::format("{}us", microseconds);
}

std::string size_value(int64_t bytes) {
  static constexpr std::pair<int64_t, const char*> kUnits[] = {
      {int64_t{1} << 40, "TiB"}, {int64_t{1} << 30, "GiB"}, {int64_t{1} << 20, "MiB"}, {int64_t{1} << 10, "KiB"}};
  for (const auto& [each, unit] : kUnits) {
    if (bytes > 0 && bytes % each == 0) return fmt::format("{}{}", bytes / each, unit);
  }
  return fmt::format("{}", bytes);
}

}  // namespace pactolus
