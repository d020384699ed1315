// Eight slots of a hash table told apart by a byte each, a fragment of the key that lies in the slot; 0 is a free one.
// All eight are asked at once, as the bytes of one word, after the groups of Swiss tables (M. Kulukundis, CppCon 2017).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace pactolus {

static_assert(std::endian::native == std::endian::little, "the first slot is the word's lowest byte");

class FragmentGroup {
 public:
  static constexpr size_t kSlots = 8;

  // Some of the eight, from the first on.
  class Places {
   public:
    explicit operator bool() const noexcept { return marks_ != 0; }
    size_t place() const noexcept { return size_t(std::countr_zero(marks_)) / 8; }
    void next() noexcept { marks_ &= marks_ - 1; }

   private:
    friend class FragmentGroup;
    explicit Places(uint64_t marks) noexcept : marks_(marks) {}
    uint64_t marks_;  // the highest bit of the byte of each
  };

  explicit FragmentGroup(const uint8_t* fragments) noexcept { std::memcpy(&word_, fragments, kSlots); }
  Places matching(uint8_t fragment) const noexcept { return zero_bytes(word_ ^ kOnes * fragment); }  // exactly those
  Places free() const noexcept { return zero_bytes(word_); }

 private:
  static constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kLows = 0x7f7f'7f7f'7f7f'7f7f;
  // Nothing is carried from byte to byte: the form with a borrow, which is one operation shorter, also marks a 1 above
  // a 0, and what lies in a free slot is old (H. Warren, Hacker's Delight, 2nd ed., 6-1).
  static Places zero_bytes(uint64_t word) noexcept { return Places(~(((word & kLows) + kLows) | word | kLows)); }
  uint64_t word_;
};

}  // namespace pactolus
