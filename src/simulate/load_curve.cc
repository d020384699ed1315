#include "simulate/load_curve.h"

#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/ids.h"

namespace pactolus {
namespace {
constexpr double kSwing = 0.6;
constexpr double kPeakHour = 20;
}  // namespace

double diurnal_factor(int64_t time_us) noexcept {
  const double hour = double(time_us - floor_to(time_us, kMicrosPerDay)) / double(kMicrosPerHour);
  return 1 + kSwing * std::cos((hour - kPeakHour) / 12 * std::numbers::pi);
}

Schedule ending_at(Schedule s, int64_t end_us) noexcept {
  s.start_us = end_us;
  if (s.count <= 0) {
    s.start_us -= s.duration_us;
    return s;
  }
  double left = double(s.count - 1);
  if (!s.diurnal) {
    s.start_us = end_us - int64_t(std::ceil(left * 1e6 / s.rate));
  } else {
    // Backwards through the minutes of the curve until they hold the events. The start falls anywhere in a minute,
    // and so do the pieces of SendTimes, which begin at minutes of the clock for this reason.
    double at = double(end_us);
    while (left > 0) {
      const int64_t minute = floor_to(int64_t(std::ceil(at)) - 1, kMicrosPerMinute);
      const double per_us = s.rate * diurnal_factor(minute) / 1e6, holds = (at - double(minute)) * per_us;
      at = holds >= left ? at - left / per_us : double(minute);
      left = holds >= left ? 0 : left - holds;
    }
    s.start_us = int64_t(std::floor(at)) - 1;
  }
  if (s.duration_us > 0 && end_us - s.start_us > s.duration_us) s.start_us = end_us - s.duration_us;
  return s;
}

SendTimes::SendTimes(const Schedule& schedule) : schedule_(schedule) {
  PACTOLUS_CHECK(schedule.rate > 0, "a schedule needs a rate above 0");
  find_next();
}

void SendTimes::find_next() noexcept {
  done_ = true;
  if (schedule_.count > 0 && index_ >= schedule_.count) return;
  const double i = double(index_);
  double offset;  // microseconds since the start
  if (!schedule_.diurnal) {
    offset = i * 1e6 / schedule_.rate;
  } else {
    while (i >= piece_first_ + (piece_end_us_ - piece_start_us_) * per_us_) {
      piece_first_ += (piece_end_us_ - piece_start_us_) * per_us_;
      piece_start_us_ = piece_end_us_;
      const int64_t minute = floor_to(schedule_.start_us + int64_t(piece_start_us_), kMicrosPerMinute);
      piece_end_us_ = double(minute + kMicrosPerMinute - schedule_.start_us);
      per_us_ = schedule_.rate * diurnal_factor(minute) / 1e6;
      // Past the end nothing is sent; without this a very low rate would walk minute by minute through the years.
      if (schedule_.duration_us > 0 && piece_start_us_ >= double(schedule_.duration_us)) return;
    }
    offset = piece_start_us_ + (i - piece_first_) / per_us_;
  }
  if (schedule_.duration_us > 0 && offset >= double(schedule_.duration_us)) return;
  next_us_ = schedule_.start_us + int64_t(offset);
  ++index_;
  done_ = false;
}

}  // namespace pactolus
