#include <fmt/format.h>

#include <algorithm>

#include "runtime/alert_table.h"
#include "runtime/declared_alerts.h"
#include "runtime/declared_view.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

// An alert is an island of windows that meet the rule, one slide apart: it opens with the first, tells of each whose
// numbers are others than the last one's, and resolves in the window behind the last. Of windows that are final by {w}.
constexpr const char* kExpected = R"(
CREATE OR REPLACE TEMP TABLE expected_alerts AS
WITH finals AS (
  SELECT product_id, epoch_us(window_start) AS w, views, purchases, {rule} AS met
  FROM "gold/product_interest" WHERE product_id IS NOT NULL AND epoch_us(window_end) <= {w}
       AND epoch_us(window_end) > {from}),
islands AS (
  SELECT product_id, w, views, purchases,
         w - {slide} * row_number() OVER (PARTITION BY product_id ORDER BY w) AS island FROM finals WHERE met),
ends AS (SELECT product_id, island, min(w) AS opened, max(w) + {slide} AS behind FROM islands GROUP BY ALL),
told AS (
  SELECT i.product_id, CASE WHEN lag(w) OVER one IS NULL THEN 'open' ELSE 'update' END AS state, w, opened, views, purchases,
         lag(views) OVER one IS DISTINCT FROM views OR lag(purchases) OVER one IS DISTINCT FROM purchases AS other
  FROM islands i JOIN ends e USING (product_id, island) WINDOW one AS (PARTITION BY i.product_id, i.island ORDER BY w))
SELECT product_id, state, w, opened, views, purchases FROM told WHERE other
UNION ALL
SELECT e.product_id, 'resolved', behind, opened, coalesce(f.views, 0), coalesce(f.purchases, 0)
FROM ends e LEFT JOIN finals f ON f.product_id = e.product_id AND f.w = behind WHERE behind + {size} <= {w})";

constexpr const char* kTold = R"(
CREATE OR REPLACE TEMP TABLE told_alerts AS
SELECT product_id, state, epoch_us(window_start) AS w, epoch_us(opened_window) AS opened, views, purchases
FROM "gold/alerts" WHERE rule = '{rule_name}' AND batch_id <= {reached}
QUALIFY max(CASE WHEN state = 'open' THEN epoch_us(window_end) END) OVER (PARTITION BY product_id, opened_window) > {from})";

// Both ways. {after}: alerts that opened by then are not judged.
constexpr const char* kDifferences = R"(
WITH wanted AS (FROM expected_alerts WHERE opened > {after}), had AS (FROM told_alerts WHERE opened > {after})
SELECT format('{{}}: {{}} in the window of {{}} with {{}} views, {{}} sold is missing', product_id, state,
              make_timestamp(w), views, purchases) AS why FROM (FROM wanted EXCEPT ALL FROM had)
UNION ALL
SELECT format('{{}}: {{}} in the window of {{}} with {{}} views, {{}} sold should not be', product_id, state,
              make_timestamp(w), views, purchases) FROM (FROM had EXCEPT ALL FROM wanted))";

// What a transition says of its numbers follows from them.
constexpr const char* kDerived = R"(
SELECT format('{{}}: {{}} in the window of {{}} has a conversion of {{}} and ends at {{}}', product_id, state, window_start,
              conversion_rate, window_end) AS why
FROM "gold/alerts" WHERE rule = '{rule_name}' AND batch_id <= {reached} AND epoch_us(opened_window) > {after}
AND (conversion_rate IS DISTINCT FROM CASE WHEN views > 0 THEN purchases::DOUBLE / views END
     OR epoch_us(window_end) - epoch_us(window_start) <> {size}))";

}  // namespace

