#include "cli/config_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/closest_word.h"
#include "runtime/lake_tables.h"

namespace pactolus {

std::string toml_list(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(toml_quoted(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

void EntryTaker::wrong(std::string entry, const RawValue& value, std::string expected) {
  mistakes.push_back({std::move(entry), {std::move(expected)}, value.line});
}

void EntryTaker::missing(std::string entry, std::string expected) {
  mistakes.push_back({std::move(entry), {std::move(expected)}});
}

bool EntryTaker::table_name(const RawValue& value, std::string& to) {
  if (value.kind != RawValue::Kind::text || !is_table_name(value.text)) {
    wrong("name", value, fmt::format("expected {}, got {}", kTableNameRule, shown(value)));
    return false;
  }
  to = value.text;
  return true;
}

void EntryTaker::flag(const std::string& entry, const RawValue& value, bool& to) {
  if (value.text != "true" && value.text != "false")
    wrong(entry, value, fmt::format("expected true or false, got {}", shown(value)));
  to = value.text != "false";
}

void EntryTaker::text(const std::string& entry, const RawValue& value, std::string& to) {
  if (value.kind != RawValue::Kind::text || value.text.empty())
    wrong(entry, value, fmt::format("expected a text in quotes, got {}", shown(value)));
  else
    to = value.text;
}

void EntryTaker::slot(const std::string& entry, const RawValue& value, const Slot& to) {
  if (auto done = assign(to, value); !done) mistakes.push_back({entry, std::move(done).error(), value.line});
}

void EntryTaker::unknown(const std::string& entry, const RawValue& value, std::span<const std::string_view> known) {
  wrong(entry, value,
        fmt::format("expected one of {}, got {}{}", fmt::join(known, ", "), entry, did_you_mean(entry, known)));
}

TakenTable EntryTaker::refused(std::string name) {
  std::ranges::stable_sort(mistakes, {}, &EntryMistake::line);
  return {std::move(name), std::move(mistakes)};
}

}  // namespace pactolus
