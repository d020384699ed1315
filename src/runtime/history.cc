#include "runtime/history.h"

#include "base/time_text.h"
#include "runtime/silver_reader.h"

namespace pactolus {

Result<SilverDates::Date*> SilverDates::date(const delta::Snapshot& silver, const Decoder& decoder, int32_t day) {
  if (const auto known = dates_.find(day); known != dates_.end()) {
    recent_.splice(recent_.end(), recent_, known->second.use);
    return &known->second;
  }
  size_t held = 0;
  for (const auto& [d, date] : dates_) held += date.ids.memory_bytes();
  while (held > max_bytes_ && !recent_.empty()) {
    held -= dates_.at(recent_.front()).ids.memory_bytes();
    dates_.erase(recent_.front());
    recent_.pop_front();
  }
  Date& fresh = dates_[day];
  fresh.use = recent_.insert(recent_.end(), day);
  const std::string name = date_text(day);
  for (const auto& [path, file] : silver.files()) {
    const auto value = file.partition_values.find("event_date");
    if (value == file.partition_values.end() || value->second != name) continue;
    SilverRows rows;
    TRY(read_silver_file(silver.table_folder(), file, decoder, {}, rows));
    for (size_t i = 0; i < rows.events.rows(); ++i)
      if (fresh.ids.find(rows.events.fingerprint[i]) == FingerprintTable::kAbsent)
        fresh.ids.insert(rows.events.fingerprint[i], content_byte(rows.events, i), 0, [](uint8_t) { return true; });
  }
  return &fresh;
}

Result<Seen> SilverDates::look_up(const delta::Snapshot& silver, const Decoder& decoder, int32_t day,
                                  uint64_t fingerprint, uint8_t content, bool remember) {
  Date* d = TRY(date(silver, decoder, day));
  const int64_t slot = d->ids.find(fingerprint);
  if (slot != FingerprintTable::kAbsent) return d->ids.content_at(slot) == content ? Seen::same : Seen::conflicting;
  if (remember) d->ids.insert(fingerprint, content, 0, [](uint8_t) { return true; });
  return Seen::no;
}

void SilverDates::committed(int32_t day, uint64_t fingerprint, uint8_t content) {
  const auto known = dates_.find(day);
  if (known != dates_.end() && known->second.ids.find(fingerprint) == FingerprintTable::kAbsent)
    known->second.ids.insert(fingerprint, content, 0, [](uint8_t) { return true; });
}

}  // namespace pactolus
