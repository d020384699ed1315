// Rules of alerts in pactolus.toml:
//
//   [[alert]]
//   name = "high_interest_low_conversion"          the built-in rule, by other numbers; another name is one more
//   when = "views > 500 and purchases < 10"        gold/alert_condition.h
//
//   [[alert]]
//   name = "low_conversion"                        the statistical one: evidence to 1
//   evidence = 100000
//
// `enabled = false` leaves a rule out.
#pragma once

#include "cli/config_tables.h"

namespace pactolus {

inline constexpr std::string_view kAlertRules = "alert";

TakenTable take_alert(const RawValue& table, Config& config);
// Each rule as a file would declare it, low_conversion last.
std::vector<std::pair<std::string, std::vector<std::string>>> alert_lines(const Config& config);

}  // namespace pactolus
