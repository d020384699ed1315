#include "simulate/drive.h"

namespace pactolus {
namespace {

// Events between looks at the clock when there is never time to sleep: reading it is cheap, but not free.
constexpr int64_t kLookUpEvery = 16;

class Drive {
 public:
  Drive(EventSink& sink, Pacer* pacer, const std::atomic<bool>& stop) : sink_(sink), pacer_(pacer), stop_(stop) {
    if (pacer_) flushed_at_ = pacer_->now_us();
  }

  // Until that time. False when asked to stop.
  Result<bool> wait_until(int64_t send_time_us) {
    while (const int64_t wait = pacer_->wait_us(send_time_us)) {
      if (stop_.load(std::memory_order_relaxed)) return false;
      const int64_t may_wait = flushed_at_ + kFlushEvery_us - pacer_->now_us();
      if (unflushed_ > 0 && wait > may_wait) TRY(push());
      if (const int64_t left = pacer_->wait_us(send_time_us)) pacer_->sleep(left);
    }
    return true;
  }

  Result<> send(const GeneratedEvent& event) {
    TRY(sink_.send(event));
    ++report_.sent;
    report_.bytes += int64_t(event.value.size());
    unflushed_ += int64_t(event.value.size()) + 1;
    if (pacer_ && report_.sent % kLookUpEvery == 0 && pacer_->refresh() - flushed_at_ >= kFlushEvery_us) TRY(push());
    if (!pacer_ && unflushed_ >= kFlushEveryBytes) TRY(push());
    return {};
  }

  Result<> flush() { return sink_.flush(); }
  Result<> push() {
    TRY(sink_.push());
    unflushed_ = 0;
    if (pacer_) flushed_at_ = pacer_->refresh();
    return {};
  }

  DriveReport finish(bool stopped) {
    report_.stopped = stopped;
    if (pacer_) {
      pacer_->refresh();
      report_.elapsed_us = pacer_->elapsed_us();
      report_.max_behind_us = pacer_->max_behind_us();
    }
    return report_;
  }

  int64_t sent() const { return report_.sent; }

 private:
  EventSink& sink_;
  Pacer* pacer_;
  const std::atomic<bool>& stop_;
  DriveReport report_;
  int64_t unflushed_ = 0;
  int64_t flushed_at_ = 0;  // microseconds since boot
};

}  // namespace

Result<DriveReport> drive(EventSource& source, EventSink& sink, Pacer* pacer, const std::atomic<bool>& stop,
                          std::atomic<int64_t>* live) {
  Drive run(sink, pacer, stop);
  GeneratedEvent event;
  bool stopped = false;
  int64_t due;
  while (!(stopped = stop.load(std::memory_order_relaxed)) && source.next_due(due)) {
    // The wait comes before the event is taken: then a stop leaves nothing that was counted and not sent.
    if (pacer && !TRY(run.wait_until(due))) {
      stopped = true;
      break;
    }
    if (!source.next(event)) break;
    TRY(run.send(event));
    if (live) live->store(run.sent(), std::memory_order_relaxed);
  }
  TRY(run.flush());
  TRY(source.outcome());
  return run.finish(stopped);
}

}  // namespace pactolus
