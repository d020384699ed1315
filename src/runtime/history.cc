#include "runtime/history.h"

#include <algorithm>

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

Result<std::vector<Seen>> SilverDates::look_up(const delta::Snapshot& silver, const Decoder& decoder,
                                               const EventBatch& events, bool remember) {
  std::map<int32_t, std::vector<uint32_t>> by_date;
  for (uint32_t row = 0; row < events.rows(); ++row)
    by_date[int32_t(floor_div(events.event_time[row], kMicrosPerDay))].push_back(row);
  std::vector<Seen> fates(events.rows(), Seen::no);
  for (const auto& [day, rows] : by_date)
    look_up_date(TRY(date(silver, decoder, day))->ids, events, rows, remember, fates);
  return fates;
}

void SilverDates::look_up_date(FingerprintTable& ids, const EventBatch& events, std::span<const uint32_t> rows,
                               bool remember, std::vector<Seen>& fates) {
  constexpr size_t kAhead = 16;
  const auto all = [](uint8_t) { return true; };
  // By half at least: a rebuild is a pass over the whole table.
  if (remember && !ids.has_room(rows.size())) ids.reserve(std::max(ids.size() + rows.size(), ids.size() * 3 / 2), all);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) ids.prefetch_to_insert(events.fingerprint[rows[i + kAhead]]);
    const uint32_t row = rows[i];
    const uint64_t fingerprint = events.fingerprint[row];
    const uint8_t content = content_byte(events, row);
    const int64_t slot = ids.find(fingerprint);
    if (slot != FingerprintTable::kAbsent)
      fates[row] = ids.content_at(slot) == content ? Seen::same : Seen::conflicting;
    else if (remember)
      ids.insert(fingerprint, content, 0, all);
  }
}

void SilverDates::committed(int32_t day, uint64_t fingerprint, uint8_t content) {
  const auto known = dates_.find(day);
  if (known != dates_.end() && known->second.ids.find(fingerprint) == FingerprintTable::kAbsent)
    known->second.ids.insert(fingerprint, content, 0, [](uint8_t) { return true; });
}

}  // namespace pactolus
