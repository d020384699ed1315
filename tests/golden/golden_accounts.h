// The accounts of a lake's batches, and what must hold of them whatever the case.
#pragma once

#include <vector>

#include "runtime/lake_tables.h"
#include "runtime/ledger.h"

namespace pactolus::golden {

// From Silver's commits, in order. Error `failed_check` when batches or offsets have a gap, a sum does not close, the
// tables have other numbers of rows, or the ledger's table says something else.
Result<std::vector<BatchAccount>> checked_accounts(const LakePaths& lake, const std::string& job, int64_t silver_rows,
                                                   int64_t quarantine_rows);

}  // namespace pactolus::golden
