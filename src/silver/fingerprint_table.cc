#include "silver/fingerprint_table.h"

namespace pactolus {
namespace {
constexpr size_t kFirstSlots = 32;
}

FingerprintTable::FingerprintTable() { clear(); }

void FingerprintTable::clear() {
  for (Shard& s : shards_) {
    s.slots.assign(kFirstSlots, 0);
    s.tags.assign(kFirstSlots, 0);
    s.used = 0;
  }
  size_ = 0;
}

void FingerprintTable::replace_at(uint64_t fingerprint, int64_t index, uint8_t content, uint8_t tag) noexcept {
  Shard& s = shards_[fingerprint >> 56];
  s.slots[size_t(index)] = key_of(fingerprint) | content;
  s.tags[size_t(index)] = tag;
}

void FingerprintTable::rebuild(size_t shard, const std::function<bool(uint8_t tag)>& keep) {
  Shard& old = shards_[shard];
  size_t kept = 0;
  for (size_t i = 0; i < old.slots.size(); ++i) kept += old.slots[i] != 0 && keep(old.tags[i]);
  Shard fresh;
  const size_t slots = std::max(kFirstSlots, (kept + 1) * 100 / 68 + 1);
  fresh.slots.assign(slots, 0);
  fresh.tags.assign(slots, 0);
  fresh.used = kept;
  for (size_t i = 0; i < old.slots.size(); ++i)
    if (old.slots[i] != 0 && keep(old.tags[i])) place(fresh, old.slots[i], old.tags[i], position(old.slots[i] >> 8, slots));
  size_ -= old.used - kept;
  old = std::move(fresh);
}

size_t FingerprintTable::memory_bytes() const noexcept {
  size_t total = sizeof *this;
  for (const Shard& s : shards_) total += s.slots.capacity() * sizeof(uint64_t) + s.tags.capacity();
  return total;
}

void FingerprintTable::for_each(const std::function<void(const Entry&)>& visit) const {
  for (size_t n = 0; n < kShards; ++n)
    for (size_t i = 0; i < shards_[n].slots.size(); ++i)
      if (const uint64_t slot = shards_[n].slots[i]; slot != 0)
        visit({uint64_t(n) << 56 | slot >> 8, uint8_t(slot), shards_[n].tags[i]});
}

}  // namespace pactolus
