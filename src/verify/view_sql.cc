#include "verify/view_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "gold/distinct_set.h"
#include "query/duckdb.h"
#include "verify/measure_sql.h"

namespace pactolus {
namespace {

constexpr double kSketchError = 5 * 1.04 / 64;  // five standard errors of a HyperLogLog with 2^12 registers
constexpr int64_t kNever = -9'000'000'000'000'000'000;

constexpr const char* kMacros = R"(
CREATE OR REPLACE TEMP MACRO pane_of(us) AS (us - ((us % $pane) + $pane) % $pane) // $pane;
CREATE OR REPLACE TEMP MACRO end_from(e) AS e + (($size - e) % $slide + $slide) % $slide;
CREATE OR REPLACE TEMP MACRO start_us(e) AS (e - $size) * $pane;
CREATE OR REPLACE TEMP MACRO start_text(e) AS strftime(make_timestamp(start_us(e)), '$time');
CREATE OR REPLACE TEMP MACRO differs(what, got, wanted, may_be_larger) AS
  CASE WHEN got IS DISTINCT FROM wanted AND NOT (may_be_larger AND coalesce(got > wanted, false))
       THEN format('{} {} for {}', what, coalesce(got::VARCHAR, 'NULL'), coalesce(wanted::VARCHAR, 'NULL')) END)";

constexpr const char* kCounted = R"(
CREATE OR REPLACE TEMP VIEW counted AS
SELECT *, greatest(pane + 1, coalesce(pane_of($open) + 1, pane + 1)) AS first_end
FROM (
  SELECT k.key, s.event_type AS kind, pane_of(epoch_us(s.event_timestamp)) AS pane, $values
         coalesce(s.price, 0)::DECIMAL(28, 4) AS price, s.quantity,
         CASE WHEN s.currency <> $currency THEN s.currency END AS other_currency, b.watermark_before
  FROM silver s JOIN batches b ON b.batch = s.batch_id JOIN keys k ON $same_key
  WHERE s.batch_id <= $batch AND $counts AND $any_kind))";

constexpr const char* kLarger = R"(
CREATE OR REPLACE TEMP TABLE larger AS
SELECT DISTINCT ends FROM (SELECT DISTINCT ends FROM actual) SEMI JOIN (
  SELECT DISTINCT pane_of(min_time) + 1 AS first_end, pane_of(max_time) + $size AS last_end
  FROM erased s WHERE $counts AND s.time >= $made) ON ends BETWEEN first_end AND last_end)";

constexpr const char* kWindows = R"(
SELECT key, ends, format('the window is missing, Silver has {} of its events', events) AS what
FROM expected e ANTI JOIN actual a USING (key, ends)
UNION ALL
SELECT key, ends, 'the window should not be there'
FROM actual a ANTI JOIN expected e USING (key, ends) WHERE ends NOT IN (FROM larger)
UNION ALL
SELECT key, ends, 'the window is none of this view''s, by its start or its length'
FROM actual WHERE to_us - from_us <> $size * $pane OR from_us <> start_us(ends) OR end_from(ends) <> ends)";

// The rate is the quotient to the last bit; the ends of Wilson's interval are so but for rounding (gold/conversion.h).
constexpr const char* kRate = R"(
SELECT key, ends, format('{} {{}} [{{}}, {{}}] of {{}} {} and {{}} {}', coalesce({}_rate::VARCHAR, 'NULL'),
       coalesce({}_low::VARCHAR, 'NULL'), coalesce({}_high::VARCHAR, 'NULL'), whole, part) AS what
FROM (
  SELECT *, (p + z * z / (2 * n)) / (1 + z * z / n) AS centre,
         z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) AS half
  FROM (SELECT *, {} AS part, {} AS whole, 1.959963984540054::DOUBLE AS z, greatest(whole, part, 1)::DOUBLE AS n,
               part / n AS p FROM actual))
WHERE CASE WHEN whole = 0 THEN coalesce({}_rate, {}_low, {}_high) IS NOT NULL
           ELSE {}_rate IS DISTINCT FROM part::DOUBLE / whole
                OR coalesce(abs({}_low - greatest(0, centre - half)) > 1e-9, true)
                OR coalesce(abs({}_high - least(1, centre + half)) > 1e-9, true) END)";

