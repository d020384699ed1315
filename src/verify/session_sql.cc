// Sessions against Silver. `on_time` has the rows that were not late, `of_session` those that a final session holds,
// `others` those that none does: what is open, or was never this view's to make; with the time at which a session of
// them alone would begin.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "verify/measure_sql.h"
#include "verify/view_sql.h"

namespace pactolus {
namespace {

constexpr const char* kOnTime = R"(
CREATE OR REPLACE TEMP TABLE on_time AS
SELECT row_number() OVER () AS row, * EXCLUDE (watermark_before)
FROM (
  SELECT k.key, s.event_type AS kind, epoch_us(s.event_timestamp) AS time, s.batch_id AS batch, $values
         coalesce(s.price, 0)::DECIMAL(28, 4) AS price, s.quantity,
         CASE WHEN s.currency <> $currency THEN s.currency END AS other_currency, b.watermark_before
  FROM silver s JOIN batches b ON b.batch = s.batch_id JOIN keys k ON $same_key
  WHERE s.batch_id <= $batch AND $counts AND $any_kind)
WHERE coalesce(time + $size > $open, true))";

constexpr const char* kOfSession = R"(
CREATE OR REPLACE TEMP TABLE of_session AS
SELECT c.*, a.ends
FROM on_time c JOIN actual a ON a.key = c.key AND c.time BETWEEN a.from_us AND a.to_us - $size AND c.batch <= a.made_by
QUALIFY row_number() OVER (PARTITION BY c.row ORDER BY a.made_by, a.ends) = 1)";

// A rebuild has made sessions of what is in its days, in place of the stream's.
constexpr const char* kOthers = R"(
CREATE OR REPLACE TEMP TABLE others AS
WITH left_over AS (
  SELECT key, time, batch, coalesce(time - lag(time) OVER (PARTITION BY key ORDER BY time) > $size, true)::INT AS begins
  FROM on_time c ANTI JOIN of_session USING (row)
  ANTI JOIN (SELECT k.key, epoch_us(a.window_start) AS from_us, epoch_us(a.window_end) AS to_us, a.batch_id AS made_by
             FROM $table a JOIN keys k ON $key_of_row WHERE a.basis = 'rebuild') r
  ON r.key = c.key AND c.time BETWEEN r.from_us AND r.to_us - $size AND c.batch <= r.made_by)
SELECT key, time, batch, min(time) OVER (PARTITION BY key, session) AS first_time
FROM (SELECT *, sum(begins) OVER (PARTITION BY key ORDER BY time) AS session FROM left_over))";

constexpr const char* kLarger = R"(
CREATE OR REPLACE TEMP TABLE larger AS
SELECT DISTINCT ends FROM actual a SEMI JOIN (SELECT min_time, max_time FROM erased s WHERE $counts AND s.time >= $made) e
ON a.from_us <= e.max_time + $size AND a.to_us > e.min_time)";

constexpr const char* kHeld = R"(
SELECT key, ends, 'no event of Silver is of this session' AS what
FROM actual ANTI JOIN expected USING (key, ends) WHERE ends NOT IN (FROM larger)
UNION ALL
SELECT key, ends, format('it begins {} and ends {} for {} and {}', time_text(a.from_us), time_text(a.to_us),
                         time_text(e.first_time), time_text(e.last_time + $size))
FROM actual a JOIN expected e USING (key, ends)
WHERE (a.from_us <> e.first_time OR a.to_us <> e.last_time + $size) AND ends NOT IN (FROM larger)
UNION ALL
SELECT key, ends, format('nothing happens for {} s of it', round(max(pause) / 1e6))
FROM (SELECT key, ends, time - lag(time) OVER (PARTITION BY key, ends ORDER BY time) AS pause FROM of_session)
WHERE pause > $size AND ends NOT IN (FROM larger) GROUP BY key, ends)";

// What was there when a session became final, and near enough, is in it, unless it was final itself by then; sessions
// from before the view was declared have no row that says so.
constexpr const char* kNear = R"(
SELECT a.key, a.ends, format('{} events near it are not in it', count(*)) AS what
FROM (SELECT key, time, batch, NULL AS ends, NULL AS made_by FROM others WHERE first_time >= $first
      UNION ALL SELECT o.key, o.time, o.batch, o.ends, a.made_by FROM of_session o JOIN actual a USING (key, ends)) o
