#include "simulate/pacer.h"

#include <algorithm>

namespace pactolus {

int64_t Pacer::wait_us(int64_t send_time_us) {
  const int64_t due = start_ + (send_time_us - anchor_us_);
  if (due > now_) {
    refresh();
    if (due > now_) {
      behind_ = 0;
      return due - now_;
    }
  }
  if (send_time_us >= anchor_us_) {
    behind_ = now_ - due;
    max_behind_ = std::max(max_behind_, behind_);
  }
  return 0;
}

void Pacer::sleep(int64_t wait_us) { clock_.sleep_us(std::clamp(wait_us, kShortestSleep_us, kLongestSleep_us)); }

}  // namespace pactolus
