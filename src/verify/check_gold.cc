// The final windows of product_interest against Silver, in SQL and so by other code than the one that made them. Once
// as the stream made them, and once for each state of Silver that a rebuild has read: there nothing is late, and
// histories count.
//
// Silver rows of live topics are summed into panes of one minute (as the view does; exploding every row into ten
// windows costs twenty times as much). A row that came in a batch whose watermark had passed some of its windows counts
// in the later ones only, so a pane's sum is kept by the first window end that it counts in:
//
//   a row at minute p, watermark before its batch w:   window ends max(p + 1, ⌊w⌋ + 1) … p + 10      (minutes)
//
// Viewers cannot be summed. For each user and product the panes are intervals of window ends [first, p + 10]; each end
// is counted by the last pane that covers it, that is up to the earliest `first` of a later pane, less one. Adding +1
// where such an interval begins and -1 behind its end, the running sum over window ends is the number of viewers: exact
// and without ten rows for each.
#include <fmt/format.h>

#include "base/time_text.h"
#include "runtime/declared_view.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

constexpr const char* kView = "gold/product_interest";
constexpr int kWindowMinutes = 10;
constexpr double kSketchError = 5 * 1.04 / 64;  // five standard errors of a HyperLogLog with 2^12 registers

// $batch, $currency: how far Gold has come, and the shop's. $counts: which rows. $open: the watermark that their batch
// met.
constexpr const char* kCounted = R"(
CREATE OR REPLACE TEMP VIEW counted AS
SELECT *, greatest(pane + 1, coalesce(minute_of($open) + 1, pane + 1)) AS first_end
FROM (
  SELECT s.product_id, s.user_id, s.event_type AS kind, minute_of(epoch_us(s.event_timestamp)) AS pane,
         coalesce(s.price, 0)::DECIMAL(28, 4) * s.quantity AS amount,
         CASE WHEN s.currency <> $currency THEN s.currency END AS other_currency,
         b.watermark_before
  FROM silver s JOIN batches b ON b.batch = s.batch_id
  WHERE s.batch_id <= $batch AND $counts AND s.product_id IS NOT NULL
    AND s.event_type IN ('view', 'add_to_cart', 'purchase', 'refund')))";

// $last: the minute that the watermark has reached; $minutes: the window's size.
constexpr const char* kExpected = R"(
CREATE OR REPLACE TEMP TABLE expected AS
WITH panes AS (
  SELECT product_id, pane, first_end,
         count(*) FILTER (kind = 'view') AS views,
         count(*) FILTER (kind = 'add_to_cart') AS carts,
         count(*) FILTER (kind = 'purchase') AS purchases,
         coalesce(sum(amount) FILTER (kind = 'purchase' AND other_currency IS NULL), 0) AS revenue,
         coalesce(sum(amount) FILTER (kind = 'refund' AND other_currency IS NULL), 0) AS refunds
  FROM counted GROUP BY ALL),
ends AS (
  SELECT * EXCLUDE (pane, first_end), unnest(range(first_end, least(pane + $minutes, $last) + 1)) AS window_end
  FROM panes),
sums AS (
  SELECT product_id, window_end, sum(views)::BIGINT AS views, sum(carts)::BIGINT AS carts,
         sum(purchases)::BIGINT AS purchases, sum(revenue) AS revenue, sum(refunds) AS refunds
  FROM ends GROUP BY ALL),
seen AS (
  SELECT product_id, user_id, pane, pane + $minutes AS last_end, min(first_end) AS first_end
  FROM counted WHERE kind = 'view' AND user_id IS NOT NULL AND first_end <= pane + $minutes GROUP BY ALL),
spans AS (
  SELECT product_id, first_end, least(last_end, coalesce(min(first_end) OVER later - 1, last_end)) AS last_end
  FROM seen
  WINDOW later AS (PARTITION BY product_id, user_id ORDER BY pane
                   ROWS BETWEEN 1 FOLLOWING AND $minutes FOLLOWING)),
steps AS (
  SELECT product_id, first_end AS window_end, 1 AS step FROM spans WHERE first_end <= last_end
  UNION ALL
  SELECT product_id, last_end + 1, -1 FROM spans WHERE first_end <= last_end),
step_sums AS (SELECT product_id, window_end, sum(step) AS step FROM steps GROUP BY ALL),
joined AS (
  SELECT product_id, window_end, s.* EXCLUDE (product_id, window_end),
         (sum(coalesce(t.step, 0)) OVER (PARTITION BY product_id ORDER BY window_end))::BIGINT AS viewers
  FROM sums s FULL JOIN step_sums t USING (product_id, window_end))
FROM joined WHERE views IS NOT NULL)";

