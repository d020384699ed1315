// A shop's rule on products, by default "high interest, low conversion": views > 100 and purchases < 5 in a window,
// judged on final windows of product_interest.
//
//              meets the rule                       meets it, with other numbers: update
//   (quiet) ─────────────────────► open alert ◄──────────────────────────────────────┐
//      ▲                               │  └──────────────────────────────────────────┘
//      └────────── resolved ◄──────────┘  the next window does not meet it, or the product has no row in it
//
// An alert is opened once and stays one alert over consecutive windows, each one slide later; a window that meets the
// rule with the same numbers as the last one says nothing. (rule, product_id, opened_window) names an alert for ever,
// which makes it the key for whoever must not act twice. Pure: the same rows and watermarks give the same transitions.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "gold/alert_condition.h"
#include "gold/interest_row.h"
#include "gold/window_shape.h"

namespace pactolus {

enum class AlertState : uint8_t { open, update, resolved };
std::string_view name_of(AlertState state) noexcept;

struct AlertTransition {
  std::string product_id;
  AlertState state = AlertState::open;
  int64_t window_start = 0, window_end = 0;  // the window that was judged
  int64_t opened_window = 0;                 // start of the window that opened the alert
  int64_t views = 0, purchases = 0;          // of that window; 0 when it had no row
  bool operator==(const AlertTransition&) const = default;
};

class AlertRule {
 public:
  struct Options {
    std::string name = "high_interest_low_conversion";
    WindowShape shape{};  // of the view whose rows are judged
    AlertCondition when = {};
    // Windows that end by then are not judged: the rule was another one, or none. kNoTime: all are.
    int64_t from = kNoTime;
  };
  explicit AlertRule(Options options);

  // `rows` as interest_rows() of a commit of product_interest answers them, each window complete; `watermark` is the
  // one of that commit. To be called after every commit, also without rows: an alert resolves when its next window is
  // final and empty. Transitions by (window_start, product_id).
  std::vector<AlertTransition> judge(std::span<const InterestRow> rows, int64_t watermark);
  // What is open behind these transitions: all that judge() has ever answered up to that watermark, in order.
  void restore(std::span<const AlertTransition> told, int64_t watermark);
  size_t open_alerts() const noexcept { return open_.size(); }
  std::vector<AlertTransition> open() const;  // as last told, most viewed first

  const Options& options() const noexcept { return options_; }

 private:
  struct Alert {
    int64_t opened_window, judged_window;  // starts
    int64_t views, purchases;              // as last told
  };
  using Alerts = std::map<std::string, Alert, std::less<>>;  // by product
  AlertTransition transition(std::string_view product, AlertState state, const Alert& alert) const;
  void judge_row(const InterestRow& row, std::vector<AlertTransition>& out);
  template <class Missed>  // (start of the alert's next window) → that window is over and had no row
  void resolve(Missed missed, std::vector<AlertTransition>& out);

  Options options_;
  Alerts open_;
};

}  // namespace pactolus
