#include "gold/interest_json.h"

#include "base/time_text.h"
#include "gold/conversion.h"

namespace pactolus {

Json interest_rows_json(std::span<const InterestRow> rows, const InterestTotals& window) {
  Json out = Json::array();
  for (const InterestRow& r : rows) {
    Json row = Json::object();
    row.set("product_id", r.product_id)
        .set("window_start", iso_time(r.window_start))
        .set("window_end", iso_time(r.window_end));
    row.set("views", r.views)
        .set("carts", r.carts)
        .set("purchases", r.purchases)
        .set("revenue", money_text(r.revenue))
        .set("viewers", r.viewers);
    if (const auto c = conversion_of(r.views, r.purchases))
      row.set("conversion_rate", c->rate)
          .set("conversion_low", c->interval.low)
          .set("conversion_high", c->interval.high);
    row.set("low_conversion", low_conversion_mark({r.views, r.purchases}, window));
    out.push(std::move(row));
  }
  return out;
}

Json interest_totals_json(const InterestTotals& window) {
  return Json::object().set("products", window.products).set("views", window.views).set("purchases", window.purchases);
}

}  // namespace pactolus
