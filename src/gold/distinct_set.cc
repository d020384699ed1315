#include "gold/distinct_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace pactolus {
namespace {

// More than 512 are known to be there whenever a sketch is used, whatever it estimates.
int64_t sketch_count(hyperloglog::RegistersView registers) {
  const double estimate = hyperloglog::estimate(registers);
  if (!(estimate < 1e18)) return int64_t(1e18);  // all registers full: only by hashes made for it
  return std::max<int64_t>(DistinctSet::kExactMax + 1, std::llround(estimate));
}

}  // namespace

void DistinctSet::take(DistinctSet& other) noexcept {
  std::memcpy(inline_, other.inline_, sizeof inline_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, kInline);
}

std::span<const uint64_t> DistinctSet::values() const noexcept {
  return {capacity_ == kInline ? inline_ : block_, capacity_ == kSketch ? 0 : size_};
}

hyperloglog::RegistersView DistinctSet::registers() const noexcept {
  return hyperloglog::RegistersView(sketch(), hyperloglog::kRegisters);
}

size_t DistinctSet::heap_bytes() const noexcept {
  if (capacity_ == kInline) return 0;
  if (capacity_ == kSketch) return hyperloglog::kRegisters;
  return capacity_ * sizeof(uint64_t) + (capacity_ >= kIndexFrom ? capacity_ * 2 * sizeof(uint16_t) : 0);
}

void DistinctSet::insert_unindexed(uint64_t value) {
  if (capacity_ == kSketch) {
    hyperloglog::add(hyperloglog::Registers(sketch(), hyperloglog::kRegisters), value);
    return;
  }
  uint64_t* const v = capacity_ == kInline ? inline_ : block_;
  for (uint32_t i = 0; i < size_; ++i)
    if (v[i] == value) return;
  if (size_ == capacity_) return insert_grown(value);
  v[size_++] = value;
}

void DistinctSet::insert_grown(uint64_t value) {
  grow();
  insert_value(value);
}

void DistinctSet::grow() {
  if (size_ == kExactMax) return go_approximate();
  const uint32_t capacity = capacity_ == kInline ? 8 : capacity_ * 2;
  const bool indexed = capacity >= kIndexFrom;
  auto* block = static_cast<uint64_t*>(operator new(capacity * sizeof(uint64_t) +
                                                    (indexed ? capacity * 2 * sizeof(uint16_t) : 0)));
  std::memcpy(block, capacity_ == kInline ? inline_ : block_, size_ * sizeof(uint64_t));
  release();
  block_ = block;
  capacity_ = capacity;
  if (!indexed) return;
  uint16_t* const slots = index();
  std::memset(slots, 0xff, capacity * 2 * sizeof(uint16_t));
  const size_t mask = capacity * 2 - 1;
  for (uint32_t n = 0; n < size_; ++n) {
    size_t i = block_[n] & mask;
    while (slots[i] != kFree) i = (i + 1) & mask;
    slots[i] = uint16_t(tag_of(block_[n]) | n);
  }
}

void DistinctSet::go_approximate() {
  auto* block = static_cast<uint64_t*>(operator new(hyperloglog::kRegisters));
  std::memset(block, 0, hyperloglog::kRegisters);
  const hyperloglog::Registers registers(reinterpret_cast<uint8_t*>(block), hyperloglog::kRegisters);
  for (const uint64_t v : values()) hyperloglog::add(registers, v);
  release();
  block_ = block;
  capacity_ = kSketch;
  size_ = 0;
}

void DistinctSet::merge(const DistinctSet& other) {
  if (other.approximate()) {
    if (!approximate()) go_approximate();
    hyperloglog::merge(hyperloglog::Registers(sketch(), hyperloglog::kRegisters), other.registers());
  } else {
    for (const uint64_t v : other.values()) insert_value(v);
  }
}

int64_t DistinctSet::count() const { return approximate() ? sketch_count(registers()) : int64_t(size_); }

void DistinctSet::save(StateWriter& out) const {
  if (approximate()) {
    out.number(kExactMax + 1);
    out.raw(sketch(), hyperloglog::kRegisters);
    return;
  }
  std::vector<uint64_t> sorted(values().begin(), values().end());
  std::sort(sorted.begin(), sorted.end());
  out.number(sorted.size());
  for (const uint64_t v : sorted) out.word(v);
}

Result<DistinctSet> DistinctSet::load(StateReader& in) {
  DistinctSet set;
  const auto size = uint32_t(in.number(kExactMax + 1));
  if (size > kExactMax) {
    const std::string_view bytes = in.raw(hyperloglog::kRegisters);
    for (const char c : bytes)
      if (uint8_t(c) > hyperloglog::kMaxRank) return fail(ErrorCode::corrupt, "a sketch register is out of range");
    if (in.ok()) {
      set.go_approximate();
      std::memcpy(set.sketch(), bytes.data(), bytes.size());
    }
  } else {
    uint64_t before = 0;
    for (uint32_t i = 0; i < size && in.ok(); ++i) {
      const uint64_t v = in.word();
      if (v <= before) return fail(ErrorCode::corrupt, "the values of a set are not in ascending order");
      set.insert_value(before = v);
    }
  }
  if (!in.ok()) return fail(ErrorCode::corrupt, "a set of hashes ends early");
  return set;
}

void DistinctUnion::start(size_t expected) {
  const size_t values = std::min<size_t>(expected, 2 * DistinctSet::kExactMax);
  mask_ = std::bit_ceil(values + values / 4 + 1) - 1;
  std::memset(table_.data(), 0, (mask_ + 1) * sizeof(uint64_t));
  size_ = 0;
  approximate_ = false;
}

void DistinctUnion::add(const DistinctSet& set) {
  const hyperloglog::Registers registers(registers_);
  if (set.approximate()) {
    if (!approximate_) go_approximate();
    hyperloglog::merge(registers, set.registers());
    return;
  }
  if (approximate_) {
    for (const uint64_t v : set.values()) hyperloglog::add(registers, v);
    return;
  }
  uint32_t size = size_;
  for (const uint64_t v : set.values()) {
    size_t i = v & mask_;
    // Present and absent take the same path: which of the two is a coin toss that no branch predictor wins.
    while (table_[i] != v && table_[i] != 0) i = (i + 1) & mask_;
    size += table_[i] == 0;
    table_[i] = v;
  }
  size_ = size;
  if (size_ > DistinctSet::kExactMax) go_approximate();
}

void DistinctUnion::go_approximate() {
  registers_.fill(0);
  for (size_t i = 0; i <= mask_; ++i)
    if (table_[i] != 0) hyperloglog::add(hyperloglog::Registers(registers_), table_[i]);
  approximate_ = true;
}

int64_t DistinctUnion::count() const {
  return approximate_ ? sketch_count(hyperloglog::RegistersView(registers_)) : int64_t(size_);
}

}  // namespace pactolus
