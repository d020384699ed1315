#include <fmt/format.h>

#include "verify/checks.h"

namespace pactolus {
namespace {

constexpr const char* kSums = R"(
SELECT format('batch {} {}/{}: {} offsets, {} consumed and {} skipped; {} in silver, {} duplicates, {} quarantined',
              batch, topic, "partition", end_offset - start_offset, consumed, skipped, silver, duplicates, quarantined)
       AS why
FROM sources
WHERE end_offset - start_offset <> consumed + skipped OR consumed <> silver + duplicates + quarantined
   OR least(consumed, skipped, silver, duplicates, quarantined) < 0)";

constexpr const char* kSilver = R"(
WITH told AS (SELECT batch, topic, "partition", sum(silver) AS n FROM sources GROUP BY ALL),
found AS (SELECT batch_id AS batch, topic, "partition"::BIGINT AS "partition", count(*) AS n FROM silver GROUP BY ALL),
gone AS (SELECT batch, topic, "partition", sum(silver) AS n FROM erased GROUP BY ALL)
SELECT format('batch {} {}/{}: silver has {} rows and {} are erased, the ledger says {}', batch, topic, "partition",
              coalesce(f.n, 0), coalesce(g.n, 0), coalesce(t.n, 0)) AS why
FROM told t FULL JOIN found f USING (batch, topic, "partition") FULL JOIN gone g USING (batch, topic, "partition")
WHERE coalesce(f.n, 0) + coalesce(g.n, 0) <> coalesce(t.n, 0))";

// {0}: the batch that quarantine has reached.
constexpr const char* kQuarantine = R"(
WITH told AS (SELECT batch, topic, "partition", reason, sum(records) AS n FROM reasons WHERE batch <= {0} GROUP BY ALL),
found AS (SELECT batch_id AS batch, topic, "partition"::BIGINT AS "partition", reason, count(*) AS n FROM quarantine
          WHERE batch_id <= {0} OR batch_id IS NULL GROUP BY ALL),
gone AS (SELECT batch, topic, "partition", reason, sum(records) AS n FROM erased_reasons GROUP BY ALL)
SELECT format('batch {} {}/{} {}: quarantine has {} rows and {} are erased, the ledger says {}', batch, topic,
              "partition", reason, coalesce(f.n, 0), coalesce(g.n, 0), coalesce(t.n, 0)) AS why
FROM told t FULL JOIN found f USING (batch, topic, "partition", reason)
FULL JOIN gone g USING (batch, topic, "partition", reason)
WHERE coalesce(f.n, 0) + coalesce(g.n, 0) <> coalesce(t.n, 0))";

constexpr const char* kFolded = R"(
WITH told AS (
  SELECT * EXCLUDE (teller, epoch, commit_uuid), count(DISTINCT teller) AS tellers
  FROM sources_told JOIN batches_told USING (teller, batch)
  WHERE batch IN (SELECT batch FROM batches_told GROUP BY batch HAVING count(DISTINCT teller) = 2)
  GROUP BY ALL)
SELECT format('batch {} {}/{} is in the ledger table {} times', batch, topic, "partition", count(*)) AS why
FROM sources_told WHERE teller = 'ledger' GROUP BY batch, topic, topic_id, "partition" HAVING count(*) > 1
UNION ALL
SELECT DISTINCT format('batch {}: the log and the ledger table tell different accounts', batch)
FROM told WHERE tellers <> 2)";

std::string with_batch(std::string_view query, int64_t batch) {
  std::string out(query);
  for (size_t at; (at = out.find("{0}")) != out.npos;) out.replace(at, 3, std::to_string(batch));
  return out;
}

}  // namespace

Result<CheckResult> check_ledger(VerifyInput& in) {
  CheckResult result;
  TRY(fail_rows(in.sql, result, kSums));
  TRY(fail_rows(in.sql, result, kFolded));
  TRY(fail_rows(in.sql, result, kSilver));
  TRY(fail_rows(in.sql, result, with_batch(kQuarantine, in.quarantine_reached)));
  const SqlTable t = TRY(in.sql.query(
      "SELECT sum(consumed)::BIGINT AS consumed, sum(skipped)::BIGINT AS skipped, sum(silver)::BIGINT AS silver, "
      "sum(duplicates)::BIGINT AS duplicates, sum(quarantined)::BIGINT AS quarantined FROM sources"));
  for (const char* name : {"consumed", "skipped", "silver", "duplicates", "quarantined"})
    result.figure(name, t.int_at(0, name));
  const int64_t erased = TRY(one_number(in.sql, "SELECT sum(silver)::BIGINT FROM erased")),
                erased_rejects = TRY(one_number(in.sql, "SELECT sum(records)::BIGINT FROM erased_reasons"));
  result.figure("erased", erased);
  result.figure("erased_rejects", erased_rejects);
  result.figure("unfinished_erasure", in.unfinished_erasure ? 1 : 0);
  result.figure("quarantine_judged_to_batch", in.quarantine_reached);
  result.summary = fmt::format("{} = {} silver + {} duplicates + {} quarantined",
                               counted(t.int_at(0, "consumed"), "record"), with_commas(t.int_at(0, "silver")),
                               with_commas(t.int_at(0, "duplicates")), with_commas(t.int_at(0, "quarantined")));
  if (erased + erased_rejects > 0)
    result.summary += fmt::format("; {} erased since", counted(erased + erased_rejects, "row"));
  if (in.unfinished_erasure)
    result.summary += "; an erasure has not come to its end: pactolus tables erase goes on with it";
  if (in.quarantine_reached < in.last_batch)
    result.summary += fmt::format(" (quarantine to batch {} of {})", in.quarantine_reached, in.last_batch);
  return result;
}

}  // namespace pactolus
