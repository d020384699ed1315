#include "cli/engine_watch.h"

namespace pactolus {

EngineWatch::EngineWatch(StopSignal& stop) : stop_(stop) {
  thread_ = std::jthread([this](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      if (stop_.wait_us(50'000)) std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the next may have begun
      const std::lock_guard lock(mutex_);
      if (!engine_) continue;
      const bool over = until_boot_us_ > 0 && clock_.boot_us() >= until_boot_us_;
      if (over) over_ = true;
      if (over || stop_.requested()) engine_->interrupt();
    }
  });
}

void EngineWatch::engine_is(SqlEngine* engine, int64_t limit_us) {
  const std::lock_guard lock(mutex_);
  engine_ = engine;
  until_boot_us_ = limit_us > 0 ? clock_.boot_us() + limit_us : 0;
  if (engine) over_ = false;
}

}  // namespace pactolus
