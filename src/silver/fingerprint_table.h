// A set of 64-bit fingerprints, each with one byte of content and one byte of tag, in 9 bytes a slot.
//
// The top 9 bits of a key choose one of 512 segments of equal size. A segment is a ring of groups of 8 slots, probed
// group by group from the one that the key's size suggests (multiply, not mask), so the table can have any size: filled
// between 70 and 80 percent, 11.3 to 12.9 bytes a key in the fullest segment. A table that is rebuilt keeps its order,
// so that growing is one pass from front to back. (Small tables double, which moves keys less often; memory matters
// only when there are many.)
//
//   fragment:  [ 8 bits mixed of the key, 0 where the slot is free ]
//   slot:      [ 47 bits of the key | 1 bit: the fragment would be 0, and is 1 | 8 bits of content | 8 bits of tag ]
//
// Fragments lie apart, a byte each (fragment_group.h): that an id is new, as nearly all are, is known from one cache
// line of an array that is an eighth of the slots, and only a fragment that fits makes a slot be looked at.
//
// The key is the fingerprint times a secret odd number of the process (multiply-shift hashing, Dietzfelbinger et al.
// 1997; reversible): ids chosen so that their fingerprints crowd in one segment would otherwise blow up the table or
// make one long run of it. What is found does not depend on it, only where it lies.
//
// One thread. Not a cache: nothing leaves unless `keep` says so when the table is rebuilt.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "base/hash.h"
#include "base/huge_array.h"
#include "silver/fragment_group.h"

namespace pactolus {

class FingerprintTable {
 public:
  struct Entry {
    uint64_t fingerprint;
    uint8_t content;
    uint8_t tag;
  };
  static constexpr int64_t kAbsent = -1;
  static constexpr size_t kSegments = 512;

  explicit FingerprintTable(uint64_t secret = process_secret()) : multiplier_(secret | 1) { clear(); }

  // Starts to bring what find() looks at into the cache; call it some 8 to 16 probes ahead.
  void prefetch(uint64_t fingerprint) const noexcept {
    __builtin_prefetch(&fragments_[kGroup * group_of(key_of(fingerprint))]);
  }
  void prefetch_to_insert(uint64_t fingerprint) const noexcept {
    const size_t i = kGroup * group_of(key_of(fingerprint));
    __builtin_prefetch(&fragments_[i], 1);
    __builtin_prefetch(&slots_[i], 1);
  }
  // Index of the slot that holds the fingerprint, or kAbsent. Valid until the next insert.
  int64_t find(uint64_t fingerprint) const noexcept {
    const uint64_t key = key_of(fingerprint);
    const Kept kept = kept_of(key);
    for (size_t g = group_of(key);; g = next(g, key >> kSegmentShift)) {
      const FragmentGroup group(&fragments_[kGroup * g]);
      for (auto fits = group.matching(kept.fragment); fits; fits.next())
        if (const size_t i = kGroup * g + fits.place(); (slots_[i] ^ kept.slot) >> 16 == 0) return int64_t(i);
      if (group.free()) return kAbsent;
    }
  }
  uint8_t content_at(int64_t index) const noexcept { return uint8_t(slots_[size_t(index)] >> 8); }
  uint8_t tag_at(int64_t index) const noexcept { return uint8_t(slots_[size_t(index)]); }
  void replace_at(int64_t index, uint8_t content, uint8_t tag) noexcept {
    uint64_t& slot = slots_[size_t(index)];
    slot = (slot & ~uint64_t(0xffff)) | values_of(content, tag);
  }

  // The fingerprint must be absent. `keep(tag)` is asked when the table has to grow: entries it refuses go first.
  template <class Keep>
  void insert(uint64_t fingerprint, uint8_t content, uint8_t tag, Keep&& keep) {
    const uint64_t key = key_of(fingerprint);
    if ((used_[key >> kSegmentShift] + 1) * 5 > segment_slots() * 4) rebuild(keep);
    const Kept kept = kept_of(key);
    place(key, kept.fragment, kept.slot | values_of(content, tag));
  }
  // Leaves out the entries that `keep(tag)` refuses and gives the table the size that the rest needs.
  template <class Keep>
  void rebuild(Keep&& keep, size_t least_in_a_segment = 0);
  // Makes room for so many keys at once, when there is not enough yet: filling then needs no rebuild, as a rule.
  template <class Keep>
  void reserve(size_t keys, Keep&& keep) {
    if (keys > size_ && !has_room(keys - size_)) rebuild(keep, keys / kSegments);
  }

