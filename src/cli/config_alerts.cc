#include "cli/config_alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gold/low_conversion_rule.h"

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 4> kEntries = {"name", "enabled", "when", "evidence"};

class Taking : private EntryTaker {
 public:
  void entry(const std::string& entry, const RawValue& value) {
    if (entry == "name") {
      table_name(value, rule_.name);
    } else if (entry == "enabled") {
      flag(entry, value, enabled_);
    } else if (entry == "when") {
      has_when_ = true;
      std::string words;
      text(entry, value, words);
      if (auto when = AlertCondition::parse(words))
        rule_.when = std::move(*when);
      else if (value.kind == RawValue::Kind::text)
        wrong(entry, value, when.error().message);
    } else if (entry == "evidence") {
      has_evidence_ = true;
      slot(entry, value, CountSlot{&evidence_, 2, 1'000'000'000'000});
    } else {
      unknown(entry, value, kEntries);
    }
  }

  TakenTable finish(Config& config) {
    if (rule_.name.empty() && mistakes.empty()) missing("name", "expected a name, got none");
    const bool statistical = rule_.name == LowConversionRule::Options().name;
    if (mistakes.empty() && enabled_) {
      if (statistical && (has_when_ || !has_evidence_))
        missing("evidence", fmt::format("expected how strong it must be, to 1, such as 10000, got {}",
                                        has_when_ ? "a condition" : "none"));
      if (!statistical && (has_evidence_ || !has_when_))
        missing("when", fmt::format("expected a condition such as \"views > 100 and purchases < 5\", got {}",
                                    has_evidence_ ? "evidence, which is low_conversion's" : "none"));
    }
    if (!mistakes.empty()) return refused(rule_.name);
    const std::string name = rule_.name;
    if (statistical) {
      config.alerts.evidence = enabled_ ? evidence_ : 0;
      return {name, {}, !enabled_};
    }
    auto& rules = config.alerts.rules;
    const auto at = std::ranges::find(rules, name, &Config::Alerts::Rule::name);
    if (!enabled_) {
      if (at != rules.end()) rules.erase(at);
      return {name, {}, true};
    }
    if (at == rules.end())
      rules.push_back(std::move(rule_));
    else
      *at = std::move(rule_);
    return {name};
  }

 private:
  Config::Alerts::Rule rule_;
  int64_t evidence_ = 0;
  bool enabled_ = true, has_when_ = false, has_evidence_ = false;
};

}  // namespace

TakenTable take_alert(const RawValue& table, Config& config) {
  Taking taking;
  for (const auto& [name, value] : table.entries) taking.entry(name, value);
  return taking.finish(config);
}

std::vector<std::pair<std::string, std::vector<std::string>>> alert_lines(const Config& config) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  const auto add = [&](const std::string& name, std::string last) {
    out.push_back(
        {name, {fmt::format("[[{}]]", kAlertRules), fmt::format("name = {}", toml_quoted(name)), std::move(last)}});
  };
  for (const Config::Alerts::Rule& rule : config.alerts.rules)
    add(rule.name, fmt::format("when = {}", toml_quoted(rule.when.to_text())));
  if (config.alerts.evidence > 0)
    add(LowConversionRule::Options().name, fmt::format("evidence = {}", config.alerts.evidence));
  return out;
}

}  // namespace pactolus