JOIN actual a ON a.key = o.key AND o.time >= a.from_us - $size AND o.time <= a.to_us AND o.batch <= a.made_by
WHERE o.ends IS DISTINCT FROM a.ends AND coalesce(o.made_by >= a.made_by, true) AND a.ends NOT IN (FROM larger)
GROUP BY a.key, a.ends)";

constexpr const char* kMissing = R"(
SELECT key, last_time + $size AS ends, format('the session is missing, Silver has {} of its events', events) AS what
FROM (SELECT key, first_time, count(*) AS events, max(time) AS last_time FROM others GROUP BY key, first_time)
ANTI JOIN erased e ON first_time <= e.max_time + $size AND last_time + $size > e.min_time
$of r.window_date = make_timestamp(first_time)::DATE AND last_time + $size <= r.last_end
WHERE last_time + $size <= $last AND first_time >= $first)";

// When the watermark came to its end.
constexpr const char* kFinal = R"(
SELECT key, ends, format('batch {} did not make it final', made_by) AS what
FROM actual LEFT JOIN batches ON batch = made_by
WHERE coalesce(NOT (to_us <= watermark_after AND coalesce(to_us > watermark_before, true)), true))";

}  // namespace

std::vector<std::string> ViewSql::session_tables() const {
  std::string sums;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    if (!is_summed(m)) continue;
    if (m.function == MeasureFunction::first)
      sums += fmt::format(", arg_min({0}, (time, {0})) FILTER ({0} IS NOT NULL) AS {1}", set_column(m), numbered(i));
    else if (m.is_set())
      sums +=
          fmt::format(", count(DISTINCT {}) FILTER ({}) + {} AS {}", set_column(m), is_of(m), sum_of(m), numbered(i));
    else
      sums += fmt::format(", {}::{} AS {}", sum_of(m), type_of(m), numbered(i));
  }
  std::vector<std::string> out = {kOnTime, actual(), kOfSession, kOthers, kLarger};
  out.push_back(fmt::format(
      "CREATE OR REPLACE TEMP TABLE expected AS SELECT key, ends, count(*) AS events, min(time) AS first_time, "
      "max(time) AS last_time{} FROM of_session GROUP BY key, ends",
      sums));
  std::vector<std::string> others, same_key;
  for (size_t i = 0; i < view_.measures.size(); ++i)
    if (const Measure& m = view_.measures[i]; m.function == MeasureFunction::other_currencies)
      others.push_back(
          fmt::format("SELECT key, ends, {} AS measure, other_currency AS currency, {} AS amount "
                      "FROM of_session WHERE other_currency IS NOT NULL AND {}",
                      i, amount_of(m), is_of(m)));
  if (!others.empty())
    out.push_back(
        fmt::format("CREATE OR REPLACE TEMP TABLE expected_other AS "
                    "SELECT key, ends, measure, currency, sum(amount) AS amount FROM ({}) GROUP BY ALL",
                    fmt::join(others, " UNION ALL ")));
  for (size_t k = 0; k < view_.keys.size(); ++k)
    same_key.push_back(fmt::format("k.k{} IS NOT DISTINCT FROM a.{}", k, name_of(view_.keys[k])));
  const std::string key_of_row = fmt::format("{}", fmt::join(same_key, " AND "));
  for (std::string& statement : out)
    if (const size_t at = statement.find("$key_of_row"); at != statement.npos)
      statement.replace(at, std::string_view("$key_of_row").size(), key_of_row);
  out.insert(out.begin(), "CREATE OR REPLACE TEMP MACRO time_text(us) AS strftime(make_timestamp(us), '$time')");
  return out;
}

std::vector<std::string> ViewSql::session_faults(const ViewComparison& c) const {
  std::vector<std::string> out = {kHeld, kNear, kMissing};
  if (c.open != ViewComparison{}.open) out.push_back(kFinal);  // a rebuild makes what was final before
  return out;
}

}  // namespace pactolus
