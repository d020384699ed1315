// A set of 64-bit fingerprints, each with one byte of content and one byte of tag, in 9 bytes a slot.
//
// The top 8 bits of a key choose one of 256 segments of equal size, the other 56 are kept in the slot, and the low byte
// of the slot is free for the content byte. A segment is probed linearly from the slot that the key's size suggests
// (multiply, not mask), so the table can have any size: filled between 68 and 80 percent, 11.3 to 13.3 bytes a key. A
// table that is rebuilt keeps its order, so that growing is one pass from front to back. (Small tables double, which
// moves keys less often; memory matters only when there are many.)
//
//   slot:  [ 56 bits of key | 8 bits of content ]     tag:  [ 8 bits ]
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

namespace pactolus {

class FingerprintTable {
 public:
  struct Entry {
    // Whole; where the key's lower 56 bits are 0, that of the key with 1: one chance in 2^56 more.
    uint64_t fingerprint;
    uint8_t content;
    uint8_t tag;
  };
  static constexpr int64_t kAbsent = -1;
  static constexpr size_t kSegments = 256;

  explicit FingerprintTable(uint64_t secret = process_secret()) : multiplier_(secret | 1) { clear(); }

  // Starts to bring the slot into the cache; call it some 8 to 16 probes ahead.
  void prefetch(uint64_t fingerprint) const noexcept { __builtin_prefetch(&slots_[start_of(key_of(fingerprint))]); }
  void prefetch_to_insert(uint64_t fingerprint) const noexcept {
    const size_t i = start_of(key_of(fingerprint));
    __builtin_prefetch(&slots_[i], 1);
    __builtin_prefetch(&tags_[i], 1);
  }
  // Index of the slot that holds the fingerprint, or kAbsent. Valid until the next insert.
  int64_t find(uint64_t fingerprint) const noexcept {
    const uint64_t key = key_of(fingerprint), kept = kept_of(key);
    for (size_t i = start_of(key);;) {
      const uint64_t slot = slots_[i];
      if (slot == 0) return kAbsent;
      if (((slot ^ kept) >> 8) == 0) return int64_t(i);
      i = next(i, key >> 56);
    }
  }
  uint8_t content_at(int64_t index) const noexcept { return uint8_t(slots_[size_t(index)]); }
  uint8_t tag_at(int64_t index) const noexcept { return tags_[size_t(index)]; }
  void replace_at(int64_t index, uint8_t content, uint8_t tag) noexcept {
    slots_[size_t(index)] = (slots_[size_t(index)] & ~uint64_t(0xff)) | content;
    tags_[size_t(index)] = tag;
  }

  // The fingerprint must be absent. `keep(tag)` is asked when the table has to grow: entries it refuses go first.
  template <class Keep>
  void insert(uint64_t fingerprint, uint8_t content, uint8_t tag, Keep&& keep) {
    const uint64_t key = key_of(fingerprint);
    if ((used_[key >> 56] + 1) * 5 > segment_slots_ * 4) rebuild(keep);
    place(key, kept_of(key) | content, tag);
  }
  // Leaves out the entries that `keep(tag)` refuses and gives the table the size that the rest needs.
  template <class Keep>
  void rebuild(Keep&& keep, size_t least_in_a_segment = 0);
  // Makes room for so many keys at once, when there is not enough yet: filling then needs no rebuild, as a rule.
  template <class Keep>
  void reserve(size_t keys, Keep&& keep) {
    if (keys > size_ && !has_room(keys - size_)) rebuild(keep, keys / kSegments);
  }

  bool has_room(size_t keys) const noexcept { return (size_ + keys) / kSegments * 5 <= segment_slots_ * 4; }
  size_t size() const noexcept { return size_; }
  size_t memory_bytes() const noexcept { return sizeof *this + slots_.size() * 9; }
  void for_each(const std::function<void(const Entry&)>& visit) const;
  void clear();

 private:
  uint64_t key_of(uint64_t fingerprint) const noexcept { return fingerprint * multiplier_; }
  static uint64_t kept_of(uint64_t key) noexcept { return key << 8 ? key << 8 : 256; }  // a slot of 0 is free
  size_t start_of(uint64_t key) const noexcept {
    return (key >> 56) * segment_slots_ + size_t((static_cast<unsigned __int128>(key << 8) * segment_slots_) >> 64);
  }
  size_t next(size_t i, uint64_t segment) const noexcept {
    return i + 1 == (segment + 1) * segment_slots_ ? segment * segment_slots_ : i + 1;
  }
  void place(uint64_t key, uint64_t slot, uint8_t tag) noexcept {
    size_t i = start_of(key);
    while (slots_[i] != 0) i = next(i, key >> 56);
    slots_[i] = slot;
    tags_[i] = tag;
    ++used_[key >> 56];
    ++size_;
  }
  void resize(size_t most_in_a_segment);

  uint64_t multiplier_;
  size_t segment_slots_ = 0;
  size_t size_ = 0;
  std::array<size_t, kSegments> used_{};
  HugeArray<uint64_t> slots_;  // 0 is free
  HugeArray<uint8_t> tags_;
};

template <class Keep>
void FingerprintTable::rebuild(Keep&& keep, size_t least_in_a_segment) {
  const size_t old_segment_slots = segment_slots_;
  HugeArray<uint64_t> old_slots = std::move(slots_);
  HugeArray<uint8_t> old_tags = std::move(tags_);
  const auto lives = [&](size_t i) { return old_slots[i] != 0 && keep(old_tags[i]); };
  size_t most = least_in_a_segment;
  for (size_t s = 0; s < kSegments; ++s) {
    size_t kept = 0;
    for (size_t i = s * old_segment_slots; i < (s + 1) * old_segment_slots; ++i) kept += lives(i);
    most = kept > most ? kept : most;
  }
  resize(most);
  // The old table is given back as it is passed, so that both together need little more than one.
  for (size_t s = 0; s < kSegments; ++s) {
    for (size_t i = s * old_segment_slots; i < (s + 1) * old_segment_slots; ++i)
      if (lives(i)) place(uint64_t(s) << 56 | old_slots[i] >> 8, old_slots[i], old_tags[i]);
    old_slots.discard_before((s + 1) * old_segment_slots);
    old_tags.discard_before((s + 1) * old_segment_slots);
  }
}

}  // namespace pactolus
