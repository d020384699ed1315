#include "gold/view_pane.h"

#include <bit>
#include <utility>

namespace pactolus {

size_t ViewPane::add(int32_t key) {
  if (keys_.size() * 2 >= slots_.size()) rebuild_index(slots_.empty() ? 16 : slots_.size() * 2);
  size_t i = slot_of(key);
  while (slots_[i] >= 0) i = (i + 1) & (slots_.size() - 1);
  const size_t entry = keys_.size();
  slots_[i] = int32_t(entry);
  return append(key);
}

size_t ViewPane::append(int32_t key) {
  const size_t entry = keys_.size();
  keys_.push_back(key);
  counts_.resize(counts_.size() + count_slots_);
  moneys_.resize(moneys_.size() + money_slots_);
  for (size_t s = 0; s < set_slots_; ++s) sets_.emplace_back();
  if (has_other_) first_other_.push_back(-1);
  return entry;
}

void ViewPane::add_other(size_t entry, int32_t slot, int32_t currency, WideMoney amount) {
  for (int32_t i = first_other_[entry]; i >= 0; i = others_[size_t(i)].next) {
    OtherAmount& there = others_[size_t(i)];
    if (there.currency != currency || there.slot != slot) continue;
    there.amount += amount;
    return;
  }
  others_.push_back({amount, currency, slot, first_other_[entry]});
  first_other_[entry] = int32_t(others_.size()) - 1;
}

void ViewPane::merge(ViewPane&& other) {
  for (size_t from = 0; from < other.entries(); ++from) add_entry(entry(other.key(from)), other, from);
}

void ViewPane::add_entry(size_t to, ViewPane& other, size_t from) {
  for (size_t s = 0; s < count_slots_; ++s) counts_[to * count_slots_ + s] += other.counts_[from * count_slots_ + s];
  for (size_t s = 0; s < money_slots_; ++s) moneys_[to * money_slots_ + s] += other.moneys_[from * money_slots_ + s];
  for (size_t s = 0; s < set_slots_; ++s) {
    DistinctSet& mine = sets_[to * set_slots_ + s];
    DistinctSet& theirs = other.sets_[from * set_slots_ + s];
    if (mine.empty())
      mine = std::move(theirs);
    else
      mine.merge(theirs);
  }
  other.each_other(from, [&](const OtherAmount& o) { add_other(to, o.slot, o.currency, o.amount); });
}

void ViewPane::renumber(std::span<const int32_t> new_number) {
  for (int32_t& key : keys_)
    if (key >= 0) key = new_number[size_t(key)];
  if (!slots_.empty()) rebuild_index(slots_.size());
}

void ViewPane::clear() {
  keys_.clear();
  counts_.clear();
  moneys_.clear();
  sets_.clear();
  first_other_.clear();
  others_.clear();
  slots_.clear();
}

void ViewPane::rebuild_index(size_t slots) {
  slots_.assign(slots, -1);
  shift_ = 32 - std::countr_zero(slots);
  for (size_t n = 0; n < keys_.size(); ++n) {
    size_t i = slot_of(keys_[n]);
    while (slots_[i] >= 0) i = (i + 1) & (slots - 1);
    slots_[i] = int32_t(n);
  }
}

size_t ViewPane::bytes() const noexcept {
  size_t sum = (keys_.capacity() + first_other_.capacity() + slots_.capacity()) * sizeof(int32_t) +
               counts_.capacity() * sizeof(int64_t) + moneys_.capacity() * sizeof(WideMoney) +
               sets_.capacity() * sizeof(DistinctSet) + others_.capacity() * sizeof(OtherAmount);
  for (const DistinctSet& set : sets_) sum += set.heap_bytes();
  return sum;
}

}  // namespace pactolus