Result<CheckResult> check_alerts(VerifyInput& in) {
  CheckResult result;
  if (!in.table("silver").snapshot) return CheckResult::skip(in.table("silver").problem);  // it has the watermarks
  const VerifiedTable &alerts = in.table("gold/alerts"), &interest = in.table("gold/product_interest");
  const DeclaredView declared = DeclaredView::read(interest.snapshot->metadata().configuration);
  const auto view = declared.declaration(kProductInterest);
  // Rows and alerts as of one batch.
  const int64_t reached = std::min(alerts.reached, interest.reached);
  if (!view || reached == 0) return CheckResult::skip("no batch has been judged yet");
  const int64_t watermark =
      TRY(one_number(in.sql, fmt::format("SELECT max(watermark_after) FROM batches WHERE batch = {}", reached)));
  // What was judged before the rows were made anew, or before there was the table, cannot be judged again.
  int64_t after = TRY(one_number(in.sql, fmt::format("SELECT coalesce(max(epoch_us(window_start)), {}) FROM "
                                                     "\"gold/product_interest\" WHERE basis = 'rebuild'",
                                                     INT64_MIN + 1)));
  if (!alerts.snapshot->metadata().configuration.contains(kAlertsFromStart))
    after = std::max(
        after, TRY(one_number(in.sql, fmt::format("SELECT coalesce((SELECT watermark_after FROM batches WHERE batch = "
                                                  "(SELECT min(batch_id) FROM \"gold/alerts\")), {})",
                                                  INT64_MAX))));
  // Nor can what reaches from those windows into the ones behind them: it opened in either.
  after = std::min(after, INT64_MAX - view->shape.slide) + view->shape.slide;
  const DeclaredAlerts rules = DeclaredAlerts::read(alerts.snapshot->metadata().configuration);
  int64_t transitions = 0, opened = 0, judged = 0;
  for (const DeclaredAlerts::Rule& rule : rules.rules) {
    const int64_t from = rule.from == kNoTime ? INT64_MIN + 1 : rule.from;
    TRY(in.sql.execute(fmt::format(kExpected, fmt::arg("rule", rule.when.to_sql()), fmt::arg("w", watermark),
                                   fmt::arg("slide", view->shape.slide), fmt::arg("size", view->shape.size),
                                   fmt::arg("from", from))));
    TRY(in.sql.execute(
        fmt::format(kTold, fmt::arg("rule_name", rule.name), fmt::arg("reached", reached), fmt::arg("from", from))));
    TRY(fail_rows(in.sql, result, fmt::format(kDifferences, fmt::arg("after", after))));
    TRY(fail_rows(in.sql, result,
                  fmt::format(kDerived, fmt::arg("rule_name", rule.name), fmt::arg("reached", reached),
                              fmt::arg("size", view->shape.size), fmt::arg("after", after))));
    transitions += TRY(one_number(in.sql, "SELECT count(*) FROM told_alerts"));
    opened += TRY(one_number(in.sql, "SELECT count(*) FROM told_alerts WHERE state = 'open'"));
    judged += TRY(one_number(in.sql, fmt::format("SELECT count(*) FROM told_alerts WHERE opened > {}", after)));
  }
  const std::string low_conversion = sql_text(LowConversionRule::Options().name);
  const int64_t evidence =
      TRY(one_number(in.sql, fmt::format("SELECT count(*) FROM \"gold/alerts\" WHERE rule = {}", low_conversion)));
  const int64_t others =
      TRY(one_number(in.sql, fmt::format("SELECT count(*) FROM \"gold/alerts\" WHERE rule <> {} AND batch_id <= {}",
                                         low_conversion, reached))) -
      transitions;
  result.figure("alerts", opened);
  result.figure("transitions", transitions);
  result.figure("judged", judged);
  result.figure("transitions_of_earlier_rules", others);
  result.summary = fmt::format("{} in {}", counted(opened, "alert"), counted(transitions, "transition"));
  if (result.wrong == 0 && judged > 0) result.summary += " follow from product_interest";
  if (others > 0) result.summary += fmt::format("; {} of rules that were are not judged", with_commas(others));
  if (evidence > 0) result.summary += fmt::format("; {} of low_conversion not judged", with_commas(evidence));
  if (judged < transitions)
    result.summary +=
        fmt::format("; {} from before rows were made anew are not judged", with_commas(transitions - judged));
  return result;
}

}  // namespace pactolus
