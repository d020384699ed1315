// A row of gold/product_interest as a value: for alerts, and for what people are shown.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "gold/conversion.h"
#include "gold/window_view.h"

namespace pactolus {

struct InterestRow {
  std::string product_id;
  int64_t window_start = 0, window_end = 0;  // UTC microseconds; the end is not part of the window
  int64_t views = 0, carts = 0, purchases = 0;
  WideMoney revenue = 0, refunds = 0;  // shop's currency; refunds are positive
  int64_t viewers = 0;
  bool viewers_approx = false;
  bool operator==(const InterestRow&) const = default;
};

// Of all products of a window.
struct InterestTotals : ViewsAndPurchases {
  int64_t products = 0;
};

// Of product_interest, whatever the shape of its windows; rows without a product are left out.
std::vector<InterestRow> interest_rows(const ViewRows& rows);
InterestTotals interest_totals(const WindowView& view, int64_t window_end);  // of an open window

// The row's partition: the UTC date of the window's start, as days since 1970.
int32_t window_date(const InterestRow& row) noexcept;

}  // namespace pactolus
