// The report for people, programs and build servers.
//
//   ok   offsets      3 partitions, 2 batches, 20,000 offsets, no gap
//   FAIL gold         50 rows of product_interest in 12 windows
//          prod_0042 2026-11-24T13:41Z: views 17 for 18
//   skip duplicates   --no-bronze
#pragma once

#include <string>

#include "base/json.h"
#include "verify/verify.h"

namespace pactolus {

std::string text_line(const CheckResult& result);  // with the failing rows beneath; ends in a newline
std::string verdict_line(const VerifyReport& report);
Json to_json(const VerifyReport& report);
std::string to_junit(const VerifyReport& report);  // one test suite, one case a check

}  // namespace pactolus
