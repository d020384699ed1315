// Sliding windows and the panes they are made of. A window is [start, start + size) with its start at a multiple of
// the slide since 1970; it is cut into panes of gcd(size, slide), so that an event is added to one pane and a window
// is the sum of its panes.
//
//   size 10 min, slide 1 min            pane = 1 min
//   |--|--|--|--|--|--|--|--|--|--|     window [0, 10)
//      |--|--|--|--|--|--|--|--|--|--|  window [1, 11)
//
// A session is a window of its own for each run of events of a key: [first, last + gap), with at most a gap from each
// event to the next. Its shape has no slide; `size` is the gap. A funnel has both: tumbling windows, and the gap of the
// sessions that it counts in the window in which they end.
//
// All times are UTC microseconds and may lie before 1970.
#pragma once

#include <cstdint>
#include <numeric>

#include "base/ids.h"

namespace pactolus {

// Event times that a window can hold: years 1 to 9999, as in base/time_text.h.
inline constexpr int64_t kFirstEventTime = -62'135'596'800 * kMicrosPerSecond;
inline constexpr int64_t kEventTimeEnd = 253'402'300'800 * kMicrosPerSecond;

struct WindowShape {
  int64_t size = 10 * kMicrosPerMinute;
  int64_t slide = kMicrosPerMinute;
  bool session = false;
  int64_t session_gap = 0;  // of a funnel
  static constexpr WindowShape session_of(int64_t gap) noexcept { return {gap, gap, true, gap}; }
  static constexpr WindowShape funnel_of(int64_t size, int64_t gap) noexcept { return {size, size, false, gap}; }
  constexpr bool is_session() const noexcept { return session; }
  constexpr bool is_funnel() const noexcept { return !session && session_gap > 0; }
  constexpr bool has_sessions() const noexcept { return session_gap > 0; }
  constexpr int64_t gap() const noexcept { return session_gap; }
  // The funnel's window in which a session that ends then is counted starts here: an end is no part of a window.
  constexpr int64_t window_of_end(int64_t end) const noexcept { return floor_to(end - 1, size); }
  bool operator==(const WindowShape&) const = default;

  // At most 10,000 panes or overlapping windows, and a length of at most a leap year: beyond that sums of sums serve
  // better.
  constexpr bool valid() const noexcept {
    return slide > 0 && slide <= size && size <= 366 * kMicrosPerDay && size / pane() <= 10'000;
  }
  constexpr int64_t pane() const noexcept { return std::gcd(size, slide); }
  constexpr int64_t pane_of(int64_t time) const noexcept { return floor_to(time, pane()); }

  // The windows containing `time` start at first_start, first_start + slide, ..., last_start.
  constexpr int64_t first_start(int64_t time) const noexcept { return floor_to(time - size, slide) + slide; }
  constexpr int64_t last_start(int64_t time) const noexcept { return floor_to(time, slide); }
  constexpr int64_t first_end(int64_t time) const noexcept { return first_start(time) + size; }
  constexpr int64_t last_end(int64_t time) const noexcept { return last_start(time) + size; }
  constexpr bool is_end(int64_t time) const noexcept { return floor_to(time - size, slide) == time - size; }

  // The first window that a watermark has not passed: its end is later than `watermark`.
  constexpr int64_t first_open_start(int64_t watermark) const noexcept { return first_start(watermark); }
};

}  // namespace pactolus
