// Rows of gold/product_interest back from the lake.
#pragma once

#include <vector>

#include "gold/interest_row.h"
#include "lake/delta/snapshot.h"
#include "runtime/lake_tables.h"

namespace pactolus {

// Rows of the table's files that start at or after `from_window`, by (window_start, product_id).
Result<std::vector<InterestRow>> read_interest(const delta::Snapshot& table, int64_t from_window);
// The rows of the newest window; empty without one.
Result<std::vector<InterestRow>> newest_final_window(const LakePaths& lake);

}  // namespace pactolus
