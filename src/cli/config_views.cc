#include "cli/config_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/closest_word.h"

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 7> kEntries = {"name", "enabled", "keys", "size", "slide", "gap", "measures"};
// Tables that are no windowed views, and what begins the names of those that models write.
constexpr std::array<std::string_view, 6> kTaken = {"alerts",     "events", "silver",
                                                    "quarantine", "ledger", "flash_sale_alerts"};
constexpr std::string_view kModels = "daily_";

class Taking : private EntryTaker {
 public:
  void entry(const std::string& name, const RawValue& value) {
    if (name == "name") {
      take_name(value);
    } else if (name == "enabled") {
      flag(name, value, enabled_);
    } else if (name == "keys") {
      each_text(name, value, [&](const RawValue& item) { take_key(item); });
    } else if (name == "measures") {
      each_text(name, value, [&](const RawValue& item) { take_measure(item); });
    } else if (name == "size" || name == "slide" || name == "gap") {
      int64_t& target = name == "size" ? view_.shape.size : name == "slide" ? view_.shape.slide : gap_;
      (name == "size" ? has_size_ : name == "slide" ? has_slide_ : has_gap_) = true;
      slot(name, value, DurationSlot{&target, 1, 366 * kMicrosPerDay, false});
    } else {
      unknown(name, value, kEntries);
    }
  }

  TakenTable finish(Config& config) {
    if (view_.name.empty() && mistakes.empty()) missing("name", "expected a name, got none");
    if (!enabled_ && mistakes.empty()) return leave_out(config);
    if (has_gap_ && has_slide_)
      missing("gap", "expected windows (size, slide), sessions (gap) or a funnel (size, gap), got a gap and a slide");
    else if (!has_size_ && !has_gap_)
      missing("size",
              "expected the length of the windows, such as \"1h\", or a gap, such as \"30m\", for sessions; "
              "got none");
    if (!mistakes.empty()) return refused(view_.name);
    if (has_gap_)
      view_.shape = has_size_ ? WindowShape::funnel_of(view_.shape.size, gap_) : WindowShape::session_of(gap_);
    else if (!has_slide_)
      view_.shape.slide = view_.shape.size;
    auto& views = config.gold.views;
    const auto at = std::ranges::find(views, view_.name, &ViewDeclaration::name);
    const std::string name = view_.name;
    if (at == views.end())
      views.push_back(std::move(view_));
    else
      *at = std::move(view_);
    return {name, {}};
  }

 private:
  // A built-in view that is not wanted, or one of the shop's own that it keeps in its file for later.
  TakenTable leave_out(Config& config) {
    if (view_.name == built_in_views().front().name) {
      missing("enabled", fmt::format("expected true: alerts are made of {}", view_.name));
      return refused(view_.name);
    }
    const auto is_it = [this](const ViewDeclaration& v) { return v.name == view_.name; };
    const bool was_there = std::erase_if(config.gold.views, is_it) > 0;
    if (!was_there && !has_size_ && !has_gap_ && view_.measures.empty()) {  // a name, and nothing to keep
      std::vector<std::string_view> names;
      for (const ViewDeclaration& v : built_in_views()) names.push_back(v.name);
      missing("name", fmt::format("expected a view that there is ({}), got {}{}", fmt::join(names, ", "), view_.name,
                                  did_you_mean(view_.name, names)));
      return refused(view_.name);
    }
    return {view_.name, {}, true};
  }

  void take_name(const RawValue& value) {
    std::string taken;
    if (!table_name(value, taken)) return;
    if (std::ranges::find(kTaken, value.text) != kTaken.end() || value.text.starts_with(kModels))
      return wrong("name", value, fmt::format("expected a name that no other table of Gold has, got {}", shown(value)));
    view_.name = std::move(taken);
  }

  void take_key(const RawValue& item) {
    if (const auto key = event_column(item.text))
      view_.keys.push_back(*key);
    else
      wrong("keys", item,
            fmt::format("expected a column ({}), got {}{}", fmt::join(kEventColumnNames, ", "), shown(item),
                        did_you_mean(item.text, kEventColumnNames)));
  }

  void take_measure(const RawValue& item) {
    if (auto measure = parse_measure(item.text))
      view_.measures.push_back(std::move(*measure));
    else
      wrong("measures", item, fmt::format("{}: {}", shown(item), measure.error().message));
  }

  ViewDeclaration view_;
  int64_t gap_ = 0;
  bool has_size_ = false, has_slide_ = false, has_gap_ = false, enabled_ = true;
};

}  // namespace

TakenTable take_view(const RawValue& table, Config& config) {
  Taking taking;
  for (const auto& [name, value] : table.entries) taking.entry(name, value);
  return taking.finish(config);
}

std::vector<ViewFault> faults_of_view(const Config& config, std::string_view name) {
  std::vector<std::string> types(kKindNames.begin(), kKindNames.end());
  for (const ExtraEventType& type : config.events.types) types.push_back(type.name);
  const ViewDeclaration& view = *std::ranges::find(config.gold.views, name, &ViewDeclaration::name);
  std::vector<ViewFault> faults = faults_of(view, types);
  const ViewDeclaration& interest = built_in_views().front();
  if (view.name != interest.name) return faults;
  const bool has_all = std::ranges::all_of(
      interest.measures, [&](const Measure& m) { return std::ranges::find(view.measures, m) != view.measures.end(); });
  if (view.shape.has_sessions())
    faults.push_back({"expected windows, which alerts are made of, got sessions"});
  else if (view.keys != interest.keys || !has_all)
    faults.push_back({fmt::format(
        "expected the key and all measures of the built-in {}, which alerts are made of; its windows may be others",
        interest.name)});
  return faults;
}

std::vector<std::string> view_lines(const ViewDeclaration& view) {
  std::vector<std::string> keys;
  for (const EventColumn key : view.keys) keys.emplace_back(name_of(key));
  std::vector<std::string> out = {fmt::format("[[{}]]", kViews), fmt::format("name = {}", toml_quoted(view.name)),
                                  fmt::format("keys = {}", toml_list(keys))};
  if (!view.shape.is_session()) out.push_back(fmt::format("size = {}", toml_quoted(duration_value(view.shape.size))));
  if (view.shape.has_sessions())
    out.push_back(fmt::format("gap = {}", toml_quoted(duration_value(view.shape.gap()))));
  else
    out.push_back(fmt::format("slide = {}", toml_quoted(duration_value(view.shape.slide))));
  out.push_back("measures = [");
  for (const Measure& m : view.measures) out.push_back(fmt::format("  {},", toml_quoted(to_text(m))));
  out.push_back("]");
  return out;
}

}  // namespace pactolus