constexpr const char* kLength = R"(
SELECT key, ends, 'the window is none of this view''s, by its length' AS what
FROM actual WHERE to_us - from_us <> $size * $pane)";

void replace_all(std::string& text, std::string_view name, std::string_view value) {
  for (size_t at = 0; (at = text.find(name, at)) != text.npos; at += value.size()) text.replace(at, name.size(), value);
}

}  // namespace

std::string ViewSql::filled(std::string text, const ViewComparison& c) const {
  const int64_t pane = view_.shape.is_session() ? 1 : view_.shape.pane();
  std::set<std::string> values;
  std::vector<std::string> same_key;
  std::string any_kind;
  for (const Measure& m : view_.measures) {
    if (m.is_set() || m.function == MeasureFunction::first) values.insert(fmt::format("s.{},", set_column(m)));
    if (names_events(m)) any_kind += (any_kind.empty() ? "" : " OR ") + is_of(m, "s.event_type");
  }
  for (size_t k = 0; k < view_.keys.size(); ++k)
    same_key.push_back(fmt::format("k.k{} IS NOT DISTINCT FROM {}", k, column_sql(view_.keys[k], "s.")));
  // Longer names first where one begins with another.
  const std::pair<std::string_view, std::string> fillings[] = {
      {"$any_kind", fmt::format("({})", any_kind)},
      {"$values", fmt::format("{}", fmt::join(values, " "))},
      {"$same_key", same_key.empty() ? "TRUE" : fmt::format("{}", fmt::join(same_key, " AND "))},
      {"$table", sql_name(table_)},
      {"$time", pane % kMicrosPerMinute == 0 ? "%Y-%m-%dT%H:%MZ" : "%Y-%m-%dT%H:%M:%S.%fZ"},
      {"$counts", c.counts},
      {"$open", c.open},
      {"$of", c.of},
      {"$batch", std::to_string(c.batch)},
      {"$currency", sql_text(c.currency)},
      {"$first", std::to_string(std::max(c.first_window, kNever))},
      {"$last", std::to_string(c.closed == kNoTime ? kNever / 4 : floor_div(c.closed, pane))},
      {"$made", std::to_string(std::max(c.made, kNever))},
      {"$pane", fmt::format("{}::BIGINT", pane)},
      {"$size", fmt::format("{}::BIGINT", view_.shape.size / pane)},
      {"$slide", fmt::format("{}::BIGINT", view_.shape.slide / pane)}};
  for (const auto& [name, value] : fillings) replace_all(text, name, value);
  return text;
}

// "product_interest p1 2025-11-29T10:00Z: views 2 for 3"
std::string ViewSql::what_is(std::string_view faults) const {
  return fmt::format(
      "SELECT concat_ws(' ', {}, called, start_text(ends)) || ': ' || what AS why FROM ({}) JOIN keys USING (key)",
      sql_text(view_.name), faults);
}

std::string ViewSql::rebuilt() const {
  return filled(R"(
CREATE OR REPLACE TEMP TABLE rebuilt AS
SELECT window_date, min(batch_id) AS batch, count(DISTINCT batch_id) AS batches, max(epoch_us(window_end)) AS last_end
FROM $table WHERE basis = 'rebuild' GROUP BY window_date)",
                {});
}

std::string ViewSql::mixed_rebuilds() const {
  return filled(fmt::format(R"(
SELECT format('{0} {{}}: rows of {{}} rebuilds', window_date, batches) AS why FROM rebuilt WHERE batches > 1
UNION ALL
SELECT format('{0} {{}}: {{}} rows are not of the rebuild that replaced them', window_date, count(*))
FROM $table g JOIN rebuilt r USING (window_date)
WHERE epoch_us(window_end) <= r.last_end AND basis <> 'rebuild' GROUP BY window_date
UNION ALL
SELECT format('{0} {{}}: {{}} rows have the basis {{}}, which none has', window_date, count(*), basis)
FROM $table WHERE basis NOT IN ('stream', 'rebuild') GROUP BY window_date, basis)",
                            view_.name),
                {});
}

