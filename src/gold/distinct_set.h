// A set of 64-bit hashes that is asked for one thing: how many there are. Exact up to 512, a HyperLogLog beyond; which
// of the two depends only on the values, not on the order in which they or whole sets came in.
//
//   up to 3 values     in the object itself (32 bytes)
//   up to 512 values   one block: the values in order of arrival and, from a capacity of 16 on, a hash index of twice
//                      as many 16-bit slots: 6 bits of the value, which spare most looks at the values, and its
//                      position
//   beyond             one block of 4,096 registers
//
// Two users with the same hash count as one: among 10^6 users there is one such pair with a chance of 3 in 10^8.
// One thread. Moves; a copy is what an empty set merges.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "gold/hyperloglog.h"
#include "gold/state_bytes.h"

namespace pactolus {

class DistinctSet {
 public:
  static constexpr uint32_t kExactMax = 512;  // at 8 bytes each the size of the sketch

  DistinctSet() noexcept {}
  DistinctSet(DistinctSet&& other) noexcept { take(other); }
  DistinctSet& operator=(DistinctSet&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~DistinctSet() { release(); }

  void insert(uint64_t hash) { insert_value(value_of(hash)); }
  void merge(const DistinctSet& other);
  int64_t count() const;
  bool approximate() const noexcept { return capacity_ == kSketch; }
  bool empty() const noexcept { return size_ == 0 && capacity_ != kSketch; }

  std::span<const uint64_t> values() const noexcept;      // of an exact set, in order of arrival
  hyperloglog::RegistersView registers() const noexcept;  // of an approximate one
  size_t heap_bytes() const noexcept;

  // The same set always gives the same bytes. Loading answers an empty set and spoils nothing else: ask reader.ok().
  void save(StateWriter& out) const;
  static Result<DistinctSet> load(StateReader& in);

 private:
  static constexpr uint32_t kInline = 3, kIndexFrom = 16, kSketch = 0;
  static constexpr uint16_t kFree = 0xffff;  // a used slot has 15 bits
  // 0 marks a free slot in DistinctUnion, so no value is 0.
  static uint64_t value_of(uint64_t hash) noexcept { return hash + (hash == 0); }

  static uint32_t tag_of(uint64_t value) noexcept { return uint32_t(value >> 32 & 63) << 9; }

  void take(DistinctSet& other) noexcept;
  void release() noexcept {
    if (capacity_ != kInline) operator delete(block_);
  }
  uint16_t* index() const noexcept { return reinterpret_cast<uint16_t*>(block_ + capacity_); }
  uint8_t* sketch() const noexcept { return reinterpret_cast<uint8_t*>(block_); }
  void insert_value(uint64_t value) {
    if (capacity_ < kIndexFrom) return insert_unindexed(value);
    uint16_t* const slots = index();
    const size_t mask = capacity_ * 2 - 1;
    const uint32_t tag = tag_of(value);
    size_t i = value & mask;
    for (; slots[i] != kFree; i = (i + 1) & mask)
      if ((slots[i] & ~511u) == tag && block_[slots[i] & 511] == value) return;
    if (size_ == capacity_) return insert_grown(value);
    slots[i] = uint16_t(tag | size_);
    block_[size_++] = value;
  }
  void insert_unindexed(uint64_t value);  // few values, or a sketch
  void insert_grown(uint64_t value);      // a new one, and no room for it
  void grow();
  void go_approximate();

  union {
    uint64_t inline_[kInline];
    uint64_t* block_;
  };
  uint32_t size_ = 0;            // of an exact set
  uint32_t capacity_ = kInline;  // kSketch: block_ holds registers
};

// How many values several sets hold together: scratch memory for closing windows, used again for each product.
class DistinctUnion {
 public:
  // `expected`: an upper bound on the number of values in the exact sets that will come.
  void start(size_t expected);
  void add(const DistinctSet& set);
  int64_t count() const;
  bool approximate() const noexcept { return approximate_; }

 private:
  void go_approximate();
  std::array<uint64_t, 2048> table_;  // open addressing; 0 is free. Twice the 1,024 values after which it is left
  size_t mask_ = 0;
  uint32_t size_ = 0;
  bool approximate_ = false;
  std::array<uint8_t, hyperloglog::kRegisters> registers_;
};

}  // namespace pactolus