constexpr const char* kExpectedOther = R"(
CREATE OR REPLACE TEMP TABLE expected_other AS
SELECT product_id, window_end, other_currency AS currency, sum(amount) AS amount
FROM (
  SELECT product_id, other_currency, unnest(range(first_end, least(pane + $minutes, $last) + 1)) AS window_end,
         CASE WHEN kind = 'refund' THEN -amount ELSE amount END AS amount
  FROM counted WHERE other_currency IS NOT NULL AND kind IN ('purchase', 'refund'))
GROUP BY ALL)";

// Windows that held an event that was erased since they were made ($made): they stay as they are, so their numbers may
// be larger than what Silver gives.
constexpr const char* kLarger = R"(
CREATE OR REPLACE TEMP TABLE larger AS
SELECT DISTINCT minute FROM (SELECT DISTINCT minute FROM actual) SEMI JOIN (
  SELECT DISTINCT minute_of(min_time) + 1 AS first_end, minute_of(max_time) + $minutes AS last_end
  FROM erased s WHERE $counts AND s.time >= $made) ON minute BETWEEN first_end AND last_end)";

// A rebuild replaces whole days. What the stream appends to them later are windows that end after all of the rebuild's.
constexpr const char* kRebuilt = R"(
CREATE OR REPLACE TEMP TABLE rebuilt AS
SELECT window_date, min(batch_id) AS batch, count(DISTINCT batch_id) AS batches,
       max(minute_of(epoch_us(window_end))) AS last_end
FROM "gold/product_interest" WHERE basis = 'rebuild' GROUP BY window_date)";

constexpr const char* kMixed = R"(
SELECT format('{}: rows of {} rebuilds', window_date, batches) AS why FROM rebuilt WHERE batches > 1
UNION ALL
SELECT format('{}: {} rows are not of the rebuild that replaced them', window_date, count(*))
FROM "gold/product_interest" g JOIN rebuilt r USING (window_date)
WHERE minute_of(epoch_us(window_end)) <= r.last_end AND basis <> 'rebuild' GROUP BY window_date)";

// $of: joins the days of the rebuild in question, or leaves out those of all. Of what the stream made, windows from
// before the view's declaration are of another one. $first: the minute at which its first window starts.
constexpr const char* kActual = R"(
CREATE OR REPLACE TEMP TABLE actual AS
SELECT a.*, minute_of(epoch_us(window_end)) AS minute FROM "gold/product_interest" a
$of r.window_date = a.window_date AND minute_of(epoch_us(a.window_end)) <= r.last_end
WHERE minute_of(epoch_us(window_start)) >= $first;
CREATE OR REPLACE TEMP MACRO start_of(window_end) AS make_timestamp((window_end - $minutes) * 60000000);
CREATE OR REPLACE TEMP MACRO called(product, window_end) AS
  format('{} {}', product, strftime(start_of(window_end), '%Y-%m-%dT%H:%MZ'));
CREATE OR REPLACE TEMP MACRO differs(what, got, wanted, may_be_larger) AS
  CASE WHEN got IS DISTINCT FROM wanted AND NOT (may_be_larger AND coalesce(got > wanted, false))
       THEN format('{} {} for {}', what, coalesce(got::VARCHAR, 'NULL'), coalesce(wanted::VARCHAR, 'NULL')) END;
CREATE OR REPLACE TEMP TABLE expected AS
SELECT e.* FROM expected e $of r.window_date = start_of(e.window_end)::DATE AND e.window_end <= r.last_end
WHERE window_end - $minutes >= $first;
CREATE OR REPLACE TEMP TABLE expected_other AS
SELECT e.* FROM expected_other e $of r.window_date = start_of(e.window_end)::DATE AND e.window_end <= r.last_end
WHERE window_end - $minutes >= $first;)";

constexpr const char* kWindows = R"(
SELECT called(e.product_id, e.window_end) || format(': the window is missing, Silver has {} views and {} purchases',
                                                    e.views, e.purchases) AS why
FROM expected e ANTI JOIN actual a ON a.product_id = e.product_id AND a.minute = e.window_end
UNION ALL
SELECT called(a.product_id, a.minute) || ': the window should not be there'
FROM actual a ANTI JOIN expected e ON a.product_id = e.product_id AND a.minute = e.window_end
WHERE a.minute NOT IN (FROM larger)
UNION ALL
SELECT called(product_id, minute) || ': the window is not of ten whole minutes'
FROM actual WHERE epoch_us(window_end) - epoch_us(window_start) <> $minutes * 60000000
   OR epoch_us(window_end) % 60000000 <> 0)";

constexpr const char* kOnce = R"(
SELECT called(product_id, minute) || format(': the window is there {} times', count(*)) AS why
FROM (SELECT product_id, minute_of(epoch_us(window_end)) AS minute FROM "gold/product_interest")
GROUP BY product_id, minute HAVING count(*) > 1)";

