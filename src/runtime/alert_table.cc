#include "runtime/alert_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/columns.h"
#include "base/time_text.h"
#include "gold/conversion.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus {
namespace {

int32_t date_of(const AlertTransition& t) { return int32_t(floor_div(t.window_start, kMicrosPerDay)); }

ColumnBatch columns_of(const AlertRule::Options& rule, std::span<const AlertTransition> transitions, int64_t told_us,
                       int64_t batch) {
  TextColumn name, product, state, threshold;
  FixedColumn<int64_t> start, end, opened, views, purchases, told, batches;
  FixedColumn<double> rate, low, high;
  for (const AlertTransition& t : transitions) {
    name.append(rule.name), product.append(t.product_id), state.append(name_of(t.state));
    start.append(t.window_start), end.append(t.window_end), opened.append(t.opened_window);
    views.append(t.views), purchases.append(t.purchases);
    if (const auto conversion = conversion_of(t.views, t.purchases)) {
      rate.append(conversion->rate), low.append(conversion->interval.low), high.append(conversion->interval.high);
    } else {
      rate.append_null(), low.append_null(), high.append_null();
    }
    threshold.append(threshold_text(rule)), told.append(told_us), batches.append(batch);
  }
  std::vector<ColumnData> c;
  c.push_back(name.finish("rule"));
  c.push_back(product.finish("product_id"));
  c.push_back(state.finish("state"));
  c.push_back(start.finish("window_start", kFormatTimestamp));
  c.push_back(end.finish("window_end", kFormatTimestamp));
  c.push_back(opened.finish("opened_window", kFormatTimestamp));
  c.push_back(views.finish("views", kFormatInt64));
  c.push_back(purchases.finish("purchases", kFormatInt64));
  c.push_back(rate.finish("conversion_rate", kFormatDouble));
  c.push_back(low.finish("conversion_low", kFormatDouble));
  c.push_back(high.finish("conversion_high", kFormatDouble));
  c.push_back(threshold.finish("threshold"));
  c.push_back(told.finish("alert_time", kFormatTimestamp));
  c.push_back(batches.finish("batch_id", kFormatInt64));
  return ColumnBatch(int64_t(transitions.size()), std::move(c));
}

}  // namespace

delta::TableSchema alerts_schema() {
  using T = delta::FieldType;
  return {{{"rule", T::string()},
           {"product_id", T::string()},
           {"state", T::string()},
           {"window_start", T::timestamp()},
           {"window_end", T::timestamp()},
           {"opened_window", T::timestamp()},
           {"views", T::long_integer()},
           {"purchases", T::long_integer()},
           {"conversion_rate", T::double_float()},
           {"conversion_low", T::double_float()},
           {"conversion_high", T::double_float()},
           {"threshold", T::string()},
           {"alert_time", T::timestamp()},
           {"batch_id", T::long_integer()},
           {"window_date", T::date()}},
          {"window_date"}};
}

std::string threshold_text(const AlertRule::Options& rule) {
  return fmt::format("views > {} and purchases < {}", rule.views_above, rule.purchases_below);
}

Result<std::vector<delta::AddFile>> write_alert_files(const LakePaths& lake, const AlertRule::Options& rule,
                                                      std::span<const AlertTransition> transitions, int64_t told_us,
                                                      const BatchNames& names, Random& random) {
  std::vector<AlertTransition> sorted(transitions.begin(), transitions.end());
  std::ranges::stable_sort(sorted, {}, date_of);
  std::vector<DatedRows> parts;
  for (size_t first = 0, last; first < sorted.size(); first = last) {
    for (last = first; last < sorted.size() && date_of(sorted[last]) == date_of(sorted[first]);) ++last;
    const std::span<const AlertTransition> part(&sorted[first], last - first);
    parts.push_back({date_of(sorted[first]), int64_t(part.size()),
                     [=, &rule, &names] { return columns_of(rule, part, told_us, names.batch); }});
  }
  return write_dated_files(lake.gold(kAlerts), parts, names, random);
}

Result<std::vector<AlertRow>> read_alerts(const delta::Snapshot& table) {
  std::vector<AlertRow> out;
  for (const auto& [path, file] : table.files()) {
    const ColumnBatch batch = TRY(read_parquet(table.table_folder() / path));
    const ColumnView v = ColumnView::of(batch);
    for (const delta::SchemaField& field : alerts_schema().fields)
      if (field.name != "window_date" && !v.has_child(field.name))
        return fail(ErrorCode::corrupt, fmt::format("Gold file {} lacks the column {}", path, field.name));
    for (int64_t i = 0; i < v.length(); ++i) {
      AlertRow row;
      row.rule = v.child("rule").text_at(i);
      row.threshold = v.child("threshold").text_at(i);
      row.batch = v.child("batch_id").int_at(i);
      row.told_us = v.child("alert_time").int_at(i);
      AlertTransition& t = row.transition;
      t.product_id = v.child("product_id").text_at(i);
      const std::string_view state = v.child("state").text_at(i);
      t.state = state == "open" ? AlertState::open : state == "update" ? AlertState::update : AlertState::resolved;
      t.window_start = v.child("window_start").int_at(i), t.window_end = v.child("window_end").int_at(i);
      t.opened_window = v.child("opened_window").int_at(i);
      t.views = v.child("views").int_at(i), t.purchases = v.child("purchases").int_at(i);
      out.push_back(std::move(row));
    }
  }
  std::ranges::sort(out, [](const AlertRow& a, const AlertRow& b) {
    return std::tie(a.batch, a.transition.window_start, a.rule, a.transition.product_id) <
           std::tie(b.batch, b.transition.window_start, b.rule, b.transition.product_id);
  });
  return out;
}

}  // namespace pactolus
