#include "silver/fingerprint_table.h"

#include <algorithm>

namespace pactolus {
namespace {
constexpr size_t kFirstSlots = 32;       // of a segment
constexpr size_t kSmallSegment = 4'096;  // keys: a million in the whole table

// Modulo 2^64, by Newton's method: every step doubles the bits that are right, of which an odd number has 3 by itself.
uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int bits = 3; bits < 64; bits *= 2) x *= 2 - odd * x;
  return x;
}
}  // namespace

void FingerprintTable::resize(size_t most_in_a_segment) {
  const size_t percent = most_in_a_segment < kSmallSegment ? 40 : 68;
  segment_slots_ = std::max(kFirstSlots, (most_in_a_segment + 1) * 100 / percent + 1);
  slots_ = HugeArray<uint64_t>(segment_slots_ * kSegments);
  tags_ = HugeArray<uint8_t>(segment_slots_ * kSegments);
  used_.fill(0);
  size_ = 0;
}

void FingerprintTable::clear() { resize(0); }

void FingerprintTable::for_each(const std::function<void(const Entry&)>& visit) const {
  const uint64_t back = inverse(multiplier_);
  for (size_t i = 0; i < slots_.size(); ++i)
    if (const uint64_t slot = slots_[i]; slot != 0)
      visit({(uint64_t(i / segment_slots_) << 56 | slot >> 8) * back, uint8_t(slot), tags_[i]});
}

}  // namespace pactolus