constexpr const char* kNumbers = R"(
SELECT called(product_id, minute) || ': ' || what AS why
FROM (
  SELECT a.product_id, a.minute,
         concat_ws(', ', differs('views', a.views, e.views, more), differs('carts', a.carts, e.carts, more),
                   differs('purchases', a.purchases, e.purchases, more),
                   CASE WHEN $money THEN differs('revenue', a.revenue, e.revenue, more) END,
                   CASE WHEN $money THEN differs('refunds', a.refunds, e.refunds, more) END,
                   CASE WHEN NOT coalesce(a.viewers_approx AND abs(a.viewers - e.viewers) <= $error * e.viewers, false)
                        THEN differs('viewers', a.viewers, e.viewers, more) END) AS what
  FROM (SELECT *, minute IN (FROM larger) AS more FROM actual) a
  JOIN expected e ON a.product_id = e.product_id AND a.minute = e.window_end)
WHERE what <> ''
UNION ALL
SELECT called(product_id, minute) || format(': other revenue in {} is {} for {}', currency,
                                            coalesce(a.amount::VARCHAR, 'absent'), coalesce(e.amount::VARCHAR, 'none'))
FROM (SELECT product_id, window_end AS minute, currency, amount FROM expected_other) e
FULL JOIN (SELECT product_id, minute, unnest(map_keys(revenue_other)) AS currency,
                  unnest(map_values(revenue_other)) AS amount FROM actual) a USING (product_id, minute, currency)
WHERE e.amount IS DISTINCT FROM a.amount AND minute NOT IN (FROM larger) AND $money)";

// The rate is the quotient to the last bit; the ends of Wilson's interval are so but for rounding (gold/conversion.h).
constexpr const char* kConversion = R"(
WITH shares AS (
  SELECT *, 1.959963984540054::DOUBLE AS z, greatest(views, purchases, 1)::DOUBLE AS n, purchases / n AS p FROM actual),
intervals AS (
  SELECT *, (p + z * z / (2 * n)) / (1 + z * z / n) AS centre,
         z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) AS half FROM shares)
SELECT called(product_id, minute) || format(': conversion {} [{}, {}] of {} views and {} purchases',
         coalesce(conversion_rate::VARCHAR, 'NULL'), coalesce(conversion_low::VARCHAR, 'NULL'),
         coalesce(conversion_high::VARCHAR, 'NULL'), views, purchases) AS why
FROM intervals
WHERE CASE WHEN views = 0 THEN coalesce(conversion_rate, conversion_low, conversion_high) IS NOT NULL
           ELSE conversion_rate IS DISTINCT FROM purchases::DOUBLE / views
                OR coalesce(abs(conversion_low - greatest(0, centre - half)) > 1e-9, true)
                OR coalesce(abs(conversion_high - least(1, centre + half)) > 1e-9, true) END)";

constexpr int64_t kNoMinute = -200'000'000'000;  // before all that can be
int64_t minute(int64_t time) { return time == kNoTime ? kNoMinute : floor_div(time, kMicrosPerMinute); }

constexpr const char* kEarlier = R"(
SELECT count(*) FROM "gold/product_interest" a ANTI JOIN rebuilt r
ON r.window_date = a.window_date AND minute_of(epoch_us(a.window_end)) <= r.last_end
WHERE minute_of(epoch_us(window_start)) < $first)";

// What is compared with what.
struct Comparison {
  int64_t batch;             // Silver up to it
  int64_t first_minute;      // windows start then or later
  int64_t last_minute;       // and end then or earlier
  int64_t made = kNoMinute;  // the windows, by batch time in microseconds: not before
  std::string counts = "TRUE", open = "NULL", of = {};
  bool money = true;  // it is of the currency that is known
};

std::string filled(std::string_view query, const Comparison& c, const DeclaredView& view) {
  std::string out(query);
  const std::pair<std::string_view, std::string> values[] = {{"$batch", std::to_string(c.batch)},
                                                             {"$currency", sql_text(view.currency)},
                                                             {"$first", std::to_string(c.first_minute)},
                                                             {"$last", std::to_string(c.last_minute)},
                                                             {"$counts", c.counts},
                                                             {"$open", c.open},
                                                             {"$made", std::to_string(c.made)},
                                                             {"$of", c.of},
                                                             {"$money", c.money ? "TRUE" : "FALSE"},
                                                             {"$minutes", std::to_string(kWindowMinutes)},
                                                             {"$error", fmt::format("{}::DOUBLE", kSketchError)}};
  for (const auto& [name, value] : values)
    for (size_t at = 0; (at = out.find(name, at)) != out.npos; at += value.size()) out.replace(at, name.size(), value);
  return out;
}

