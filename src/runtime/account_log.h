// The accounts of batches that Silver's log still holds, newest first. What clean-up has taken is in the table
// `ledger`.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "lake/delta/snapshot.h"
#include "runtime/ledger.h"

namespace pactolus {

// False: enough has been seen.
using VisitAccount = std::function<Result<bool>(Version version, BatchAccount&& account)>;
// From `newest` down to the end of the log. Errors: corrupt (an account that cannot be read), io, what `visit` says.
Result<> accounts_newest_first(const fs::path& silver, Version newest, std::string_view job, const VisitAccount& visit);

// The account of the last batch; nothing before the first one, and when the log does not hold its commit any more.
Result<std::optional<BatchAccount>> last_batch(const delta::Snapshot& silver, std::string_view job);

}  // namespace pactolus
