// Sends a source's events into a sink, in time or as fast as they come, until it ends or is asked to stop.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "simulate/event_source.h"
#include "simulate/pacer.h"
#include "simulate/sinks.h"

namespace pactolus {

struct DriveReport {
  int64_t sent = 0;           // records handed to the sink, all of them delivered
  int64_t bytes = 0;          // of their values
  int64_t elapsed_us = 0;     // 0 without a pacer
  int64_t max_behind_us = 0;  // 0 without a pacer
  bool stopped = false;       // by `stop`, before the source's end
};

// Events may wait this long for their flush when a pacer is in use; without one, this many bytes may.
inline constexpr int64_t kFlushEvery_us = 4'000;
inline constexpr int64_t kFlushEveryBytes = 4 << 20;

// `pacer` null sends everything at once (files). The last thing done is a flush, also after a stop: then what the
// report counts, the source's truth and what the sink has delivered are the same. Fails with the sink's error or the
// source's own; `live`, when given, has the number sent so far, for a progress line of another thread.
Result<DriveReport> drive(EventSource& source, EventSink& sink, Pacer* pacer, const std::atomic<bool>& stop,
                          std::atomic<int64_t>* live = nullptr);

}  // namespace pactolus
