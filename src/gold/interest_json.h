// How a window's rows look as JSON: in `_pactolus/status.json` of a window that is open, from `gold show --json` of
// any.
#pragma once

#include <span>

#include "base/json.h"
#include "gold/interest_row.h"

namespace pactolus {

// An array of objects. `window` is the sum over all products, also of those that are not among the rows; a row without
// views has no conversion.
Json interest_rows_json(std::span<const InterestRow> rows, const InterestTotals& window);
Json interest_totals_json(const InterestTotals& window);

}  // namespace pactolus
