#include <fmt/format.h>

#include <algorithm>

#include "verify/checks.h"

namespace pactolus {
namespace {

// Two passes: the first keeps eight bytes an id and finds the few that may be there twice.
constexpr const char* kRepeated = R"(
CREATE OR REPLACE TEMP TABLE repeated AS
WITH suspects AS (SELECT hash(event_id) AS h FROM silver GROUP BY h HAVING count(*) > 1)
SELECT event_id, epoch_us(event_timestamp) AS time, event_date, is_history(topic) AS history, batch_id, topic,
       "partition", "offset"
FROM silver WHERE hash(event_id) IN (FROM suspects))";

// A reused id is another event when the horizon had passed its first copy, and for histories on another date. {}: the
// horizon. `copied`: an earlier row of the id that was still to be remembered, which makes this row one too many.
constexpr const char* kJudged = R"(
CREATE OR REPLACE TEMP TABLE judged AS
WITH before AS (
  SELECT r.*, row_number() OVER ids AS nth,
         coalesce(b.watermark_before - {}, -9223372036854775807) AS forgotten,
         max(CASE WHEN NOT history THEN time END) OVER (ids ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS live,
         max(time) OVER (dates ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS same_date
  FROM repeated r LEFT JOIN batches b ON b.batch = r.batch_id
  WINDOW ids AS (PARTITION BY event_id ORDER BY batch_id, topic, "partition", "offset"),
         dates AS (PARTITION BY event_id, event_date ORDER BY batch_id, topic, "partition", "offset"))
SELECT *, coalesce(NOT history AND live >= forgotten, false) OR coalesce(same_date >= forgotten, false) AS copied
FROM before)";

}  // namespace

Result<CheckResult> check_event_ids(VerifyInput& in) {
  CheckResult result;
  TRY(in.sql.execute(kRepeated));
  // The table says by what its rows were judged: today's configuration may be longer.
  const int64_t shortest = shortest_horizon(in.table("silver").snapshot->metadata().configuration);
  TRY(in.sql.execute(fmt::format(kJudged, std::min(shortest, in.options.config.dedup.horizon_us))));
  TRY(fail_rows(in.sql, result,
                "SELECT format('event_id {}: once more in batch {} at {}/{} offset {}', event_id, batch_id, topic, "
                "\"partition\", \"offset\") AS why "
                "FROM judged WHERE copied UNION ALL SELECT format('{} rows have no event_id', n) FROM "
                "(SELECT count(*) AS n FROM silver WHERE event_id IS NULL) WHERE n > 0"));
  const int64_t rows = TRY(one_number(in.sql, "SELECT count(*) FROM silver"));
  const int64_t reused = TRY(one_number(in.sql, "SELECT count(*) FROM judged WHERE nth > 1 AND NOT copied"));
  result.figure("rows", rows);
  result.figure("reused_ids", reused);
  result.summary = fmt::format("{}{}", counted(rows, "row"), result.wrong ? "" : ", each id once");
  if (reused > 0) result.summary += fmt::format("; {} beyond the horizon", counted(reused, "reused id"));
  return result;
}

}  // namespace pactolus
