// When events are sent: evenly at the nominal rate, or along a day that has a quiet night and a busy evening.
#pragma once

#include <cstdint>

namespace pactolus {

// How busy the shop is at a time, around 1: 1 + 0.6 cos, highest at 20:00 UTC (1.6), lowest at 08:00 (0.4); its mean
// over a day is 1.
double diurnal_factor(int64_t time_us) noexcept;

struct Schedule {
  int64_t start_us = 0;     // send time of the first event
  double rate = 5;          // events a second, > 0; with `diurnal` the mean over a day
  int64_t count = 0;        // how many; 0 is no limit
  int64_t duration_us = 0;  // send times stay below start + duration; 0 is no limit
  bool diurnal = false;
};

// The schedule of the same rate, count, duration and curve whose last event is not later than `end_us`: for a file,
// whose times end now. Without count and duration it starts at `end_us`.
Schedule ending_at(Schedule schedule, int64_t end_us) noexcept;

// Gives the send times of a schedule, one after the other. The rate of the curve is held for a minute at a time, so
// that event number i stands exactly where the area under the curve is i: no drift, however long it runs.
class SendTimes {
 public:
  explicit SendTimes(const Schedule& schedule);
  // The next send time; false at the end.
  bool peek(int64_t& send_time_us) const noexcept {
    send_time_us = next_us_;
    return !done_;
  }
  bool take(int64_t& send_time_us) noexcept {
    if (!peek(send_time_us)) return false;
    find_next();
    return true;
  }

 private:
  void find_next() noexcept;
  Schedule schedule_;
  int64_t index_ = 0;  // of the event that find_next looks for
  int64_t next_us_ = 0;
  bool done_ = false;
  // The minute of the curve in hand (diurnal only): from where, at which number of events, how many per microsecond.
  double piece_start_us_ = 0, piece_end_us_ = 0, piece_first_ = 0, per_us_ = 0;
};

}  // namespace pactolus
