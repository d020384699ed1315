#include "runtime/alert_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/columns.h"
#include "base/time_text.h"
#include "gold/conversion.h"
#include "lake/delta/changes.h"
#include "lake/delta/snapshot.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus {
namespace {

int32_t date_of(const AlertRow& row) { return int32_t(floor_div(row.transition.window_start, kMicrosPerDay)); }

ColumnBatch columns_of(std::span<const AlertRow> rows, int64_t told_us, int64_t batch) {
  TextColumn name, product, category, state, threshold;
  FixedColumn<int64_t> start, end, opened, views, purchases, other_views, other_purchases, told, batches;
  FixedColumn<double> rate, low, high, evidence;
  for (const AlertRow& row : rows) {
    const AlertTransition& t = row.transition;
    name.append(row.rule), product.append(t.product_id), state.append(name_of(t.state));
    start.append(t.window_start), end.append(t.window_end), opened.append(t.opened_window);
    views.append(t.views), purchases.append(t.purchases);
    if (const auto conversion = conversion_of(t.views, t.purchases)) {
      rate.append(conversion->rate), low.append(conversion->interval.low), high.append(conversion->interval.high);
    } else {
      rate.append_null(), low.append_null(), high.append_null();
    }
    if (row.ln_evidence > 0) {
      category.append(row.category), other_views.append(row.others.views);
      other_purchases.append(row.others.purchases), evidence.append(row.ln_evidence);
    } else {
      category.append_null(), other_views.append_null(), other_purchases.append_null(), evidence.append_null();
    }
    threshold.append(row.threshold), told.append(told_us), batches.append(batch);
  }
  std::vector<ColumnData> c;
  c.push_back(name.finish("rule"));
  c.push_back(product.finish("product_id"));
  c.push_back(category.finish("product_category"));
  c.push_back(state.finish("state"));
  c.push_back(start.finish("window_start", kFormatTimestamp));
  c.push_back(end.finish("window_end", kFormatTimestamp));
  c.push_back(opened.finish("opened_window", kFormatTimestamp));
  c.push_back(views.finish("views", kFormatInt64));
  c.push_back(purchases.finish("purchases", kFormatInt64));
  c.push_back(rate.finish("conversion_rate", kFormatDouble));
  c.push_back(low.finish("conversion_low", kFormatDouble));
  c.push_back(high.finish("conversion_high", kFormatDouble));
  c.push_back(other_views.finish("other_views", kFormatInt64));
  c.push_back(other_purchases.finish("other_purchases", kFormatInt64));
  c.push_back(evidence.finish("ln_evidence", kFormatDouble));
  c.push_back(threshold.finish("threshold"));
  c.push_back(told.finish("alert_time", kFormatTimestamp));
  c.push_back(batches.finish("batch_id", kFormatInt64));
  return ColumnBatch(int64_t(rows.size()), std::move(c));
}

}  // namespace

delta::TableSchema alerts_schema() {
  using T = delta::FieldType;
  return {{{"rule", T::string()},
           {"product_id", T::string()},
           {"product_category", T::string()},
           {"state", T::string()},
           {"window_start", T::timestamp()},
           {"window_end", T::timestamp()},
           {"opened_window", T::timestamp()},
           {"views", T::long_integer()},
           {"purchases", T::long_integer()},
           {"conversion_rate", T::double_float()},
           {"conversion_low", T::double_float()},
           {"conversion_high", T::double_float()},
           {"other_views", T::long_integer()},
           {"other_purchases", T::long_integer()},
           {"ln_evidence", T::double_float()},
           {"threshold", T::string()},
           {"alert_time", T::timestamp()},
           {"batch_id", T::long_integer()},
           {"window_date", T::date()}},
          {"window_date"}};
}

AlertRow row_of(const AlertRule::Options& rule, AlertTransition transition) {
  return {rule.name, rule.when.to_text(), std::move(transition)};
}

AlertRow row_of(const LowConversionRule::Options& rule, const EvidenceTransition& t) {
  AlertRow row{rule.name, fmt::format("evidence of {:.0f} against the rest of the category", 1 / rule.alpha), {}};
  row.transition = {t.product_id,          t.state, t.period_start, t.until, t.period_start, t.of_product.views,
                    t.of_product.purchases};
  row.category = t.category, row.others = t.of_others, row.ln_evidence = t.ln_evidence;
  return row;
}

