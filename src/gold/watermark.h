// How far event time has come, over all sources (partitions) of the job.
//
//   contribution of a source = min(largest event time of its Silver rows, batch time) - allowed lateness
//   watermark                = minimum over the sources that are not idle; it never falls
//
// It is kNoTime until it is known. A source that is not idle and has not seen an event holds it back; it stands still
// when all are idle. What the clock decides (idle, batch time) comes in as an argument and is written to the ledger, so
// that a replay gives the same watermarks.
//
// Life cycle: observe() and set_idle() while a batch is open, advance() at its cut. An aborted batch is undone by
// restoring the state that save() gave before it. One thread. Times are UTC microseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace pactolus {

struct SourceTime {
  int64_t max_event_time = kNoTime;  // kNoTime: no Silver row yet
  bool idle = false;
  bool operator==(const SourceTime&) const = default;
};

struct WatermarkState {
  int64_t watermark = kNoTime;
  std::vector<SourceTime> sources;  // by index of the source in the job
  bool operator==(const WatermarkState&) const = default;
};

class WatermarkTracker {
 public:
  struct Options {
    int64_t allowed_lateness = 5 * kMicrosPerMinute;
    int64_t max_skew = kMicrosPerHour;
  };
  explicit WatermarkTracker(Options options) : options_(options) {}

  // Sources only ever join, at the end; new ones have seen nothing and are not idle.
  void grow_to(size_t sources);
  size_t sources() const noexcept { return state_.sources.size(); }

  // A Silver row of the source at `event_time`; the source is no longer idle. Histories are not observed.
  void observe(size_t source, int64_t event_time);
  void set_idle(size_t source, bool idle);

  // The watermark after a batch that is cut at `batch_time`.
  int64_t advance(int64_t batch_time);
  int64_t watermark() const noexcept { return state_.watermark; }

  // The source is more than `max_skew` of event time ahead of the slowest one that is not idle and should not be read
  // for now. A source that has not seen an event is no measure, so it never pauses another.
  bool paused(size_t source) const;

  const WatermarkState& save() const noexcept { return state_; }
  void restore(WatermarkState state) { state_ = std::move(state); }

 private:
  SourceTime& at(size_t source);
  Options options_;
  WatermarkState state_;
};

}  // namespace pactolus
