// The checks, each a function of its own file. To add one: declare it here, one line in the list in verify.cc.
// An Error is for what kept a check from judging (a disk that fails, not enough memory), never for what it finds.
#pragma once

#include "verify/check_result.h"
#include "verify/verify_input.h"

namespace pactolus {

// Every live file exists with the size that the log says, and its footer's row count equals the log's.
Result<CheckResult> check_files(VerifyInput& in);
// Logs have no gap and can be read; `txn` entries agree between the tables.
Result<CheckResult> check_delta_log(VerifyInput& in);
// Ranges of offsets join up to Silver's `txn`, batches are numbered without gap, watermark and batch time never fall.
Result<CheckResult> check_offsets(VerifyInput& in);
// The sums of the ledger close, and equal the rows in Silver and quarantine.
Result<CheckResult> check_ledger(VerifyInput& in);
// An event_id is in Silver once, within the horizon.
Result<CheckResult> check_event_ids(VerifyInput& in);
// Dates and hours are those of the times, folders those of the dates.
Result<CheckResult> check_partitions(VerifyInput& in);
// Final windows equal what Silver gives, neither more nor fewer.
Result<CheckResult> check_gold(VerifyInput& in);
// Alerts open, change and resolve as final windows of product_interest say.
Result<CheckResult> check_alerts(VerifyInput& in);
// As long as Bronze has them: each duplicate that was dropped has its first copy in Silver.
Result<CheckResult> check_dropped_duplicates(VerifyInput& in);

}  // namespace pactolus
