#include "silver/dedupe.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/hash.h"

namespace pactolus {
namespace {
constexpr size_t kAhead = 16;  // probes whose cache lines are on their way
constexpr size_t kFirstSlots = 1024, kGroup = FragmentGroup::kSlots;

uint64_t mix(uint64_t h, uint64_t v) noexcept { return (h ^ v) * 0x9FB21C651E98DF25ull ^ (h >> 29); }
}  // namespace

uint8_t content_byte(uint64_t user_hash, uint64_t product_hash, uint64_t type_hash, int64_t event_time, Money price,
                     int32_t quantity) noexcept {
  uint64_t h = mix(user_hash, product_hash);
  h = mix(h, type_hash);
  h = mix(h, uint64_t(event_time));
  h = mix(h, uint64_t(price));
  h = mix(h, uint64_t(quantity));
  return uint8_t(h >> 56);
}

uint8_t content_byte(const EventBatch& b, size_t row) noexcept {
  const int32_t product = b.product_id.codes[row];
  return content_byte(b.users.hash(b.user_id.codes[row]), product < 0 ? 0 : b.products.hash(product), b.event_type[row],
                      b.event_time[row], b.price[row], b.quantity[row]);
}

DedupeIndex::DedupeIndex(int64_t horizon_us) : width_(horizon_us / 4), horizon_(horizon_us) {
  PACTOLUS_CHECK(width_ > 0, "the dedupe horizon must be at least 4 microseconds");
  std::fill(std::begin(bucket_of_id_), std::end(bucket_of_id_), INT64_MAX);
  bucket_of_id_[kMoved] = INT64_MIN;
}

Seen DedupeIndex::lookup(uint64_t fingerprint, uint8_t content) const noexcept {
  const int64_t i = table_.find(fingerprint);
  if (i != FingerprintTable::kAbsent && live(table_.tag_at(i)))
    return table_.content_at(i) == content ? Seen::same : Seen::conflicting;
  if (!far_.empty())
    if (const auto f = far_.find(fingerprint); f != far_.end() && f->second.first >= first_bucket_)
      return f->second.second == content ? Seen::same : Seen::conflicting;
  return Seen::no;
}

bool DedupeIndex::remembers(uint64_t fingerprint) const noexcept {
  const int64_t i = table_.find(fingerprint);
  if (i != FingerprintTable::kAbsent && live(table_.tag_at(i))) return true;
  return !far_.empty() && lookup(fingerprint, 0) != Seen::no;
}

int DedupeIndex::new_id(int64_t bucket) {
  for (int round = 0; round < 2; ++round) {
    for (int id = 0; id < kIds; ++id)
      if (bucket_of_id_[id] == INT64_MAX) {
        bucket_of_id_[id] = bucket;
        ids_[bucket] = id;
        return id;
      }
    // Ids of forgotten buckets come back once no entry carries them.
    const bool any = std::any_of(bucket_of_id_, bucket_of_id_ + kIds, [this](int64_t b) { return b < first_bucket_; });
    if (!any) return -1;
    purge();
  }
  return -1;
}

const DedupeIndex::Bucket& DedupeIndex::bucket_of(int64_t number) {
  if (last_.number == number) return last_;
  size_t& count = count_[number];
  const auto known = ids_.find(number);
  return last_ = {number, known != ids_.end() ? known->second : new_id(number), &count};
}

void DedupeIndex::insert(uint64_t fingerprint, uint8_t content, int64_t event_time) {
  const int64_t number = floor_div(event_time, width_);
  if (number < first_bucket_) return;
  const Bucket& bucket = bucket_of(number);
  const int64_t slot = table_.find(fingerprint);
  const bool here = slot != FingerprintTable::kAbsent && live(table_.tag_at(slot));
  const auto far = far_.empty() ? far_.end() : far_.find(fingerprint);
  if (here || far != far_.end()) {  // known: the later bucket counts
    const int64_t before = here ? bucket_of_id_[table_.tag_at(slot)] : far->second.first;
    if (before >= number) return;
    content = here ? table_.content_at(slot) : far->second.second;
    --count_[before];
    --live_;
    if (far != far_.end()) far_.erase(far);
    if (here) table_.replace_at(slot, content, kMoved);
  }
  ++live_;
  ++*bucket.count;
  if (bucket.id < 0)
    far_[fingerprint] = {number, content};
  else if (slot != FingerprintTable::kAbsent)
    table_.replace_at(slot, content, uint8_t(bucket.id));  // forgotten, but not yet swept; or moved
  else
    table_.insert(fingerprint, content, uint8_t(bucket.id), [this](uint8_t tag) { return live(tag); });
}

void DedupeIndex::advance(int64_t watermark) {
  if (watermark == kNoTime) return;
  const int64_t first = floor_div(watermark - horizon_, width_);  // the bucket that holds the bound is still needed
  if (first <= first_bucket_) return;
  first_bucket_ = first;
  last_ = {};
  for (auto b = count_.begin(); b != count_.end() && b->first < first; b = count_.erase(b)) live_ -= b->second;
  ids_.erase(ids_.begin(), ids_.lower_bound(first));
  std::erase_if(far_, [first](const auto& f) { return f.second.first < first; });
  // Memory comes back when a third of the table is forgotten; until then dead entries cost a few probes.
  if (table_.size() > live_ + live_ / 2 + 4096) purge();
}

void DedupeIndex::purge() {
  table_.rebuild([this](uint8_t tag) { return live(tag); });
  for (int id = 0; id < kIds; ++id)
    if (bucket_of_id_[id] < first_bucket_) bucket_of_id_[id] = INT64_MAX;
}

void DedupeIndex::for_each(const std::function<void(const Entry&)>& visit) const {
  table_.for_each([&](const FingerprintTable::Entry& e) {
    if (live(e.tag)) visit({e.fingerprint, bucket_of_id_[e.tag] * width_, e.content});
  });
  for (const auto& [fingerprint, f] : far_) visit({fingerprint, f.first * width_, f.second});
}

void OpenBatchDedupe::clear() {
  std::fill(fragments_.begin(), fragments_.end(), 0);
  used_ = 0;
  inverted_ = false;
}

void OpenBatchDedupe::grow(const EventBatch& batch) {
  const size_t slots = std::max(kFirstSlots, fragments_.size() * 2);
  const HugeArray<uint8_t> old_fragments = std::exchange(fragments_, HugeArray<uint8_t>(slots));
  const HugeArray<uint32_t> old_rows = std::exchange(rows_, HugeArray<uint32_t>(slots));
  shift_ = std::countl_zero(slots / kGroup) + 1;
  for (size_t i = 0; i < old_fragments.size(); ++i)
    if (old_fragments[i] != 0) put(place_of(batch.fingerprint[old_rows[i]]), old_rows[i]);
}

void OpenBatchDedupe::put(Place place, uint32_t row) noexcept {
  const size_t mask = fragments_.size() / kGroup - 1;
  for (size_t g = place.group;; g = (g + 1) & mask)
    if (const auto free = FragmentGroup(&fragments_[kGroup * g]).free()) {
      fragments_[kGroup * g + free.place()] = place.fragment;
      rows_[kGroup * g + free.place()] = row;
      return;
    }
}

Seen OpenBatchDedupe::check_row(const EventBatch& batch, uint32_t row, const DedupeIndex& index) {
  if ((used_ + 1) * 4 > fragments_.size() * 3) grow(batch);
  const uint64_t fingerprint = batch.fingerprint[row];
  if (index.remembers(fingerprint)) [[unlikely]]
    return index.lookup(fingerprint, content_byte(batch, row));
  const size_t mask = fragments_.size() / kGroup - 1;
  const Place place = place_of(fingerprint);
  for (size_t g = place.group;; g = (g + 1) & mask) {
    const FragmentGroup group(&fragments_[kGroup * g]);
    for (auto fits = group.matching(place.fragment); fits; fits.next()) {
      const uint32_t kept = rows_[kGroup * g + fits.place()];
      if (batch.fingerprint[kept] != fingerprint) continue;
      if (std::pair(batch.source[row], batch.offset[row]) < std::pair(batch.source[kept], batch.offset[kept]))
        inverted_ = true;
      return content_byte(batch, kept) == content_byte(batch, row) ? Seen::same : Seen::conflicting;
    }
    if (group.free()) break;
  }
  put(place, row);
  ++used_;
  return Seen::no;
}

void OpenBatchDedupe::check(const EventBatch& batch, size_t first, size_t last, const DedupeIndex& index,
                            std::vector<Seen>& fates) {
  if (fragments_.empty()) grow(batch);
  const auto prefetch = [&](size_t row) {
    index.prefetch(batch.fingerprint[row]);
    const size_t i = kGroup * place_of(batch.fingerprint[row]).group;
    __builtin_prefetch(&fragments_[i], 1);
    __builtin_prefetch(&rows_[i], 1);
  };
  for (size_t row = first; row < std::min(first + kAhead, last); ++row) prefetch(row);
  for (size_t row = first; row < last; ++row) {
    if (row + kAhead < last) prefetch(row + kAhead);
    fates.push_back(check_row(batch, uint32_t(row), index));
  }
}

void OpenBatchDedupe::check_in_order(const EventBatch& batch, std::span<const uint32_t> rows, const DedupeIndex& index,
                                     std::vector<Seen>& fates) {
  clear();
  for (const uint32_t row : rows) fates.push_back(check_row(batch, row, index));
}

}  // namespace pactolus
