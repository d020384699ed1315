#include "cli/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/closest_word.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

using Refusal = std::optional<std::string>;

Refusal keep_text(std::string* out, std::string_view text) {
  *out = text;
  return std::nullopt;
}

Refusal keep_choice(std::string* out, const std::vector<std::string>& choices, std::string_view text) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return keep_text(out, text);
  return fmt::format("expected {}{}", choices.size() > 1 ? "one of " : "", fmt::join(choices, ", "));
}

}  // namespace

Flags::Flag& Flags::add(std::string_view names, std::string value, std::string help) {
  Flag flag;
  const size_t comma = names.find(',');
  if (comma != std::string_view::npos) {
    flag.short_name = names.substr(0, comma);
    names.remove_prefix(comma + 1);
  }
  PACTOLUS_CHECK(names.starts_with("--") && find(names) == nullptr, "a flag has two dashes and is declared once");
  flag.name = names;
  flag.value = std::move(value);
  flag.help = std::move(help);
  return flags_.emplace_back(std::move(flag));
}

const Flags::Flag* Flags::find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name || (!flag.short_name.empty() && flag.short_name == name)) return &flag;
  }
  return nullptr;
}

void Flags::toggle(std::string_view names, bool* out, std::string help) {
  add(names, "", std::move(help)).accept = [out](std::string_view) -> Refusal {
    *out = true;
    return std::nullopt;
  };
}

void Flags::text(std::string_view names, std::string value, std::string* out, std::string help, Complete complete) {
  Flag& flag = add(names, std::move(value), std::move(help));
  flag.complete = complete;
  flag.accept = [out](std::string_view text) { return keep_text(out, text); };
}

void Flags::texts(std::string_view names, std::string value, std::vector<std::string>* out, std::string help) {
  add(names, std::move(value), std::move(help)).accept = [out](std::string_view text) -> Refusal {
    out->emplace_back(text);
    return std::nullopt;
  };
}

void Flags::choice(std::string_view names, std::vector<std::string> choices, std::string* out, std::string help) {
  Flag& flag = add(names, fmt::format("{}", fmt::join(choices, "|")), std::move(help));
  flag.choices = choices;
  flag.accept = [out, choices = std::move(choices)](std::string_view text) { return keep_choice(out, choices, text); };
}

void Flags::count(std::string_view names, std::string value, int64_t* out, std::string help, int64_t least,
                  int64_t most) {
  add(names, std::move(value), std::move(help)).accept = [=](std::string_view text) -> Refusal {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
      return most == std::numeric_limits<int64_t>::max()
                 ? fmt::format("expected a whole number of {} or more", least)
                 : fmt::format("expected a whole number from {} to {}", least, most);
    }
    *out = number;
    return std::nullopt;
  };
}

void Flags::number(std::string_view names, std::string value, double* out, std::string help, double least,
                   double most) {
  add(names, std::move(value), std::move(help)).accept = [=](std::string_view text) -> Refusal {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // Written so that NaN is refused too.
    if (error != std::errc{} || end != text.data() + text.size() || !(number >= least && number <= most)) {
      return most >= 1e18 ? fmt::format("expected a number of {} or more", least)
                          : fmt::format("expected a number from {} to {}", least, most);
    }
    *out = number;
    return std::nullopt;
  };
}

void Flags::ratio(std::string_view names, double* out, std::string help) {
  number(names, "R", out, std::move(help), 0, 1);
}

void Flags::duration(std::string_view names, int64_t* out_us, std::string help) {
  add(names, "TIME", std::move(help)).accept = [out_us](std::string_view text) -> Refusal {
    const auto parsed = parse_duration(text);
    if (!parsed) return "expected a duration such as 250ms, 1s, 5m or 24h";
    *out_us = *parsed;
    return std::nullopt;
  };
}

void Flags::size(std::string_view names, int64_t* out_bytes, std::string help) {
  add(names, "SIZE", std::move(help)).accept = [out_bytes](std::string_view text) -> Refusal {
    const auto parsed = parse_size(text);
    if (!parsed) return "expected a size such as 512KiB or 64MiB";
    *out_bytes = *parsed;
    return std::nullopt;
  };
}

void Flags::date(std::string_view names, std::optional<int32_t>* out_days, std::string help) {
  add(names, "DATE", std::move(help)).accept = [out_days](std::string_view text) -> Refusal {
    const auto parsed = parse_date(text);
    if (!parsed) return "expected a date such as 2025-11-29";
    *out_days = parsed;
    return std::nullopt;
  };
}

void Flags::key(std::string_view names, std::string value, std::string key, std::string help, Complete complete) {
  Flag& flag = add(names, std::move(value), std::move(help));
  flag.key = std::move(key);
  flag.complete = complete;
}

void Flags::argument(std::string name, std::string* out, std::string help, bool required, Complete complete) {
  arguments_.push_back({std::move(name), std::move(help), required, false, {}, complete, [out](std::string_view text) {
                          return keep_text(out, text);
                        }});
}

void Flags::argument(std::string name, const std::vector<std::string>& choices, std::string* out, std::string help,
                     bool required) {
  arguments_.push_back({std::move(name), std::move(help), required, false, choices, Complete::nothing,
                        [out, choices](std::string_view text) { return keep_choice(out, choices, text); }});
}

void Flags::arguments(std::string name, std::vector<std::string>* out, std::string help, bool required,
                      Complete complete) {
  arguments_.push_back(
      {std::move(name), std::move(help), required, true, {}, complete, [out](std::string_view text) -> Refusal {
         out->emplace_back(text);
         return std::nullopt;
       }});
}

}  // namespace pactolus
