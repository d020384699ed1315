// Duplicates in histories. A history may reach back over years, so its ids are not looked for in what the stream
// remembers alone, but in Silver on the event dates of the batch: a date's fingerprints are loaded once and kept
// within a memory bound. An id that comes again on another date is another event.
#pragma once

#include <list>
#include <map>

#include "event/decoder.h"
#include "lake/delta/snapshot.h"
#include "silver/dedupe.h"

namespace pactolus {

class SilverDates {
 public:
  explicit SilverDates(size_t max_bytes = size_t(256) << 20) : max_bytes_(max_bytes) {}

  // Is the id in Silver on that date? Loads the date when it is not there. `remember` adds it when it is new.
  Result<Seen> look_up(const delta::Snapshot& silver, const Decoder& decoder, int32_t date, uint64_t fingerprint,
                       uint8_t content, bool remember);
  // A row has been committed by somebody who did not ask here.
  void committed(int32_t date, uint64_t fingerprint, uint8_t content);
  bool empty() const noexcept { return dates_.empty(); }
  void clear() { dates_.clear(), recent_.clear(); }

 private:
  struct Date {
    FingerprintTable ids;
    std::list<int32_t>::iterator use;
  };
  Result<Date*> date(const delta::Snapshot& silver, const Decoder& decoder, int32_t day);
  size_t max_bytes_;
  std::map<int32_t, Date> dates_;
  std::list<int32_t> recent_;  // least recently used first
};

}  // namespace pactolus
