// Views in pactolus.toml:
//
//   [[gold.view]]
//   name = "device_hours"
//   keys = ["product_category", "device_type"]     none: one row for each window
//   size = "1h"
//   slide = "15m"                                  left out: the size, so that windows follow one another
//   measures = ["count(view) as views", "distinct(user_id) as visitors"]
//
// A view takes the place of one of the same name, a built-in one too; gold/measure.h has the measures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config_tables.h"

namespace pactolus {

inline constexpr std::string_view kViews = "gold.view";

TakenTable take_view(const RawValue& table, Config& config);

// What is wrong with a view that was taken, once all event types are known.
std::vector<ViewFault> faults_of_view(const Config& config, std::string_view name);

std::vector<std::string> view_lines(const ViewDeclaration& view);  // as a file would declare it

}  // namespace pactolus