// Rows a of this declaration.
std::string is_own(int64_t declared) {
  return fmt::format("CASE WHEN basis = 'rebuild' THEN a.batch_id > {} ELSE epoch_us(window_start) >= $first END",
                     declared);
}

std::string ViewSql::twice(const ViewComparison& c, int64_t declared) const {
  std::vector<std::string> texts, columns;
  for (const EventColumn key : view_.keys) {
    columns.push_back(fmt::format("{}, ", name_of(key)));
    texts.push_back(fmt::format("coalesce({}, 'null'), ", name_of(key)));
  }
  return filled(fmt::format("SELECT concat_ws(' ', {}, {} start_text(pane_of(epoch_us(window_end)))) || "
                            "format(': the window is there {{}} times', count(*)) AS why "
                            "FROM $table a WHERE {} GROUP BY {} window_end HAVING count(*) > 1",
                            sql_text(view_.name), fmt::join(texts, ""), is_own(declared), fmt::join(columns, "")),
                c);
}

std::string ViewSql::earlier(const ViewComparison& c, int64_t declared) const {
  return filled(fmt::format("SELECT count(*) FROM $table a WHERE NOT {}", is_own(declared)), c);
}

std::string ViewSql::expected() const {
  std::vector<std::string> summed, sums, steps, step_sums, all;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    if (!is_summed(m)) continue;
    const std::string name = numbered(i);
    summed.push_back(fmt::format("{}::{} AS {}", sum_of(m), type_of(m), name));
    sums.push_back(fmt::format("sum({0})::{1} AS {0}", name, type_of(m)));
    all.push_back(m.is_set() ? fmt::format("(s.{0} + sum(coalesce(t.{0}, 0)) OVER windows)::BIGINT AS {0}", name)
                             : fmt::format("s.{}", name));
    if (!m.is_set()) continue;
    std::string zeros_before, zeros_behind;
    bool behind = false;
    for (size_t j = 0; j < view_.measures.size(); ++j) {
      if (!view_.measures[j].is_set()) continue;
      if (i == j)
        behind = true;
      else
        (behind ? zeros_behind : zeros_before) += fmt::format(", 0 AS {}", numbered(j));
    }
    step_sums.push_back(fmt::format("sum({0}) AS {0}", name));
    steps.push_back(fmt::format(R"(
SELECT key, unnest([first_end, last_end + 1]) AS ends{3}, unnest([1, -1]) AS {0}{4}
FROM (
  SELECT key, first_end, least(last_end, coalesce(min(first_end) OVER later - 1, last_end)) AS last_end
  FROM (SELECT key, {1} AS value, pane, pane + $size AS last_end, min(first_end) AS first_end FROM counted
        WHERE {2} AND {1} IS NOT NULL AND first_end <= pane + $size GROUP BY ALL)
  WINDOW later AS (PARTITION BY key, value ORDER BY pane ROWS BETWEEN 1 FOLLOWING AND $size FOLLOWING))
WHERE first_end <= last_end)",
                                name, set_column(m), is_of(m), zeros_before, zeros_behind));
  }
  const auto listed = [](const std::vector<std::string>& items) {
    std::string out;
    for (const std::string& item : items) out += ", " + item;
    return out;
  };
  std::string text = fmt::format(R"(
CREATE OR REPLACE TEMP TABLE expected AS
WITH panes AS (
  SELECT key, pane, first_end, count(*) AS events{}
  FROM counted GROUP BY key, pane, first_end),
each_end AS (
  SELECT * EXCLUDE (pane, first_end),
         unnest(range(end_from(first_end), least(pane + $size, $last) + 1, $slide)) AS ends
  FROM panes),
sums AS (SELECT key, ends, sum(events)::BIGINT AS events{} FROM each_end GROUP BY key, ends))",
                                 listed(summed), listed(sums));
  const std::string window = " WHERE start_us(ends) >= $first";
  if (steps.empty()) return text + "\nSELECT e.* FROM sums e $judged" + window;
  text += fmt::format(R"(,
steps AS ({}),
step_sums AS (SELECT key, ends{} FROM steps GROUP BY key, ends),
joined AS (
  SELECT key, ends, s.events{}
  FROM sums s FULL JOIN step_sums t USING (key, ends)
  WINDOW windows AS (PARTITION BY key ORDER BY ends))
SELECT e.* FROM joined e $judged)",
                      fmt::join(steps, " UNION ALL "), listed(step_sums), listed(all));
  return text + window + " AND events IS NOT NULL";
}

