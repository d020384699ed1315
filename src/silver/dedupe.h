// Which event ids have been seen: exactly-once within the horizon, whatever the order of arrival.
//
// An id is remembered from its Silver row until its bucket of event time ends `horizon` behind the watermark. Events
// older than that never reach this point (they are quarantined as too_late), so a copy of an event never passes. What
// is remembered depends only on Silver's rows and the watermark: a rebuild from Silver gives the same set.
//
// Ids are 64-bit fingerprints. With n ids remembered, the expected number of new ids among m that are wrongly taken
// for copies is n·m / 2^64: 20 million against 100 million a day is one in 25 years.
//
// One thread. The open batch keeps its own new ids (OpenBatchDedupe) until it is committed.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "event/event_batch.h"
#include "silver/fingerprint_table.h"
#include "silver/fragment_group.h"

namespace pactolus {

enum class Seen : uint8_t { no, same, conflicting };  // conflicting: the same id with other content

// One byte of what an event says: two events with one id and different bytes are certainly different; equal bytes
// leave one chance in 256 that a conflicting copy is counted as an equal one.
uint8_t content_byte(const EventBatch& batch, size_t row) noexcept;
uint8_t content_byte(uint64_t user_hash, uint64_t product_hash, uint64_t type_hash, int64_t event_time, Money price,
                     int32_t quantity) noexcept;

class DedupeIndex {
 public:
  explicit DedupeIndex(int64_t horizon_us);

  Seen lookup(uint64_t fingerprint, uint8_t content) const noexcept;
  bool remembers(uint64_t fingerprint) const noexcept;  // lookup() without asking what it said
  void prefetch(uint64_t fingerprint) const noexcept { table_.prefetch(fingerprint); }
  void prefetch_to_insert(uint64_t fingerprint) const noexcept { table_.prefetch_to_insert(fingerprint); }
  // Remembers an id. One whose bucket has already ended is not taken. Of two event times for one id (a history may have
  // it on two dates) the later bucket counts, whatever their order, so that a rebuild gives the same.
  void insert(uint64_t fingerprint, uint8_t content, int64_t event_time);
  void reserve(size_t ids) {
    table_.reserve(ids, [this](uint8_t tag) { return live(tag); });
  }  // before many inserts
  // Forgets the buckets that end at or before watermark − horizon. kNoTime forgets nothing.
  void advance(int64_t watermark);

  size_t size() const noexcept { return live_; }
  size_t memory_bytes() const noexcept { return table_.memory_bytes() + far_.size() * 48; }
  int64_t bucket_width() const noexcept { return width_; }
  // First event time that is still remembered: INT64_MIN before the first advance().
  int64_t oldest_time() const noexcept { return first_bucket_ == kNoBucket ? INT64_MIN : first_bucket_ * width_; }

  struct Entry {
    uint64_t fingerprint;
    int64_t bucket_start;  // event time
    uint8_t content;
  };
  void for_each(const std::function<void(const Entry&)>& visit) const;

 private:
  static constexpr int kIds = 255;
  static constexpr uint8_t kMoved = 255;  // tag of an entry that far_ has taken over; never alive
  static constexpr int64_t kNoBucket = INT64_MIN + 1;
  bool live(uint8_t id) const noexcept { return bucket_of_id_[id] >= first_bucket_; }
  struct Bucket {
    int64_t number = INT64_MIN;
    int id = -1;              // -1: far_
    size_t* count = nullptr;  // in count_
  };
  const Bucket& bucket_of(int64_t number);
  int new_id(int64_t bucket);
  void purge();

  int64_t width_;
  int64_t horizon_;
  int64_t first_bucket_ = kNoBucket;  // buckets below have been forgotten
  FingerprintTable table_;            // tag: short id of the bucket
  int64_t bucket_of_id_[256];         // INT64_MAX: the id is free
  std::map<int64_t, int> ids_;        // of live buckets
  std::map<int64_t, size_t> count_;   // entries by live bucket
  size_t live_ = 0;
  Bucket last_;  // nearly every event lies in the bucket of the one before
  // Only when event times lie so far apart that more than 255 buckets are alive: exact, but not small.
  std::unordered_map<uint64_t, std::pair<int64_t, uint8_t>> far_;
};

// The new ids of an open batch, by arrival. `check` answers for rows in ascending order and remembers the new ones.
class OpenBatchDedupe {
 public:
  void clear();
  // Fate of rows [first, last) of the batch, appended to `fates`. Sets inverted() when a row was dropped although it
  // precedes, in the order (source, offset), the row that was kept: the cut has then to be judged again in order.
  void check(const EventBatch& batch, size_t first, size_t last, const DedupeIndex& index, std::vector<Seen>& fates);
  // The same for rows in the order given, from nothing.
  void check_in_order(const EventBatch& batch, std::span<const uint32_t> rows, const DedupeIndex& index,
                      std::vector<Seen>& fates);
  bool inverted() const noexcept { return inverted_; }

 private:
  Seen check_row(const EventBatch& batch, uint32_t row, const DedupeIndex& index);
  void grow(const EventBatch& batch);
  struct Place {
    size_t group;      // where its probe begins
    uint8_t fragment;  // not 0
  };
  Place place_of(uint64_t fingerprint) const noexcept {
    const uint64_t key = fingerprint * multiplier_;
    const uint8_t fragment = uint8_t(key >> 33);
    return {size_t(key >> shift_), fragment != 0 ? fragment : uint8_t(1)};
  }
  void put(Place place, uint32_t row) noexcept;

  HugeArray<uint8_t> fragments_;  // 0 is free; in groups of a power of two, three quarters full at most
  HugeArray<uint32_t> rows_;
  uint64_t multiplier_ = process_secret() | 1;  // chosen fingerprints do not crowd
  int shift_ = 64;                              // 64 less the bits of a group's number
  size_t used_ = 0;
  bool inverted_ = false;
};

}  // namespace pactolus
