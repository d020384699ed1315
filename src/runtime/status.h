// `_pactolus/status.json`: what runs, for `status`, `gold show` and whoever looks from outside. Written by the job,
// replaced whole, never fsynced: it may be lost, the lake is what counts.
#pragma once

#include <span>

#include <optional>

#include "base/json.h"
#include "runtime/job.h"
#include "runtime/lake_lock.h"
#include "runtime/ledger.h"

namespace pactolus {

// Products of the newest open window that are written, most viewed first. A bound, because the file is written several
// times a second; its totals are those of all products.
inline constexpr size_t kProvisionalRows = 200;

Json time_json(int64_t time);  // as text; kNoTime is null
// How far each partition has been read, and what the first ones have that is not: records, and seconds since about the
// oldest of them came.
Json sources_json(const std::vector<SourceAccount>& accounts, std::span<const SourceLag> lags = {});
// `deliveries` as Deliveries::status() has them.
Json status_json(const Job& job, int64_t now_us, bool running, Json deliveries = Json::array());
Result<> write_status(const Job& job, Clock& clock, bool running, Json deliveries = Json::array());
// Error not_found when the lake has never been run.
Result<Json> read_status(const LakePaths& lake);
// Is it of the process that holds the lake, or left by one before it?
bool is_status_of(const Json& status, const LockHolder& holder);

}  // namespace pactolus
