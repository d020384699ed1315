// Duplicates in histories. A history may reach back over years, so its ids are not looked for in what the stream
// remembers alone, but in Silver on the event dates of the batch: a date's fingerprints are loaded once and kept
// within a memory bound. An id that comes again on another date is another event.
#pragma once

#include <list>
#include <map>
#include <span>
#include <vector>

#include "event/decoder.h"
#include "lake/delta/snapshot.h"
#include "silver/dedupe.h"

namespace pactolus {

class SilverDates {
 public:
  explicit SilverDates(size_t max_bytes = size_t(256) << 20) : max_bytes_(max_bytes) {}

  // Is the id of each row in Silver on the row's own date? Goes date by date, so that no more than one date's ids need
  // to be held; rows of one date stay in order. `remember` adds each id that is new: a later row with it is then a
  // copy.
  Result<std::vector<Seen>> look_up(const delta::Snapshot& silver, const Decoder& decoder, const EventBatch& events,
                                    bool remember);
  // A row has been committed by somebody who did not ask here.
  void committed(int32_t date, uint64_t fingerprint, uint8_t content);
  bool empty() const noexcept { return dates_.empty(); }
  void clear() { dates_.clear(), recent_.clear(); }

 private:
  struct Date {
    FingerprintTable ids;
    std::list<int32_t>::iterator use;
  };
  static void look_up_date(FingerprintTable& ids, const EventBatch& events, std::span<const uint32_t> rows,
                           bool remember, std::vector<Seen>& fates);
  Result<Date*> date(const delta::Snapshot& silver, const Decoder& decoder, int32_t day);
  size_t max_bytes_;
  std::map<int32_t, Date> dates_;
  std::list<int32_t> recent_;  // least recently used first
};

}  // namespace pactolus
