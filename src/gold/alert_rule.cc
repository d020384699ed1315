#include "gold/alert_rule.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace pactolus {

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
  const bool met = options_.when.met(row);
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
    if (options_.from != kNoTime && row.window_end <= options_.from) continue;
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

// An alert that is still open has met the rule in every window up to the watermark, also in those that it did not tell
// of because their numbers were the same.
void AlertRule::restore(std::span<const AlertTransition> told, int64_t watermark) {
  open_.clear();
  if (watermark == kNoTime) return;
  const int64_t slide = options_.shape.slide, judged = floor_div(watermark - options_.shape.size, slide) * slide;
  for (const AlertTransition& t : told) {
    if (t.state == AlertState::resolved)
      open_.erase(t.product_id);
    else
      open_[t.product_id] = {t.opened_window, std::max(judged, t.window_start), t.views, t.purchases};
  }
}

}  // namespace pactolus