std::string ViewSql::expected_other() const {
  std::vector<std::string> parts;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    if (m.function == MeasureFunction::other_currencies)
      parts.push_back(fmt::format(R"(
  SELECT key, {} AS measure, other_currency AS currency,
         unnest(range(end_from(first_end), least(pane + $size, $last) + 1, $slide)) AS ends, {} AS amount
  FROM counted WHERE other_currency IS NOT NULL AND {})",
                                  i, amount_of(m), is_of(m)));
  }
  if (parts.empty()) return {};
  return fmt::format(R"(
CREATE OR REPLACE TEMP TABLE expected_other AS
SELECT e.* FROM (SELECT key, ends, measure, currency, sum(amount) AS amount FROM ({}) GROUP BY ALL) e $judged
WHERE start_us(ends) >= $first)",
                     fmt::join(parts, " UNION ALL "));
}

std::string ViewSql::actual() const {
  std::string columns;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    for (const std::string& name : m.columns())
      columns += fmt::format(", a.{} AS {}{}", sql_name(name), numbered(i), name.substr(m.name.size()));
  }
  std::vector<std::string> same_key;
  for (size_t k = 0; k < view_.keys.size(); ++k)
    same_key.push_back(fmt::format("k.k{} IS NOT DISTINCT FROM a.{}", k, name_of(view_.keys[k])));
  return fmt::format(R"(
CREATE OR REPLACE TEMP TABLE actual AS
SELECT k.key, pane_of(epoch_us(a.window_end)) AS ends, epoch_us(a.window_start) AS from_us,
       epoch_us(a.window_end) AS to_us, a.batch_id AS made_by{}
FROM (SELECT a.* FROM $table a $of r.window_date = a.window_date AND epoch_us(a.window_end) <= r.last_end) a
JOIN keys k ON {}
WHERE epoch_us(a.window_start) >= $first)",
                     columns, same_key.empty() ? "TRUE" : fmt::format("{}", fmt::join(same_key, " AND ")));
}

std::vector<std::string> ViewSql::tables(const ViewComparison& c) const {
  std::vector<std::string> of_silver, of_gold, texts;
  for (size_t k = 0; k < view_.keys.size(); ++k) {
    of_silver.push_back(fmt::format("{} AS k{}", column_sql(view_.keys[k], "s."), k));
    of_gold.push_back(std::string(name_of(view_.keys[k])));
    texts.push_back(fmt::format("coalesce(k{}, 'null')", k));
  }
  std::vector<std::string> out = {kMacros};
  if (view_.keys.empty())
    out.push_back("CREATE OR REPLACE TEMP TABLE keys AS SELECT 0 AS key, NULL::VARCHAR AS called");
  else
    out.push_back(fmt::format(R"(
CREATE OR REPLACE TEMP TABLE keys AS
SELECT row_number() OVER ()::INTEGER AS key, *, concat_ws(' ', {}) AS called
FROM (SELECT {} FROM silver s WHERE s.batch_id <= $batch AND $any_kind UNION SELECT {} FROM $table))",
                              fmt::join(texts, ", "), fmt::join(of_silver, ", "), fmt::join(of_gold, ", ")));
  if (view_.shape.is_funnel()) {
    out.push_back(actual());
  } else if (view_.shape.is_session()) {
    for (std::string& statement : session_tables()) out.push_back(std::move(statement));
  } else {
    out.push_back(kCounted);
    out.push_back(expected());
    if (std::string other = expected_other(); !other.empty()) out.push_back(std::move(other));
    out.push_back(actual());
    out.push_back(kLarger);
  }
  for (std::string& statement : out) {
    replace_all(statement, "$judged",
                "$of r.window_date = make_timestamp(start_us(e.ends))::DATE AND e.ends * $pane <= r.last_end");
    statement = filled(std::move(statement), c);
  }
  return out;
}

