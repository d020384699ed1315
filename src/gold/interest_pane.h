// One pane of product_interest: what each product did in one slice of event time.
//
// Entries lie in one flat vector in order of arrival, found by an open-addressing index over the product's number in
// the view's dictionary. Amounts in other currencies than the shop's are rare: they hang on their entry as a chain in
// a vector of their own. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/decimal.h"
#include "gold/distinct_set.h"

namespace pactolus {

struct ProductMeasures {
  WideMoney revenue = 0;  // purchases in the shop's currency
  WideMoney refunds = 0;  // refunds in the shop's currency, positive
  DistinctSet viewers;    // hashes of the users with a view
  int64_t views = 0, carts = 0, purchases = 0;
  int32_t product = 0;  // in the view's dictionary
  int32_t other = -1;   // first of its amounts in other currencies, -1 is none
};

struct OtherAmount {
  WideMoney amount = 0;  // purchases minus refunds
  int32_t currency = 0;  // in the view's dictionary
  int32_t next = -1;     // of the same product
};

class InterestPane {
 public:
  // Makes it when new; the reference holds until the next call.
  ProductMeasures& of(int32_t product) {
    if (slots_.empty()) return add(product);
    const size_t mask = slots_.size() - 1;
    for (size_t i = slot_of(product); slots_[i] >= 0; i = (i + 1) & mask)
      if (ProductMeasures& m = entries_[size_t(slots_[i])]; m.product == product) return m;
    return add(product);
  }
  void add_other(ProductMeasures& to, int32_t currency, WideMoney amount);
  void merge(InterestPane&& other);

  std::span<const ProductMeasures> products() const noexcept { return entries_; }
  template <class Function>  // (int32_t currency, WideMoney amount)
  void each_other(const ProductMeasures& of, Function function) const {
    for (int32_t i = of.other; i >= 0; i = others_[size_t(i)].next)
      function(others_[size_t(i)].currency, others_[size_t(i)].amount);
  }
  // Product number n becomes new_number[n].
  void renumber(std::span<const int32_t> new_number);
  size_t bytes() const noexcept;

 private:
  size_t slot_of(int32_t product) const noexcept { return size_t(uint32_t(product) * 0x9E3779B1u) >> shift_; }
  ProductMeasures& add(int32_t product);  // not there yet
  void rebuild_index(size_t slots);
  std::vector<ProductMeasures> entries_;
  std::vector<OtherAmount> others_;
  std::vector<int32_t> slots_;  // position in entries_, -1 is free; a power of two, at most half full
  int shift_ = 32;
};

}  // namespace pactolus
