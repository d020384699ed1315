#include "runtime/declared_alerts.h"

#include <algorithm>

#include "base/json.h"

namespace pactolus {
namespace {

constexpr const char* kRules = "pactolus.alertRules";

DeclaredAlerts built_in() { return DeclaredAlerts::of(Config()); }

}  // namespace

DeclaredAlerts DeclaredAlerts::of(const Config& config) {
  DeclaredAlerts out;
  out.shape = config.gold.views.front().shape;
  out.evidence = config.alerts.evidence;
  for (const Config::Alerts::Rule& rule : config.alerts.rules) out.rules.push_back({rule.name, rule.when});
  return out;
}

DeclaredAlerts DeclaredAlerts::read(const TableProperties& properties) {
  const auto found = properties.find(kRules);
  const auto json = found == properties.end() ? std::nullopt : std::optional(Json::parse(found->second));
  if (!json || !*json) return built_in();
  DeclaredAlerts out;
  out.shape.size = (**json)["size"].as_int(), out.shape.slide = (**json)["slide"].as_int();
  out.evidence = (**json)["evidence"].as_int();
  if (!out.shape.valid()) return built_in();
  for (const Json& rule : (**json)["rules"].as_array())
    if (auto when = AlertCondition::parse(rule["when"].as_string()))
      out.rules.push_back({std::string(rule["name"].as_string()), std::move(*when),
                           rule["from"].is_null() ? kNoTime : rule["from"].as_int()});
  return out;
}

void DeclaredAlerts::write(TableProperties& properties) const {
  const bool from_the_first = std::ranges::all_of(rules, [](const Rule& rule) { return rule.from == kNoTime; });
  if (from_the_first && same_rules(built_in())) {
    properties.erase(kRules);
    return;
  }
  Json list = Json::array();
  for (const Rule& rule : rules)
    list.push(Json::object()
                  .set("name", rule.name)
                  .set("when", rule.when.to_text())
                  .set("from", rule.from == kNoTime ? Json() : Json(rule.from)));
  properties[kRules] = Json::object()
                           .set("size", shape.size)
                           .set("slide", shape.slide)
                           .set("evidence", evidence)
                           .set("rules", std::move(list))
                           .dump();
}

bool DeclaredAlerts::has(const DeclaredAlerts& before, const std::string& name) const {
  const auto mine = std::ranges::find(rules, name, &Rule::name),
             was = std::ranges::find(before.rules, name, &Rule::name);
  return shape == before.shape && mine != rules.end() && was != before.rules.end() && mine->when == was->when;
}

bool DeclaredAlerts::same_rules(const DeclaredAlerts& other) const {
  return shape == other.shape && evidence == other.evidence && rules.size() == other.rules.size() &&
         std::ranges::all_of(rules, [&](const Rule& rule) { return has(other, rule.name); });
}

void DeclaredAlerts::replace(const DeclaredAlerts& before, int64_t watermark) {
  for (Rule& rule : rules)
    rule.from = has(before, rule.name) ? std::ranges::find(before.rules, rule.name, &Rule::name)->from : watermark;
}

std::vector<AlertRule> DeclaredAlerts::make_rules() const {
  std::vector<AlertRule> out;
  for (const Rule& rule : rules) out.emplace_back(AlertRule::Options{rule.name, shape, rule.when, rule.from});
  return out;
}

LowConversionRule::Options DeclaredAlerts::low_conversion() const {
  LowConversionRule::Options out;
  out.enabled = evidence > 0;
  if (evidence > 0) out.alpha = 1 / double(evidence);
  return out;
}

}  // namespace pactolus
