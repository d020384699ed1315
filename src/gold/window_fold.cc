#include "gold/window_fold.h"

#include <algorithm>

namespace pactolus {

void WindowFold::start(size_t products) {
  for (const Sum& s : sums_) sum_of_[size_t(s.product)] = -1;
  sums_.clear();
  parts_.clear();
  if (sum_of_.size() < products) sum_of_.resize(products, -1);
}

void WindowFold::add(const InterestPane& pane) {
  for (const ProductMeasures& m : pane.products()) {
    int32_t& at = sum_of_[size_t(m.product)];
    if (at < 0) {
      at = int32_t(sums_.size());
      sums_.emplace_back().product = m.product;
    }
    Sum& sum = sums_[size_t(at)];
    sum.revenue += m.revenue;
    sum.refunds += m.refunds;
    sum.views += m.views;
    sum.carts += m.carts;
    sum.purchases += m.purchases;
    sum.exact_viewers += m.viewers.values().size();
    parts_.push_back({&pane, &m, sum.last_part});
    sum.last_part = int32_t(parts_.size()) - 1;
  }
}

WindowTotals WindowFold::totals() const noexcept {
  WindowTotals out;
  out.products = int64_t(sums_.size());
  for (const Sum& s : sums_) {
    out.views += s.views;
    out.purchases += s.purchases;
  }
  return out;
}

InterestRow WindowFold::row(const Sum& sum, const TextDictionary& products, const TextDictionary& currencies,
                            int64_t window_start, int64_t window_end) {
  InterestRow row;
  row.product_id = products.value(sum.product);
  row.window_start = window_start;
  row.window_end = window_end;
  row.views = sum.views;
  row.carts = sum.carts;
  row.purchases = sum.purchases;
  row.revenue = sum.revenue;
  row.refunds = sum.refunds;
  union_.start(sum.exact_viewers);
  for (int32_t i = sum.last_part; i >= 0; i = parts_[size_t(i)].before) {
    const Part& part = parts_[size_t(i)];
    union_.add(part.measures->viewers);
    part.pane->each_other(*part.measures, [&](int32_t currency, WideMoney amount) {
      const std::string_view name = currencies.value(currency);
      const auto at = std::lower_bound(row.revenue_other.begin(), row.revenue_other.end(), name,
                                       [](const auto& pair, std::string_view n) { return pair.first < n; });
      if (at != row.revenue_other.end() && at->first == name)
        at->second += amount;
      else
        row.revenue_other.emplace(at, name, amount);
    });
  }
  row.viewers = union_.count();
  row.viewers_approx = union_.approximate();
  return row;
}

}  // namespace pactolus
