// `_pactolus/status.json`: what runs, for `status`, `gold show` and whoever looks from outside. Written by the job,
// replaced whole, never fsynced: it may be lost, the lake is what counts.
#pragma once

#include <optional>

#include "base/json.h"
#include "runtime/job.h"
#include "runtime/lake_lock.h"
#include "runtime/ledger.h"

namespace pactolus {

// Products of the newest open window that are written, most viewed first. A bound, because the file is written several
// times a second; its totals are those of all products.
inline constexpr size_t kProvisionalRows = 200;

Json sources_json(const std::vector<SourceAccount>& accounts);  // how far each partition has been read
Json status_json(const Job& job, int64_t now_us, bool running);
Result<> write_status(const Job& job, Clock& clock, bool running);
// Error not_found when the lake has never been run.
Result<Json> read_status(const LakePaths& lake);
// Is it of the process that holds the lake, or left by one before it?
bool is_status_of(const Json& status, const LockHolder& holder);
// The account of the last batch, from the lake itself; nothing before the first one, and when the log does not hold its
// commit any more.
Result<std::optional<BatchAccount>> last_batch(const delta::Snapshot& silver, std::string_view job);

}  // namespace pactolus
