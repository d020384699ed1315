#include "gold/alert_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "gold/state_bytes.h"

namespace pactolus {
namespace {
constexpr std::string_view kFormat = "alert_rule/1";
}

std::string_view name_of(AlertState state) noexcept {
  switch (state) {
    case AlertState::open: return "open";
    case AlertState::update: return "update";
    case AlertState::resolved: return "resolved";
  }
  return "?";
}

AlertRule::AlertRule(Options options) : options_(std::move(options)) { PACTOLUS_CHECK(options_.shape.valid()); }

AlertTransition AlertRule::transition(std::string_view product, AlertState state, const Alert& alert) const {
  return {std::string(product), state,       alert.judged_window, alert.judged_window + options_.shape.size,
          alert.opened_window,  alert.views, alert.purchases};
}

std::vector<AlertTransition> AlertRule::open() const {
  std::vector<AlertTransition> out;
  for (const auto& [product, alert] : open_) {
    const bool fresh = alert.judged_window == alert.opened_window;
    out.push_back(transition(product, fresh ? AlertState::open : AlertState::update, alert));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.views > b.views; });
  return out;
}

void AlertRule::judge_row(const InterestRow& row, std::vector<AlertTransition>& out) {
  const bool met = row.views > options_.views_above && row.purchases < options_.purchases_below;
  const auto found = open_.find(row.product_id);
  if (found == open_.end()) {
    if (!met) return;
    const Alert alert{row.window_start, row.window_start, row.views, row.purchases};
    open_.emplace(row.product_id, alert);
    out.push_back(transition(row.product_id, AlertState::open, alert));
    return;
  }
  Alert& alert = found->second;
  const bool same = alert.views == row.views && alert.purchases == row.purchases;
  alert = {alert.opened_window, row.window_start, row.views, row.purchases};
  if (!met) {
    out.push_back(transition(row.product_id, AlertState::resolved, alert));
    open_.erase(found);
  } else if (!same) {
    out.push_back(transition(row.product_id, AlertState::update, alert));
  }
}

template <class Missed>
void AlertRule::resolve(Missed missed, std::vector<AlertTransition>& out) {
  for (auto a = open_.begin(); a != open_.end();) {
    const int64_t next = a->second.judged_window + options_.shape.slide;
    if (!missed(next)) {
      ++a;
      continue;
    }
    out.push_back(transition(a->first, AlertState::resolved, {a->second.opened_window, next, 0, 0}));
    a = open_.erase(a);
  }
}

std::vector<AlertTransition> AlertRule::judge(std::span<const InterestRow> rows, int64_t watermark) {
  std::vector<AlertTransition> out;
  int64_t window = kNoTime;
  for (const InterestRow& row : rows) {
    if (row.window_start != window) {
      PACTOLUS_CHECK_LT(window, row.window_start);
      window = row.window_start;
      resolve([&](int64_t next) { return next < window; }, out);
    }
    judge_row(row, out);
  }
  resolve([&](int64_t next) { return next + options_.shape.size <= watermark; }, out);
  std::sort(out.begin(), out.end(), [](const AlertTransition& a, const AlertTransition& b) {
    return std::tie(a.window_start, a.product_id) < std::tie(b.window_start, b.product_id);
  });
  return out;
}

std::string AlertRule::fingerprint() const {
  return fmt::format("{} {} views>{} purchases<{} size={}us slide={}us", kFormat, options_.name, options_.views_above,
                     options_.purchases_below, options_.shape.size, options_.shape.slide);
}

// text "alert_rule/1" · text name · size · slide · signed views_above · signed purchases_below · count, then each by
// product, ascending: text product · signed opened window ÷ slide · slides since then · views · purchases
void AlertRule::save(std::string& out) const {
  StateWriter to(out);
  to.text(kFormat);
  to.text(options_.name);
  to.number(uint64_t(options_.shape.size));
  to.number(uint64_t(options_.shape.slide));
  to.signed_number(options_.views_above);
  to.signed_number(options_.purchases_below);
  to.number(open_.size());
  for (const auto& [product, alert] : open_) {
    to.text(product);
    to.signed_number(alert.opened_window / options_.shape.slide);
    to.number(uint64_t((alert.judged_window - alert.opened_window) / options_.shape.slide));
    to.number(uint64_t(alert.views));
    to.number(uint64_t(alert.purchases));
  }
}

Result<AlertRule> AlertRule::load(std::string_view bytes) {
  StateReader in(bytes);
  if (in.text() != kFormat) return fail(ErrorCode::unsupported, "saved alerts are of another format");
  Options options;
  options.name = in.text();
  options.shape.size = in.number(INT64_MAX);
  options.shape.slide = in.number(INT64_MAX);
  options.views_above = in.signed_number();
  options.purchases_below = in.signed_number();
  if (!in.ok() || !options.shape.valid())
    return fail(ErrorCode::corrupt, "saved alerts: the declaration makes no sense");
  const int64_t slide = options.shape.slide;
  AlertRule rule(std::move(options));
  const size_t alerts = in.count();
  for (size_t i = 0; i < alerts && in.ok(); ++i) {
    const std::string_view product = in.text();
    const int64_t opened = in.signed_number(), slides = in.number(kEventTimeEnd / slide - kFirstEventTime / slide);
    const int64_t views = in.number(INT64_MAX), purchases = in.number(INT64_MAX);
    const int64_t first = floor_div(kFirstEventTime - rule.options_.shape.size, slide), last = kEventTimeEnd / slide;
    if (!in.ok() || opened < first || opened > last - slides || views <= rule.options_.views_above ||
        purchases >= rule.options_.purchases_below || (!rule.open_.empty() && product <= rule.open_.rbegin()->first))
      return fail(ErrorCode::corrupt, "saved alerts: one that cannot be");
    rule.open_.emplace_hint(rule.open_.end(), product,
                            Alert{opened * slide, (opened + slides) * slide, views, purchases});
  }
  if (!in.ok() || !in.at_end()) return fail(ErrorCode::corrupt, "saved alerts end early or go on too long");
  return rule;
}

}  // namespace pactolus
