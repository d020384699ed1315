#include "gold/watermark.h"

#include <algorithm>

#include "base/check.h"

namespace pactolus {

SourceTime& WatermarkTracker::at(size_t source) {
  PACTOLUS_CHECK_LT(source, state_.sources.size());
  return state_.sources[source];
}

void WatermarkTracker::grow_to(size_t sources) {
  PACTOLUS_CHECK_GE(sources, state_.sources.size());
  state_.sources.resize(sources);
}

void WatermarkTracker::observe(size_t source, int64_t event_time) {
  SourceTime& s = at(source);
  s.max_event_time = std::max(s.max_event_time, event_time);  // kNoTime is below every time
  s.idle = false;
}

void WatermarkTracker::set_idle(size_t source, bool idle) { at(source).idle = idle; }

int64_t WatermarkTracker::advance(int64_t batch_time) {
  bool any = false;
  int64_t slowest = INT64_MAX;
  for (const SourceTime& s : state_.sources) {
    if (s.idle) continue;
    if (s.max_event_time == kNoTime) return state_.watermark;
    any = true;
    slowest = std::min({slowest, s.max_event_time, batch_time});
  }
  if (any) state_.watermark = std::max(state_.watermark, slowest - options_.allowed_lateness);
  return state_.watermark;
}

bool WatermarkTracker::paused(size_t source) const {
  PACTOLUS_CHECK_LT(source, state_.sources.size());
  const int64_t own = state_.sources[source].max_event_time;
  if (own == kNoTime) return false;
  int64_t slowest = INT64_MAX;
  for (const SourceTime& s : state_.sources)
    if (!s.idle && s.max_event_time != kNoTime) slowest = std::min(slowest, s.max_event_time);
  return slowest != INT64_MAX && own - slowest > options_.max_skew;
}

}  // namespace pactolus
