// product_interest as lines of text: for the demo's live table and `gold show`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gold/conversion.h"
#include "gold/interest_row.h"

namespace pactolus {

// Column headings, and a row under them. `marked`: the product sells conspicuously badly.
std::string interest_heading(bool colour);
std::string interest_line(const InterestRow& row, bool marked, bool colour);

}  // namespace pactolus
