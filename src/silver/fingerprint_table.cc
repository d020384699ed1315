#include "silver/fingerprint_table.h"

#include <algorithm>

namespace pactolus {
namespace {
constexpr size_t kFirstGroups = 2;       // of a segment
constexpr size_t kSmallSegment = 2'048;  // keys: a million in the whole table

// Modulo 2^64, by Newton's method: every step doubles the bits that are right, of which an odd number has 3 by itself.
uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int bits = 3; bits < 64; bits *= 2) x *= 2 - odd * x;
  return x;
}
}  // namespace

void FingerprintTable::resize(size_t most_in_a_segment) {
  const size_t percent = most_in_a_segment < kSmallSegment ? 40 : 70;
  const size_t slots = (most_in_a_segment + 1) * 100 / percent + 1;
  segment_groups_ = std::max(kFirstGroups, (slots + kGroup - 1) / kGroup);
  fragments_ = HugeArray<uint8_t>(segment_slots() * kSegments);
  slots_ = HugeArray<uint64_t>(segment_slots() * kSegments);
  used_.fill(0);
  size_ = 0;
}

void FingerprintTable::clear() { resize(0); }

uint64_t FingerprintTable::key_at(size_t index) const noexcept {
  const uint64_t slot = slots_[index];
  const uint64_t key = uint64_t(index / segment_slots()) << kSegmentShift | (slot & kKeyBits) >> kSegmentBits;
  const uint8_t fragment = slot & kZeroFragment ? 0 : fragments_[index];
  return key | uint8_t(fragment ^ key >> kMixed);
}

void FingerprintTable::for_each(const std::function<void(const Entry&)>& visit) const {
  const uint64_t back = inverse(multiplier_);
  for (size_t i = 0; i < slots_.size(); ++i)
    if (fragments_[i] != 0) visit({key_at(i) * back, content_at(int64_t(i)), tag_at(int64_t(i))});
}

}  // namespace pactolus
