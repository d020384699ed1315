#include "gold/interest_row.h"

#include <algorithm>

#include "base/check.h"

namespace pactolus {
namespace {

size_t measure(const ViewDeclaration& view, std::string_view name) {
  const auto at = std::ranges::find(view.measures, name, &Measure::name);
  PACTOLUS_CHECK(at != view.measures.end(), view.name + " has no " + std::string(name));
  return size_t(at - view.measures.begin());
}

}  // namespace

std::vector<InterestRow> interest_rows(const ViewRows& rows) {
  const ViewDeclaration& view = rows.view();
  const size_t views = measure(view, "views"), carts = measure(view, "carts"), purchases = measure(view, "purchases"),
               revenue = measure(view, "revenue"), refunds = measure(view, "refunds"),
               viewers = measure(view, "viewers");
  std::vector<InterestRow> out;
  out.reserve(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto product = rows.key(r, 0);
    if (!product) continue;
    InterestRow& row = out.emplace_back();
    row.product_id = *product;
    row.window_start = rows.window_start(r);
    row.window_end = rows.window_end(r);
    row.views = rows.number(r, views);
    row.carts = rows.number(r, carts);
    row.purchases = rows.number(r, purchases);
    row.revenue = rows.money(r, revenue);
    row.refunds = rows.money(r, refunds);
    row.viewers = rows.number(r, viewers);
    row.viewers_approx = rows.approximate(r, viewers);
  }
  return out;
}

InterestTotals interest_totals(const WindowView& view, int64_t window_end) {
  const ViewTotals totals = view.provisional_totals(window_end);
  InterestTotals out;
  out.views = totals.numbers[measure(view.declaration(), "views")];
  out.purchases = totals.numbers[measure(view.declaration(), "purchases")];
  out.products = totals.keys;
  return out;
}

int32_t window_date(const InterestRow& row) noexcept { return int32_t(floor_div(row.window_start, kMicrosPerDay)); }

}  // namespace pactolus
