// `_pactolus/status.json`: what runs, for `status`, `gold show` and whoever looks from outside. Written by the job,
// replaced whole, never fsynced: it may be lost, the lake is what counts.
#pragma once

#include "base/json.h"
#include "runtime/job.h"

namespace pactolus {

Json status_json(const Job& job, int64_t now_us, bool running);
Result<> write_status(const Job& job, Clock& clock, bool running);
// Error not_found when the lake has never been run.
Result<Json> read_status(const LakePaths& lake);

}  // namespace pactolus
