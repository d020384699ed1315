// Keeps a rate: says how long an event has to wait, and how far the sender is behind.
//
// It follows the schedule, not the last event: what was late does not shift what comes after, so the mean rate is the
// nominal one as long as the sink can keep up. Small sends are batched: waits are at least kShortestSleep, after which
// everything that became due is sent at once; so an event leaves at most about a millisecond after its time, never
// before it. Uses the clock that does not step. One thread.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pactolus {

class Pacer {
 public:
  static constexpr int64_t kShortestSleep_us = 1'000;
  static constexpr int64_t kLongestSleep_us = 50'000;  // so that a request to stop is seen soon

  // The event of send time `anchor_us` is due now. Earlier ones (back-dated: a demo's first half hour) are due at
  // once, and are not counted as being behind.
  Pacer(Clock& clock, int64_t anchor_us)
      : clock_(clock), anchor_us_(anchor_us), start_(clock.boot_us()), now_(start_) {}

  // 0 when the event is due, else microseconds until it is. Reads the clock only when the last reading cannot tell.
  int64_t wait_us(int64_t send_time_us);
  // Sleeps for a wait, within the two bounds: the caller asks wait_us again.
  void sleep(int64_t wait_us);
  // Reads the clock, for a caller that has been busy.
  int64_t refresh() { return now_ = clock_.boot_us(); }

  int64_t now_us() const noexcept { return now_; }  // last reading, microseconds since boot
  int64_t elapsed_us() const noexcept { return now_ - start_; }
  // How long the event last asked about was due already; a millisecond or so is the batching. As of the last reading.
  int64_t behind_us() const noexcept { return behind_; }
  int64_t max_behind_us() const noexcept { return max_behind_; }

 private:
  Clock& clock_;
  int64_t anchor_us_;
  int64_t start_;
  int64_t now_;
  int64_t behind_ = 0, max_behind_ = 0;
};

}  // namespace pactolus