Json alert_json(const AlertRow& row) {
  const AlertTransition& t = row.transition;
  Json out = Json::object()
                 .set("rule", row.rule)
                 .set("product_id", t.product_id)
                 .set("state", name_of(t.state))
                 .set("opened_window", iso_time(t.opened_window))
                 .set("window_start", iso_time(t.window_start))
                 .set("window_end", iso_time(t.window_end))
                 .set("views", t.views)
                 .set("purchases", t.purchases)
                 .set("threshold", row.threshold);
  if (const auto conversion = conversion_of(t.views, t.purchases))
    out.set("conversion_rate", conversion->rate)
        .set("conversion_low", conversion->interval.low)
        .set("conversion_high", conversion->interval.high);
  if (row.ln_evidence > 0)
    out.set("product_category", row.category)
        .set("other_views", row.others.views)
        .set("other_purchases", row.others.purchases)
        .set("ln_evidence", row.ln_evidence);
  return out;
}

EvidenceTransition evidence_of(const AlertRow& row) {
  const AlertTransition& t = row.transition;
  return {t.product_id, row.category,           t.state,    t.opened_window,
          t.window_end, {t.views, t.purchases}, row.others, row.ln_evidence};
}

Result<std::vector<delta::AddFile>> write_alert_files(const LakePaths& lake, std::span<const AlertRow> rows,
                                                      int64_t told_us, const BatchNames& names, Random& random) {
  std::vector<AlertRow> sorted(rows.begin(), rows.end());
  std::ranges::stable_sort(sorted, {}, date_of);
  std::vector<DatedRows> parts;
  for (size_t first = 0, last; first < sorted.size(); first = last) {
    for (last = first; last < sorted.size() && date_of(sorted[last]) == date_of(sorted[first]);) ++last;
    const std::span<const AlertRow> part(&sorted[first], last - first);
    parts.push_back(
        {date_of(sorted[first]), int64_t(part.size()), [=, &names] { return columns_of(part, told_us, names.batch); }});
  }
  return write_dated_files(lake.gold(kAlerts), parts, names, random);
}

namespace {

Result<> read_file_of_alerts(const fs::path& table, const std::string& path, std::vector<AlertRow>& out) {
  const ColumnBatch batch = TRY(read_parquet(table / path));
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
    if (!v.child("ln_evidence").is_null(i)) {
      row.category = v.child("product_category").text_at(i);
      row.others = {v.child("other_views").int_at(i), v.child("other_purchases").int_at(i)};
      row.ln_evidence = v.child("ln_evidence").double_at(i);
    }
    out.push_back(std::move(row));
  }
  return {};
}

bool told_before(const AlertRow& a, const AlertRow& b) {
  return std::tie(a.batch, a.transition.window_start, a.rule, a.transition.product_id, a.category, a.transition.state) <
         std::tie(b.batch, b.transition.window_start, b.rule, b.transition.product_id, b.category, b.transition.state);
}
void sort_as_told(std::vector<AlertRow>& rows) { std::ranges::sort(rows, told_before); }

}  // namespace

Result<std::vector<AlertRow>> read_alerts(const delta::Snapshot& table) {
  std::vector<AlertRow> out;
  for (const auto& [path, file] : table.files()) TRY(read_file_of_alerts(table.table_folder(), path, out));
  sort_as_told(out);
  return out;
}

Result<std::vector<AlertRow>> read_open_alerts(const delta::Snapshot& table) {
  std::map<std::tuple<std::string, std::string, std::string>, AlertRow> last;  // by rule, product and category
  std::vector<AlertRow> rows;
  for (const auto& [path, file] : table.files()) {
    rows.clear();
    TRY(read_file_of_alerts(table.table_folder(), path, rows));
    for (AlertRow& row : rows) {
      const auto [at, is_new] = last.try_emplace({row.rule, row.transition.product_id, row.category}, row);
      if (!is_new && told_before(at->second, row)) at->second = std::move(row);
    }
  }
  rows.clear();
  for (auto& [name, row] : last)
    if (row.transition.state != AlertState::resolved) rows.push_back(std::move(row));
  sort_as_told(rows);
  return rows;
}

Result<std::vector<AlertRow>> read_alerts_since(const fs::path& table, int64_t batch, int64_t& version) {
  const delta::TableChanges changes = TRY(delta::changes_since(table, Version(version)));
  std::vector<AlertRow> out;
  bool whole = changes.everything || !changes.replaced.empty();
  for (const delta::AddFile& add : changes.added) {
    const auto read = whole ? Result<>() : read_file_of_alerts(table, add.path, out);
    if (!read && read.error().code != ErrorCode::not_found) return std::unexpected(read.error());
    whole = whole || !read;  // merged meanwhile
  }
  if (whole) out = TRY(read_alerts(TRY(delta::Snapshot::load(table, changes.version))));
  std::erase_if(out, [&](const AlertRow& row) { return row.batch <= batch; });
  sort_as_told(out);
  version = changes.version.value;
  return out;
}

}  // namespace pactolus
