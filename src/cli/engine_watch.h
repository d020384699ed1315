// Ends the query that runs, however long it would still take: when a stop is asked for, or when its time is over.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "cli/stop_signal.h"
#include "query/duckdb.h"

namespace pactolus {

class EngineWatch {
 public:
  explicit EngineWatch(StopSignal& stop);
  // From now on this one, null for none, and for so long at most; 0 is no limit. The engine must be told away before
  // its end.
  void engine_is(SqlEngine* engine, int64_t limit_us = 0);
  bool time_was_over() const noexcept { return over_; }  // of the engine that was told last

 private:
  StopSignal& stop_;
  SystemClock clock_;
  std::mutex mutex_;
  SqlEngine* engine_ = nullptr;  // this and the time are guarded by mutex_
  int64_t until_boot_us_ = 0;
  std::atomic<bool> over_{false};
  std::jthread thread_;  // last, so that it ends first
};

}  // namespace pactolus
