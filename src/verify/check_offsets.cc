#include <fmt/format.h>

#include "base/time_text.h"
#include "runtime/losses.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

constexpr const char* kRanges = R"(
WITH ranges AS (
  SELECT *, lag(end_offset) OVER (PARTITION BY topic, topic_id, "partition" ORDER BY batch) AS before,
         format('{}/{}: batch {} with [{}, {})', topic, "partition", batch, start_offset, end_offset) AS what
  FROM sources)
SELECT CASE WHEN end_offset < start_offset THEN what || ' ends before it starts'
            WHEN before > start_offset THEN what || ' takes offsets again, the one before ends at ' || before
            ELSE what || ' leaves out offsets, the one before ends at ' || before END AS why
FROM ranges WHERE end_offset < start_offset OR before <> start_offset)";

constexpr const char* kPositions = R"(
WITH told AS (SELECT topic, topic_id, "partition", max(end_offset) AS next_offset FROM sources GROUP BY ALL)
SELECT format('{}/{}: the ledger ends at {}, txn says {}', topic, "partition",
              coalesce(t.next_offset::VARCHAR, 'nothing'), coalesce(p.next_offset::VARCHAR, 'nothing')) AS why
FROM told t FULL JOIN positions p USING (topic, topic_id, "partition")
WHERE t.next_offset IS DISTINCT FROM p.next_offset)";

constexpr const char* kBatches = R"(
WITH joined AS (
  SELECT *, lag(batch, 1, 0::BIGINT) OVER w AS before, lag(batch_time) OVER w AS time_before,
         lag(watermark_after) OVER w AS after_before
  FROM batches WINDOW w AS (ORDER BY batch)),
judged AS (
  SELECT CASE
    WHEN batch - 1 > before THEN format('batches {} to {} are missing', before + 1, batch - 1)
    WHEN batch_time < time_before THEN format('batch {}: its batch time is before that of batch {}', batch, before)
    WHEN watermark_before IS DISTINCT FROM after_before
      THEN format('batch {}: its watermark begins elsewhere than that of batch {} ends', batch, before)
    WHEN watermark_before IS NOT NULL AND coalesce(watermark_after < watermark_before, true)
      THEN format('batch {}: its watermark falls', batch) END AS why
  FROM joined)
FROM judged WHERE why IS NOT NULL)";

// Offsets are lost where somebody has accepted it, and nowhere else.
constexpr const char* kLosses = R"(
WITH told AS (SELECT batch, topic, "partition", sum(lost) AS n FROM sources WHERE lost > 0 GROUP BY ALL),
accepted AS (SELECT batch, topic, "partition", sum(end_offset - start_offset) AS n FROM losses
             WHERE kind IN ('deleted', 'unreadable') GROUP BY ALL)
SELECT format('batch {} {}/{}: {} offsets are skipped as lost, {} were accepted', batch, topic, "partition",
              coalesce(t.n, 0), coalesce(a.n, 0)) AS why
FROM told t FULL JOIN accepted a USING (batch, topic, "partition") WHERE t.n IS DISTINCT FROM a.n)";

Result<> tell_losses(VerifyInput& in, CheckResult& result) {
  const SqlTable losses = TRY(in.sql.query("FROM losses ORDER BY batch, topic, topic_id, \"partition\""));
  int64_t offsets = 0;
  for (size_t i = 0; i < losses.rows; ++i) {
    const AcceptedLoss loss{losses.text_at(i, "kind"),        losses.text_at(i, "topic"),
                            losses.text_at(i, "topic_id"),    int32_t(losses.int_at(i, "partition")),
                            losses.int_at(i, "start_offset"), losses.int_at(i, "end_offset"),
                            losses.text_at(i, "reason")};
    offsets += lost_offsets(loss);
    result.notes.push_back(
        fmt::format("accepted loss, {}: {}: \"{}\"", iso_time(losses.int_at(i, "time")), text_of(loss), loss.reason));
  }
  result.figure("accepted_losses", int64_t(losses.rows));
  result.figure("lost_offsets", offsets);
  if (losses.rows > 0) result.summary += fmt::format("; {} loss{} accepted", losses.rows, losses.rows == 1 ? "" : "es");
  return {};
}

}  // namespace

Result<CheckResult> check_offsets(VerifyInput& in) {
  CheckResult result;
  TRY(fail_rows(in.sql, result, kRanges));
  TRY(fail_rows(in.sql, result, kPositions));
  TRY(fail_rows(in.sql, result, kBatches));
  TRY(fail_rows(in.sql, result, kLosses));
  const int64_t last = TRY(one_number(in.sql, "SELECT max(batch) FROM batches"));
  if (last != in.last_batch)
    result.fail_row(fmt::format("the last account is of batch {}, txn says {}", last, in.last_batch));
  const SqlTable t =
      TRY(in.sql.query("SELECT count(DISTINCT (topic, topic_id, \"partition\")) AS partitions, sum(end_offset - "
                       "start_offset)::BIGINT AS offsets FROM sources"));
  // A topic that was begun inside (run.start), or after retention: nothing before is promised, and that is said.
  const int64_t unread =
      TRY(one_number(in.sql,
                     "SELECT coalesce(sum(first), 0)::BIGINT FROM (SELECT topic, min(start_offset) AS first, "
                     "min(batch) AS batch FROM sources GROUP BY topic, topic_id, \"partition\") "
                     "WHERE (topic, batch) NOT IN (SELECT (topic, batch) FROM losses WHERE kind = 'fell_back')"));
  const int64_t batches = TRY(one_number(in.sql, "SELECT count(*) FROM batches"));
  result.figure("partitions", t.int_at(0, "partitions"));
  result.figure("offsets", t.int_at(0, "offsets"));
  result.figure("batches", batches);
  result.figure("before_start", unread);
  result.summary =
      fmt::format("{}, {} batch{}, {}{}", counted(t.int_at(0, "partitions"), "partition"), with_commas(batches),
                  batches == 1 ? "" : "es", counted(t.int_at(0, "offsets"), "offset"), result.wrong ? "" : ", no gap");
  if (unread > 0)
    result.summary += fmt::format("; begun after {} that the ledger does not speak of", counted(unread, "offset"));
  TRY(tell_losses(in, result));
  return result;
}

}  // namespace pactolus