// What counts negative may be smaller where events were erased as well as larger.
std::string ViewSql::numbers() const {
  std::vector<std::string> compared;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    if (!is_summed(m)) continue;
    const std::string name = numbered(i);
    std::string text = fmt::format("differs({}, a.{}, e.{}, more)", sql_text(m.name), name, name);
    if (has_minus(m) || m.function == MeasureFunction::first)
      text = fmt::format("CASE WHEN NOT more THEN {} END", text);
    if (m.is_set())
      text = fmt::format(
          "CASE WHEN NOT coalesce(a.{0}_approx AND abs(a.{0} - e.{0}) <= {2}::DOUBLE * e.{0}, false) THEN {1} END",
          name, text, kSketchError);
    compared.push_back(std::move(text));
    if (m.function == MeasureFunction::distinct || m.function == MeasureFunction::sketch)
      compared.push_back(
          fmt::format("CASE WHEN NOT more AND a.{0}_approx <> (e.{0} > {1}) THEN format('{2}_approx {{}} for {{}}', "
                      "a.{0}_approx, e.{0}) END",
                      name, DistinctSet::kExactMax, m.name));
  }
  return fmt::format(R"(
SELECT key, ends, what FROM (
  SELECT key, ends, concat_ws(', ', {}) AS what
  FROM (SELECT *, ends IN (FROM larger) AS more FROM actual) a JOIN expected e USING (key, ends))
WHERE what <> '')",
                     fmt::join(compared, ",\n         "));
}

std::vector<std::string> ViewSql::others() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    if (view_.measures[i].function != MeasureFunction::other_currencies) continue;
    out.push_back(fmt::format(R"(
SELECT key, ends, format('{} in {{}} is {{}} for {{}}', currency, coalesce(a.amount::VARCHAR, 'absent'),
                         coalesce(e.amount::VARCHAR, 'none')) AS what
FROM (SELECT key, ends, currency, amount FROM expected_other WHERE measure = {}) e
FULL JOIN (SELECT key, ends, unnest(map_keys({})) AS currency, unnest(map_values({})) AS amount FROM actual) a
USING (key, ends, currency)
WHERE e.amount IS DISTINCT FROM a.amount AND ends NOT IN (FROM larger))",
                              view_.measures[i].name, i, numbered(i), numbered(i)));
  }
  return out;
}

std::string ViewSql::measure_named(std::string_view name) const {
  size_t i = 0;
  while (view_.measures[i].name != name) ++i;
  return numbered(i);
}

std::vector<std::string> ViewSql::derived() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    std::string wanted;
    if (m.function == MeasureFunction::any) wanted = fmt::format("{} > 0", measure_named(m.part));
    if (m.function == MeasureFunction::unless)
      wanted = fmt::format("CASE WHEN {} > 0 THEN 0 ELSE greatest(0, {}) END", measure_named(m.whole),
                           measure_named(m.part));
    if (!wanted.empty())
      out.push_back(
          fmt::format("SELECT key, ends, format('{0} {{}} for {{}}', {1}::VARCHAR, ({2})::VARCHAR) AS what "
                      "FROM actual WHERE {1} IS DISTINCT FROM ({2})",
                      m.name, numbered(i), wanted));
  }
  return out;
}

std::vector<std::string> ViewSql::rates() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < view_.measures.size(); ++i) {
    const Measure& m = view_.measures[i];
    if (m.function != MeasureFunction::rate) continue;
    const std::string c = numbered(i);
    out.push_back(fmt::format(kRate, m.name, m.whole, m.part, c, c, c, measure_named(m.part), measure_named(m.whole), c,
                              c, c, c, c, c));
  }
  return out;
}

std::vector<std::string> ViewSql::faults(const ViewComparison& c) const {
  std::vector<std::string> out = view_.shape.is_session() ? session_faults(c) : std::vector<std::string>{kWindows};
  if (view_.shape.is_funnel())
    out = {kLength};  // verify/funnel_check.h has the rest
  else
    out.push_back(numbers());
  for (std::string& query : others()) out.push_back(std::move(query));
  for (std::string& query : rates()) out.push_back(std::move(query));
  for (std::string& query : derived()) out.push_back(std::move(query));
  for (std::string& query : out) {
    query = filled(what_is(query), c);
  }
  return out;
}

}  // namespace pactolus
