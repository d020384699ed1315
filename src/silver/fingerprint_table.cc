#include "silver/fingerprint_table.h"

namespace pactolus {
namespace {
constexpr size_t kFirstSlots = 32;
constexpr size_t kSmallShard = 16'384;  // keys: 4 million in the whole table
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

FingerprintTable::Shard FingerprintTable::make_shard(size_t kept) {
  const size_t percent = kept < kSmallShard ? 40 : 68;
  const size_t slots = std::max(kFirstSlots, (kept + 1) * 100 / percent + 1);
  return {std::vector<uint64_t>(slots), std::vector<uint8_t>(slots), kept};
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
