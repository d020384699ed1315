// A set of 64-bit fingerprints, each with one byte of content and one byte of tag, in 9 bytes a slot.
//
// The top 8 bits choose a shard, the other 56 are kept in the slot, and the low byte of the slot is free for the
// content byte. A shard is probed linearly from the slot that the fingerprint's size suggests (multiply, not mask), so
// it can grow by any factor: filled between 68 and 80 percent, 11.3 to 13.3 bytes a key. (Small shards double, which
// moves keys less often; memory matters only when there are many.)
//
//   slot:  [ 56 bits of fingerprint | 8 bits of content ]     tag:  [ 8 bits ]
//
// One thread. Not a cache: nothing leaves unless `keep` says so when a shard is rebuilt.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace pactolus {

class FingerprintTable {
 public:
  struct Entry {
    uint64_t fingerprint;  // whole; 0 in the lower 56 bits stands for 1, one more chance in 2^56
    uint8_t content;
    uint8_t tag;
  };
  static constexpr int kAbsent = -1;

  FingerprintTable();

  // Starts to bring the slot into the cache; call it some 8 to 16 probes ahead.
  void prefetch(uint64_t fingerprint) const noexcept {
    const Shard& s = shards_[fingerprint >> 56];
    __builtin_prefetch(&s.slots[position(fingerprint, s.slots.size())]);
  }
  // Index of the slot that holds the fingerprint within its shard, or kAbsent.
  int64_t find(uint64_t fingerprint) const noexcept {
    const Shard& s = shards_[fingerprint >> 56];
    const uint64_t key = key_of(fingerprint);
    for (size_t i = position(fingerprint, s.slots.size());;) {
      const uint64_t slot = s.slots[i];
      if (slot == 0) return kAbsent;
      if (((slot ^ key) >> 8) == 0) return int64_t(i);
      if (++i == s.slots.size()) i = 0;
    }
  }
  uint8_t content_at(uint64_t fingerprint, int64_t index) const noexcept {
    return uint8_t(shards_[fingerprint >> 56].slots[size_t(index)]);
  }
  uint8_t tag_at(uint64_t fingerprint, int64_t index) const noexcept {
    return shards_[fingerprint >> 56].tags[size_t(index)];
  }
  void replace_at(uint64_t fingerprint, int64_t index, uint8_t content, uint8_t tag) noexcept;

  // The fingerprint must be absent. `keep(tag)` is asked when the shard has to grow: entries it refuses go first.
  template <class Keep>
  void insert(uint64_t fingerprint, uint8_t content, uint8_t tag, Keep&& keep) {
    Shard& s = shards_[fingerprint >> 56];
    if ((s.used + 1) * 5 > s.slots.size() * 4) rebuild(fingerprint >> 56, keep);
    place(s, key_of(fingerprint) | content, tag, position(fingerprint, s.slots.size()));
    ++s.used;
    ++size_;
  }
  // Rebuilds one of the kShards shards without the entries that `keep(tag)` refuses.
  template <class Keep>
  void rebuild(size_t shard, Keep&& keep);

  size_t size() const noexcept { return size_; }
  size_t memory_bytes() const noexcept;
  void for_each(const std::function<void(const Entry&)>& visit) const;
  void clear();

  static constexpr size_t kShards = 256;

 private:
  struct Shard {
    std::vector<uint64_t> slots;  // 0 is free
    std::vector<uint8_t> tags;
    size_t used = 0;
  };
  static uint64_t key_of(uint64_t fingerprint) noexcept {
    const uint64_t key = fingerprint << 8;
    return key ? key : 256;
  }
  static size_t position(uint64_t fingerprint, size_t slots) noexcept {
    return size_t((static_cast<unsigned __int128>(fingerprint << 8) * slots) >> 64);
  }
  static void place(Shard& s, uint64_t slot, uint8_t tag, size_t i) noexcept {
    while (s.slots[i] != 0)
      if (++i == s.slots.size()) i = 0;
    s.slots[i] = slot;
    s.tags[i] = tag;
  }
  static Shard make_shard(size_t kept);
  std::array<Shard, kShards> shards_;
  size_t size_ = 0;
};

template <class Keep>
void FingerprintTable::rebuild(size_t shard, Keep&& keep) {
  Shard& old = shards_[shard];
  size_t kept = 0;
  for (size_t i = 0; i < old.slots.size(); ++i) kept += old.slots[i] != 0 && keep(old.tags[i]);
  Shard fresh = make_shard(kept);
  for (size_t i = 0; i < old.slots.size(); ++i)
    if (old.slots[i] != 0 && keep(old.tags[i]))
      place(fresh, old.slots[i], old.tags[i], position(old.slots[i] >> 8, fresh.slots.size()));
  size_ -= old.used - kept;
  old = std::move(fresh);
}

}  // namespace pactolus
