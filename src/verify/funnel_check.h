// A funnel against Silver. What is late, what is one session and in which window it ends depends on the batches, so the
// rows are gone through once more, batch by batch, with every event of every session kept: by other code than
// gold/funnel_view.h, and from the declaration alone.
#pragma once

#include <optional>

#include "gold/view_declaration.h"
#include "verify/check_result.h"
#include "verify/verify_input.h"
#include "verify/view_sql.h"

namespace pactolus {

// Compares with table `actual`, which ViewSql has made; `rebuild` is the batch of the rebuild that is judged, none:
// what the stream made. Answers how many windows held erased events: they are not judged.
Result<int64_t> check_funnel(VerifyInput& in, const ViewDeclaration& view, const ViewComparison& c,
                             std::optional<int64_t> rebuild, CheckResult& result);

}  // namespace pactolus
