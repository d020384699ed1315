#include "cli/config_webhooks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/closest_word.h"
#include "gold/low_conversion_rule.h"
#include "sinks/webhook/http_post.h"

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 10> kEntries = {"name",    "enabled",  "url",     "url_file", "secret_file",
                                                       "ca_file", "attempts", "timeout", "rules",    "states"};

class Taking : private EntryTaker {
 public:
  void entry(const std::string& entry, const RawValue& value) {
    if (entry == "name") {
      table_name(value, webhook_.name);
    } else if (entry == "enabled") {
      flag(entry, value, enabled_);
    } else if (entry == "url") {
      text(entry, value, webhook_.url);
      if (const auto url = parse_http_url(value.text); value.kind == RawValue::Kind::text && !url)
        wrong(entry, value, fmt::format("{}, got {}", url.error().message, shown(value)));
    } else if (entry == "url_file") {
      text(entry, value, webhook_.url_file);
    } else if (entry == "secret_file") {
      text(entry, value, webhook_.secret_file);
    } else if (entry == "ca_file") {
      text(entry, value, webhook_.ca_file);
    } else if (entry == "attempts") {
      slot(entry, value, CountSlot{&webhook_.attempts, 1, 100});
    } else if (entry == "timeout") {
      slot(entry, value, DurationSlot{&webhook_.timeout_us, 1000, 5 * kMicrosPerMinute, false});
    } else if (entry == "rules") {
      each_text(entry, value, [&](const RawValue& item) { webhook_.rules.push_back(item.text); });
    } else if (entry == "states") {
      each_text(entry, value, [&](const RawValue& item) { take_state(item); });
    } else {
      unknown(entry, value, kEntries);
    }
  }

  TakenTable finish(Config& config) {
    if (webhook_.name.empty() && mistakes.empty()) missing("name", "expected a name, got none");
    const bool has_url = !webhook_.url.empty(), has_file = !webhook_.url_file.empty();
    if (mistakes.empty() && enabled_ && has_url == has_file)
      missing("url", fmt::format("expected url or url_file, got {}", has_url ? "both" : "neither"));
    if (!mistakes.empty()) return refused(webhook_.name);
    const std::string name = webhook_.name;
    std::erase_if(config.webhooks, [&](const Config::Webhook& w) { return w.name == name; });
    if (!enabled_) return {name, {}, true};
    config.webhooks.push_back(std::move(webhook_));
    return {name};
  }

 private:
  void take_state(const RawValue& item) {
    static constexpr std::array<std::string_view, 3> kStates = {"open", "update", "resolved"};
    if (std::ranges::find(kStates, item.text) == kStates.end())
      return wrong("states", item,
                   fmt::format("expected one of {}, got {}{}", fmt::join(kStates, ", "), shown(item),
                               did_you_mean(item.text, kStates)));
    webhook_.states.push_back(item.text);
  }

  Config::Webhook webhook_;
  bool enabled_ = true;
};

}  // namespace

TakenTable take_webhook(const RawValue& table, Config& config) {
  Taking taking;
  for (const auto& [name, value] : table.entries) taking.entry(name, value);
  return taking.finish(config);
}

std::vector<std::string> faults_of_webhook(const Config& config, std::string_view name) {
  std::vector<std::string> faults;
  std::vector<std::string_view> rules;
  for (const Config::Alerts::Rule& rule : config.alerts.rules) rules.push_back(rule.name);
  const std::string low_conversion = LowConversionRule::Options().name;
  if (config.alerts.evidence > 0) rules.push_back(low_conversion);
  const auto webhook = std::ranges::find(config.webhooks, name, &Config::Webhook::name);
  for (const std::string& rule : webhook->rules)
    if (std::ranges::find(rules, rule) == rules.end())
      faults.push_back(fmt::format("expected rules that there are ({}), got \"{}\"{}", fmt::join(rules, ", "), rule,
                                   did_you_mean(rule, rules)));
  return faults;
}

std::vector<std::string> webhook_lines(const Config::Webhook& w) {
  std::vector<std::string> out = {fmt::format("[[{}]]", kWebhooks), fmt::format("name = {}", toml_quoted(w.name))};
  for (const auto& [entry, text] :
       {std::pair{"url", &w.url}, {"url_file", &w.url_file}, {"secret_file", &w.secret_file}, {"ca_file", &w.ca_file}})
    if (!text->empty()) out.push_back(fmt::format("{} = {}", entry, toml_quoted(*text)));
  out.push_back(fmt::format("attempts = {}", w.attempts));
  out.push_back(fmt::format("timeout = {}", toml_quoted(duration_value(w.timeout_us))));
  if (!w.rules.empty()) out.push_back(fmt::format("rules = {}", toml_list(w.rules)));
  if (!w.states.empty()) out.push_back(fmt::format("states = {}", toml_list(w.states)));
  return out;
}

}  // namespace pactolus
