// A file sent as if it happened now: rows with the pauses that lie between their event times, sped up. Event times
// stay as they are; only the sending is paced.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "simulate/event_source.h"

namespace pactolus {

// A row on its way into a live topic: mapped to native JSON, or, when it cannot be mapped, its exact bytes.
struct ReplayRow {
  std::string_view key;  // empty stands for no key
  std::string_view value;
  int64_t event_time_us = kNoTime;  // kNoTime when the row has none: it goes with the row before it
};

// Where the rows come from: the ingest room's file readers implement it. One thread.
class ReplaySource {
 public:
  virtual ~ReplaySource() = default;
  // False at the end. The row's views are valid until the next call.
  virtual Result<bool> next(ReplayRow& row) = 0;
};

struct ReplayOptions {
  int64_t start_us = 0;  // send time of the first row
  double speed = 1;      // 60 sends an hour in a minute; 0 is as fast as possible: every row is due at the start
};

// Row i is due at start + (largest event time so far − first event time) ÷ speed. A row that is earlier than the one
// before goes right behind it: order is kept, also where the file is not sorted. Borrows `rows`.
// Its truth has only `records` and the span of the event times: the rows are not looked into.
std::unique_ptr<EventSource> make_replay(ReplaySource& rows, const ReplayOptions& options);

}  // namespace pactolus
