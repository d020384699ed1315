#include "runtime/interest_reader.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/time_text.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus {

Result<std::vector<InterestRow>> read_interest(const delta::Snapshot& table, int64_t from_window) {
  std::vector<InterestRow> out;
  const std::string first_date =
      from_window == INT64_MIN ? "" : date_text(int32_t(floor_div(from_window, kMicrosPerDay)));
  for (const auto& [path, file] : table.files()) {
    const auto date = file.partition_values.find("window_date");
    if (date != file.partition_values.end() && date->second && *date->second < first_date) continue;
    const ColumnBatch batch = TRY(read_parquet(table.table_folder() / path));
    const ColumnView v = ColumnView::of(batch);
    for (const char* name : {"product_id", "window_start", "window_end", "views", "carts", "purchases", "revenue",
                             "refunds", "viewers", "viewers_approx"})
      if (!v.has_child(name))
        return fail(ErrorCode::corrupt, fmt::format("Gold file {} lacks the column {}", path, name));
    for (int64_t i = 0; i < v.length(); ++i) {
      InterestRow r;
      r.window_start = v.child("window_start").int_at(i);
      if (r.window_start < from_window) continue;
      r.window_end = v.child("window_end").int_at(i);
      r.product_id = v.child("product_id").text_at(i);
      r.views = v.child("views").int_at(i);
      r.carts = v.child("carts").int_at(i);
      r.purchases = v.child("purchases").int_at(i);
      r.revenue = v.child("revenue").decimal_at(i);
      r.refunds = v.child("refunds").decimal_at(i);
      r.viewers = v.child("viewers").int_at(i);
      r.viewers_approx = v.child("viewers_approx").bool_at(i);
      out.push_back(std::move(r));
    }
  }
  std::sort(out.begin(), out.end(), [](const InterestRow& a, const InterestRow& b) {
    return a.window_start != b.window_start ? a.window_start < b.window_start : a.product_id < b.product_id;
  });
  return out;
}

Result<std::vector<InterestRow>> newest_final_window(const LakePaths& lake) {
  const delta::Snapshot table = TRY(delta::Snapshot::load(lake.gold(kProductInterest)));
  std::string newest;  // date
  for (const auto& [path, file] : table.files())
    if (const auto date = file.partition_values.find("window_date");
        date != file.partition_values.end() && date->second)
      newest = std::max(newest, *date->second);
  const auto day = parse_date(newest);
  if (!day) return std::vector<InterestRow>();
  std::vector<InterestRow> rows = TRY(read_interest(table, int64_t(*day) * kMicrosPerDay));
  if (!rows.empty()) {
    const int64_t last = rows.back().window_start;
    std::erase_if(rows, [last](const InterestRow& r) { return r.window_start != last; });
  }
  return rows;
}

}  // namespace pactolus
