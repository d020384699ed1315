// One pane of a view: what was counted for each key in one slice of event time.
//
// Keys are numbers that the view gives. Entries lie side by side in order of arrival, one vector for each kind of
// number, so that a row of events touches what it changes and no more. Amounts in other currencies than the shop's are
// rare: they hang on their entry as a chain in a vector of their own. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/decimal.h"
#include "gold/distinct_set.h"
#include "gold/view_declaration.h"

namespace pactolus {

struct OtherAmount {
  WideMoney amount = 0;
  int32_t currency = 0;  // in the view's dictionary
  int32_t slot = 0;      // of the measure: MeasureSlots::Of::other
  int32_t next = -1;     // of the same key
};

class ViewPane {
 public:
  explicit ViewPane(const MeasureSlots& slots)
      : count_slots_(size_t(slots.counts)),
        money_slots_(size_t(slots.moneys)),
        set_slots_(size_t(slots.sets)),
        has_other_(slots.others > 0) {}

  // Number of the key's entry, which is made when it is new.
  size_t entry(int32_t key) {
    if (slots_.empty()) return add(key);
    const size_t mask = slots_.size() - 1;
    for (size_t i = slot_of(key); slots_[i] >= 0; i = (i + 1) & mask)
      if (keys_[size_t(slots_[i])] == key) return size_t(slots_[i]);
    return add(key);
  }
  int64_t& count(size_t entry, int32_t slot) { return counts_[entry * count_slots_ + size_t(slot)]; }
  WideMoney& money(size_t entry, int32_t slot) { return moneys_[entry * money_slots_ + size_t(slot)]; }
  DistinctSet& set(size_t entry, int32_t slot) { return sets_[entry * set_slots_ + size_t(slot)]; }
  void add_other(size_t entry, int32_t slot, int32_t currency, WideMoney amount);
  void merge(ViewPane&& other);
  // An entry that entry() does not find, beside others of the same key.
  size_t append(int32_t key);
  void add_entry(size_t to, ViewPane& other, size_t from);  // takes its sets

  size_t entries() const noexcept { return keys_.size(); }
  int32_t key(size_t entry) const { return keys_[entry]; }
  std::span<const int64_t> counts(size_t entry) const {
    return std::span(counts_).subspan(entry * count_slots_, count_slots_);
  }
  std::span<const WideMoney> moneys(size_t entry) const {
    return std::span(moneys_).subspan(entry * money_slots_, money_slots_);
  }
  std::span<const DistinctSet> sets(size_t entry) const {
    return std::span(sets_).subspan(entry * set_slots_, set_slots_);
  }
  template <class Function>  // (const OtherAmount&)
  void each_other(size_t entry, Function function) const {
    if (has_other_)
      for (int32_t i = first_other_[entry]; i >= 0; i = others_[size_t(i)].next) function(others_[size_t(i)]);
  }
  void clear();
  void renumber(std::span<const int32_t> new_number);  // key n becomes new_number[n]; -1 is nobody's and stays
  size_t bytes() const noexcept;

 private:
  size_t slot_of(int32_t key) const noexcept { return size_t(uint32_t(key) * 0x9E3779B1u) >> shift_; }
  size_t add(int32_t key);  // not there yet
  void rebuild_index(size_t slots);

  size_t count_slots_, money_slots_, set_slots_;
  bool has_other_;
  std::vector<int32_t> keys_;
  std::vector<int64_t> counts_;
  std::vector<WideMoney> moneys_;
  std::vector<DistinctSet> sets_;
  std::vector<int32_t> first_other_;  // -1 is none; empty when no measure has other currencies
  std::vector<OtherAmount> others_;
  std::vector<int32_t> slots_;  // number of an entry, -1 is free; a power of two, at most half full
  int shift_ = 32;
};

}  // namespace pactolus
