#include "gold/interest_row.h"

#include "gold/conversion.h"

namespace pactolus {

int32_t window_date(const InterestRow& row) noexcept { return int32_t(floor_div(row.window_start, kMicrosPerDay)); }

ColumnBatch interest_columns(std::span<const InterestRow> rows, InterestBasis basis, int64_t batch) {
  TextColumn product, made_by;
  FixedColumn<int64_t> start, end, views, carts, purchases, viewers, batch_id;
  FixedColumn<WideMoney> revenue, refunds;
  MapColumn<FixedColumn<WideMoney>> revenue_other;
  BoolColumn viewers_approx;
  FixedColumn<double> rate, low, high;
  for (const InterestRow& r : rows) {
    product.append(r.product_id);
    start.append(r.window_start);
    end.append(r.window_end);
    views.append(r.views);
    carts.append(r.carts);
    purchases.append(r.purchases);
    revenue.append(r.revenue);
    refunds.append(r.refunds);
    for (const auto& [currency, amount] : r.revenue_other) revenue_other.append_entry(currency, amount);
    revenue_other.end_row();
    viewers.append(r.viewers);
    viewers_approx.append(r.viewers_approx);
    if (const auto c = conversion_of(r.views, r.purchases)) {
      rate.append(c->rate);
      low.append(c->interval.low);
      high.append(c->interval.high);
    } else {
      rate.append_null();
      low.append_null();
      high.append_null();
    }
    made_by.append(basis == InterestBasis::stream ? "stream" : "rebuild");
    batch_id.append(batch);
  }
  std::vector<ColumnData> columns;
  columns.push_back(product.finish("product_id"));
  columns.push_back(start.finish("window_start", kFormatTimestamp));
  columns.push_back(end.finish("window_end", kFormatTimestamp));
  columns.push_back(views.finish("views", kFormatInt64));
  columns.push_back(carts.finish("carts", kFormatInt64));
  columns.push_back(purchases.finish("purchases", kFormatInt64));
  columns.push_back(revenue.finish("revenue", kFormatWideMoney));
  columns.push_back(refunds.finish("refunds", kFormatWideMoney));
  columns.push_back(revenue_other.finish("revenue_other", kFormatWideMoney));
  columns.push_back(viewers.finish("viewers", kFormatInt64));
  columns.push_back(viewers_approx.finish("viewers_approx"));
  columns.push_back(rate.finish("conversion_rate", kFormatDouble));
  columns.push_back(low.finish("conversion_low", kFormatDouble));
  columns.push_back(high.finish("conversion_high", kFormatDouble));
  columns.push_back(made_by.finish("basis"));
  columns.push_back(batch_id.finish("batch_id", kFormatInt64));
  return ColumnBatch(int64_t(rows.size()), std::move(columns));
}

}  // namespace pactolus
