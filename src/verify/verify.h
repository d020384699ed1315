// `verify`: proves from the lake that nothing was lost or doubled, and that what was computed follows from what was
// kept.
//
// A lake may be at rest or in use. Silver is judged whole, quarantine and Gold as far as they have followed it. Root
// causes come first: a check whose tables cannot be read is skipped and says why, the check that found it fails.
// Nothing of the lake is changed (but for a temporary folder when memory does not suffice). One thread.
#pragma once

#include <vector>

#include "verify/check_result.h"
#include "verify/verify_input.h"

namespace pactolus {

enum class Verdict : uint8_t { ok, failed, nothing_to_check };
std::string_view name_of(Verdict verdict) noexcept;

struct VerifyReport {
  std::string lake;
  Verdict verdict = Verdict::ok;
  std::string reason = {};  // of nothing_to_check
  std::vector<CheckResult> checks = {};
  int64_t batch = 0;  // Silver's last
  int64_t quarantine_batch = 0, gold_batch = 0;
  double seconds = 0;
};

// `done` is told each result as it comes. Errors: what kept a check from judging.
Result<VerifyReport> verify_lake(const VerifyOptions& options, Clock& clock,
                                 const std::function<void(const CheckResult&)>& done = {});

}  // namespace pactolus
