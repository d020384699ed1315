// A row of gold/product_interest: one product in one window.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/columns.h"
#include "base/decimal.h"
#include "base/ids.h"

namespace pactolus {

struct InterestRow {
  std::string product_id;
  int64_t window_start = 0, window_end = 0;  // UTC microseconds; the end is not part of the window
  int64_t views = 0, carts = 0, purchases = 0;
  WideMoney revenue = 0, refunds = 0;                            // shop's currency; refunds are positive
  std::vector<std::pair<std::string, WideMoney>> revenue_other;  // by currency, ascending; purchases minus refunds
  int64_t viewers = 0;
  bool viewers_approx = false;
  bool operator==(const InterestRow&) const = default;
};

// The row's partition: the UTC date of the window's start, as days since 1970.
int32_t window_date(const InterestRow& row) noexcept;

enum class InterestBasis : uint8_t { stream, rebuild };

// The contract's columns, without the partition column. The conversion is null where there are no views; a row
// without other currencies has an empty map.
ColumnBatch interest_columns(std::span<const InterestRow> rows, InterestBasis basis, int64_t batch);

}  // namespace pactolus
