// The sum of a window's panes, product by product. Scratch memory that is used again from window to window: start(),
// add() each pane, then read sums() and finish the rows that are wanted; counting viewers is the dear part and is done
// for those only. Borrows the panes. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "event/event_batch.h"
#include "gold/conversion.h"
#include "gold/interest_pane.h"
#include "gold/interest_row.h"

namespace pactolus {

// Of all products of a window.
struct WindowTotals : ViewsAndPurchases {
  int64_t products = 0;
};

class WindowFold {
 public:
  struct Sum {
    WideMoney revenue = 0, refunds = 0;
    int64_t views = 0, carts = 0, purchases = 0;
    size_t exact_viewers = 0;  // upper bound on the values of its exact sets
    int32_t product = 0;
    int32_t last_part = -1;
  };

  void start(size_t products);  // product numbers are below this
  void add(const InterestPane& pane);
  std::vector<Sum>& sums() noexcept { return sums_; }  // may be put in another order once all panes are in
  WindowTotals totals() const noexcept;
  InterestRow row(const Sum& sum, const TextDictionary& products, const TextDictionary& currencies,
                  int64_t window_start, int64_t window_end);

 private:
  struct Part {
    const InterestPane* pane;
    const ProductMeasures* measures;
    int32_t before;  // the part of the same product from an earlier pane, -1 is none
  };
  std::vector<Sum> sums_;
  std::vector<Part> parts_;
  // By product number; -1 is none. Cleared through sums_, so that a start costs what was used.
  std::vector<int32_t> sum_of_;
  DistinctUnion union_;
};

}  // namespace pactolus
