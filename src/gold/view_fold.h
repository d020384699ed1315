// The sum of a window's panes, key by key. Scratch memory that is used again from window to window: start(), add()
// each pane, then read sums() and finish the rows that are wanted; counting the distinct is the dear part and is done
// for those only. Borrows the panes. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gold/key_table.h"
#include "gold/view_pane.h"
#include "gold/view_rows.h"

namespace pactolus {

class ViewFold {
 public:
  struct Sum {
    int32_t key = 0;
    int32_t last_part = -1;
  };

  explicit ViewFold(const MeasureSlots& slots) : slots_(slots) {}
  void start(size_t keys);  // key numbers are below this
  void add(const ViewPane& pane);
  // Instead of start() and add(): one entry of a pane alone.
  Sum only(const ViewPane& pane, size_t entry);
  // May be put in another order once all panes are in.
  std::vector<Sum>& sums() noexcept { return sums_; }
  int64_t count(const Sum& sum, int32_t slot) const;
  void append_row(const Sum& sum, const KeyTable& keys, const TextDictionary& currencies, int64_t window_start,
                  ViewRows& out);

 private:
  struct Part {
    const ViewPane* pane;
    size_t entry;
    int32_t before;  // the part of the same key from an earlier pane, -1 is none
  };
  void append_set(size_t set, ViewRows& out);
  MeasureSlots slots_;
  std::vector<Sum> sums_;
  std::vector<Part> parts_;
  std::vector<int32_t>
      sum_of_;  // by key number; -1 is none. Cleared through sums_, so that a start costs what was used
  std::vector<const DistinctSet*> sets_;  // of the parts of the row at hand
  DistinctUnion union_;
};

}  // namespace pactolus