Result<> compare(VerifyInput& in, const Comparison& c, const DeclaredView& view, CheckResult& result) {
  for (const char* statement : {kCounted, kExpected, kExpectedOther, kActual, kLarger}) {
    if (in.stopped()) return fail(ErrorCode::io, "stopped");
    TRY(in.sql.execute(filled(statement, c, view)));
  }
  for (const char* query : {kWindows, kNumbers, kConversion}) TRY(fail_rows(in.sql, result, filled(query, c, view)));
  return {};
}

}  // namespace

Result<CheckResult> check_gold(VerifyInput& in) {
  if (in.gold_reached == 0) return CheckResult::skip("Gold has not reached a batch yet");
  CheckResult result;
  const SqlTable reached =
      TRY(in.sql.query(fmt::format("SELECT watermark_after AS t FROM batches WHERE batch = {}", in.gold_reached)));
  if (reached.rows == 0) {
    result.fail_row(fmt::format("Gold is at batch {}, which has no account", in.gold_reached));
    return result;
  }
  const auto* watermark = std::get_if<int64_t>(&reached.at(0, "t"));
  // The table says whose windows it holds: today's configuration may be another.
  auto view = DeclaredView::read(in.table(kView).snapshot->metadata().configuration);
  if (view.fingerprint.empty()) view.currency = in.options.config.shop.currency;
  TRY(in.sql.execute(kRebuilt));
  TRY(fail_rows(in.sql, result, kMixed));

  const SqlTable rebuilds =
      TRY(in.sql.query("SELECT batch, max(last_end) AS last, coalesce(any_value(batch_time), 0) AS made FROM rebuilt "
                       "LEFT JOIN batches USING (batch) "
                       "GROUP BY batch ORDER BY batch"));
  int64_t rebuilt = 0, larger = 0;  // larger: windows that held erased events
  const auto count_larger = [&]() -> Result<> {
    larger += TRY(one_number(in.sql, "SELECT count(DISTINCT minute) FROM actual SEMI JOIN larger USING (minute)"));
    return {};
  };
  for (size_t r = 0; r < rebuilds.rows; ++r) {
    Comparison c{
        .batch = rebuilds.int_at(r, "batch"), .first_minute = kNoMinute, .last_minute = rebuilds.int_at(r, "last")};
    c.of = fmt::format("SEMI JOIN (FROM rebuilt WHERE batch = {}) r ON", c.batch);
    c.made = rebuilds.int_at(r, "made");
    c.money = c.batch > view.batch;
    TRY(compare(in, c, view, result));
    TRY(count_larger());
    rebuilt += TRY(one_number(in.sql, "SELECT count(*) FROM actual"));
  }

  const Comparison streamed{.batch = in.gold_reached,
                            .first_minute = minute(view.first_window),
                            // Without a watermark no window is final.
                            .last_minute = minute(watermark ? *watermark : kNoTime),
                            .counts = "NOT is_history(s.topic)",
                            .open = "watermark_before",
                            .of = "ANTI JOIN rebuilt r ON"};
  TRY(compare(in, streamed, view, result));
  TRY(count_larger());
  TRY(fail_rows(in.sql, result, kOnce));

  const SqlTable t = TRY(in.sql.query(
      "SELECT count(*) AS rows, count(DISTINCT minute) AS windows, count(DISTINCT product_id) AS products, "
      "count(*) FILTER (viewers_approx) AS approximate FROM actual"));
  const int64_t earlier = TRY(one_number(in.sql, filled(kEarlier, streamed, view)));
  for (const char* name : {"rows", "windows", "products", "approximate"}) result.figure(name, t.int_at(0, name));
  result.figure("rebuilt_rows", rebuilt);
  result.figure("rows_of_earlier_declarations", earlier);
  result.figure("windows_with_erased_events", larger);
  result.figure("judged_to_batch", in.gold_reached);
  result.summary = fmt::format("{} of product_interest in {}", counted(t.int_at(0, "rows"), "row"),
                               counted(t.int_at(0, "windows"), "window"));
  if (rebuilt > 0) result.summary += fmt::format(" and {}", counted(rebuilt, "rebuilt row"));
  if (result.wrong == 0) result.summary += " equal Silver";
  if (watermark) result.summary += fmt::format(", to {}", iso_time_ms(*watermark));
  if (in.gold_reached < in.last_batch)
    result.summary += fmt::format(" (batch {} of {})", in.gold_reached, in.last_batch);
  if (larger > 0)
    result.summary += fmt::format("; {} held erased events, and {} no smaller", counted(larger, "window"),
                                  larger == 1 ? "is" : "are");
  if (earlier > 0) result.summary += fmt::format("; {} of an earlier declaration", counted(earlier, "row"));
  return result;
}

}  // namespace pactolus
