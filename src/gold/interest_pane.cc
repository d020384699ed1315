#include "gold/interest_pane.h"

#include <bit>
#include <utility>

namespace pactolus {

ProductMeasures& InterestPane::add(int32_t product) {
  if (entries_.size() * 2 >= slots_.size()) rebuild_index(slots_.empty() ? 16 : slots_.size() * 2);
  size_t i = slot_of(product);
  while (slots_[i] >= 0) i = (i + 1) & (slots_.size() - 1);
  slots_[i] = int32_t(entries_.size());
  entries_.emplace_back().product = product;
  return entries_.back();
}

void InterestPane::add_other(ProductMeasures& to, int32_t currency, WideMoney amount) {
  for (int32_t i = to.other; i >= 0; i = others_[size_t(i)].next) {
    if (others_[size_t(i)].currency == currency) {
      others_[size_t(i)].amount += amount;
      return;
    }
  }
  others_.push_back({amount, currency, to.other});
  to.other = int32_t(others_.size()) - 1;
}

void InterestPane::merge(InterestPane&& other) {
  for (ProductMeasures& from : other.entries_) {
    ProductMeasures& to = of(from.product);
    to.revenue += from.revenue;
    to.refunds += from.refunds;
    to.views += from.views;
    to.carts += from.carts;
    to.purchases += from.purchases;
    if (to.viewers.empty())
      to.viewers = std::move(from.viewers);
    else
      to.viewers.merge(from.viewers);
    other.each_other(from, [&](int32_t currency, WideMoney amount) { add_other(to, currency, amount); });
  }
}

void InterestPane::renumber(std::span<const int32_t> new_number) {
  for (ProductMeasures& e : entries_) e.product = new_number[size_t(e.product)];
  rebuild_index(slots_.size());
}

void InterestPane::rebuild_index(size_t slots) {
  slots_.assign(slots, -1);
  shift_ = 32 - std::countr_zero(slots);
  for (size_t n = 0; n < entries_.size(); ++n) {
    size_t i = slot_of(entries_[n].product);
    while (slots_[i] >= 0) i = (i + 1) & (slots - 1);
    slots_[i] = int32_t(n);
  }
}

size_t InterestPane::bytes() const noexcept {
  size_t sum = entries_.capacity() * sizeof(ProductMeasures) + others_.capacity() * sizeof(OtherAmount) +
               slots_.capacity() * sizeof(int32_t);
  for (const ProductMeasures& e : entries_) sum += e.viewers.heap_bytes();
  return sum;
}

}  // namespace pactolus