  bool has_room(size_t keys) const noexcept { return (size_ + keys) / kSegments * 5 <= segment_slots() * 4; }
  size_t size() const noexcept { return size_; }
  size_t memory_bytes() const noexcept { return sizeof *this + slots_.size() * 9; }
  void for_each(const std::function<void(const Entry&)>& visit) const;
  void clear();

 private:
  static constexpr size_t kGroup = FragmentGroup::kSlots;
  static constexpr int kSegmentBits = 9, kSegmentShift = 64 - kSegmentBits, kMixed = 33;
  static_assert(kSegments == size_t(1) << kSegmentBits);
  static constexpr uint64_t kZeroFragment = uint64_t(1) << 16, kKeyBits = ~uint64_t(0x1ffff);  // of a slot
  struct Kept {  // of a key, beside its segment
    uint8_t fragment;
    uint64_t slot;
  };

  uint64_t key_of(uint64_t fingerprint) const noexcept { return fingerprint * multiplier_; }
  // A bit of the key hangs on the bits of the fingerprint from there down, whatever the factor: who wants ids of one
  // fragment has to choose 41 bits of each. What is mixed in is in the slot, so that it comes apart again.
  static uint8_t mixed(uint64_t key) noexcept { return uint8_t(key ^ key >> kMixed); }
  static Kept kept_of(uint64_t key) noexcept {
    const uint8_t fragment = mixed(key);
    const uint64_t slot = key << kSegmentBits & kKeyBits;
    return fragment != 0 ? Kept{fragment, slot} : Kept{1, slot | kZeroFragment};
  }
  static uint64_t values_of(uint8_t content, uint8_t tag) noexcept { return uint64_t(content) << 8 | tag; }
  uint64_t key_at(size_t index) const noexcept;
  size_t group_of(uint64_t key) const noexcept {  // by what the slot keeps of it alone
    return (key >> kSegmentShift) * segment_groups_ +
           size_t((static_cast<unsigned __int128>(key << kSegmentBits & kKeyBits) * segment_groups_) >> 64);
  }
  size_t next(size_t g, uint64_t segment) const noexcept {
    return g + 1 == (segment + 1) * segment_groups_ ? segment * segment_groups_ : g + 1;
  }
  size_t segment_slots() const noexcept { return kGroup * segment_groups_; }
  void place(uint64_t key, uint8_t fragment, uint64_t slot) noexcept {
    for (size_t g = group_of(key);; g = next(g, key >> kSegmentShift))
      if (const auto free = FragmentGroup(&fragments_[kGroup * g]).free()) {
        fragments_[kGroup * g + free.place()] = fragment;
        slots_[kGroup * g + free.place()] = slot;
        ++used_[key >> kSegmentShift];
        ++size_;
        return;
      }
  }
  void resize(size_t most_in_a_segment);

  uint64_t multiplier_;
  size_t segment_groups_ = 0;
  size_t size_ = 0;
  std::array<size_t, kSegments> used_{};
  HugeArray<uint8_t> fragments_;
  HugeArray<uint64_t> slots_;
};

template <class Keep>
void FingerprintTable::rebuild(Keep&& keep, size_t least_in_a_segment) {
  const size_t old_segment = segment_slots();
  HugeArray<uint8_t> old_fragments = std::move(fragments_);
  HugeArray<uint64_t> old_slots = std::move(slots_);
  const auto lives = [&](size_t i) { return old_fragments[i] != 0 && keep(uint8_t(old_slots[i])); };
  size_t most = least_in_a_segment;
  for (size_t s = 0; s < kSegments; ++s) {
    size_t kept = 0;
    for (size_t i = s * old_segment; i < (s + 1) * old_segment; ++i) kept += lives(i);
    most = kept > most ? kept : most;
  }
  resize(most);
  // The old table is given back as it is passed, so that both together need little more than one.
  for (size_t s = 0; s < kSegments; ++s) {
    for (size_t i = s * old_segment; i < (s + 1) * old_segment; ++i)
      if (lives(i)) place(uint64_t(s) << kSegmentShift | old_slots[i] >> kSegmentBits, old_fragments[i], old_slots[i]);
    old_fragments.discard_before((s + 1) * old_segment);
    old_slots.discard_before((s + 1) * old_segment);
  }
}

}  // namespace pactolus
