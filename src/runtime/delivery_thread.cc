#include "runtime/delivery_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>

namespace pactolus {
namespace {
using std::chrono::microseconds;
constexpr int64_t kLook_us = 2'000'000;  // for what others have committed: a rebuild, a model
constexpr int64_t kFirstWait_us = 1'000'000, kLongestWait_us = 30'000'000, kHurriedWait_us = 200'000;
constexpr int64_t kSlice_us = 100'000;  // how often `stop` is asked
}  // namespace

DeliveryThread::DeliveryThread(std::string name, Pass pass)
    : name_(std::move(name)), pass_(std::move(pass)), thread_([this] { run(); }) {}

DeliveryThread::~DeliveryThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DeliveryThread::wake(int64_t batch) {
  {
    const std::lock_guard lock(mutex_);
    batch_ = batch;
    ++wakes_;
  }
  changed_.notify_all();
}

bool DeliveryThread::finish(int64_t patience_us, const std::function<bool()>& stop) {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  const auto until = std::chrono::steady_clock::now() + microseconds(patience_us);
  const auto is_done = [this] { return seen_ == wakes_ && !left_ && !error_; };
  while (!is_done() && !ended_ && !(stop && stop())) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) break;
    changed_.wait_until(lock, std::min(until, now + microseconds(kSlice_us)), [&] { return is_done() || ended_; });
  }
  return is_done();
}

std::vector<std::string> DeliveryThread::messages() {
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

Json DeliveryThread::status() const {
  const std::lock_guard lock(mutex_);
  return Json::object()
      .set("to", name_)
      .set("batch", done_ < 0 ? Json() : Json(done_))
      .set("delivered", delivered_)
      .set("waiting", waiting_)
      .set("dead", dead_)
      .set("error", error_             ? Json(error_->message)
                    : trouble_.empty() ? Json()
                                       : Json(trouble_));
}

// Once, until it is something else.
void DeliveryThread::say(const std::string& what, const std::string& hint) {
  if (what == told_) return;
  messages_.push_back(fmt::format("{}: {}{}", name_, what, hint.empty() ? "" : fmt::format(" ({})", hint)));
  told_ = what;
}

// No exception of a library may end the process.
Result<DeliveryThread::Passed> DeliveryThread::guarded(int64_t batch) {
  try {
    return pass_(batch, [this] { return stop_.load(); });
  } catch (const std::exception& e) {
    return fail(ErrorCode::io, e.what());
  }
}

void DeliveryThread::run() {
  std::unique_lock lock(mutex_);
  int64_t wait_us = 0, failed_us = 0;
  while (!stop_) {
    const bool hurried = hurry_;
    // A failure waits its time out whatever comes meanwhile; else a new batch wakes.
    changed_.wait_for(lock, microseconds(error_ && hurry_ ? std::min(wait_us, kHurriedWait_us) : wait_us),
                      [&] { return stop_ || (!hurried && hurry_) || (!error_ && wakes_ > seen_); });
    if (stop_) return;
    if (wakes_ == 0) {
      wait_us = kLook_us;
      continue;
    }
    const int64_t batch = batch_, wakes = wakes_;
    lock.unlock();
    auto passed = guarded(batch);
    lock.lock();
    if (passed) {
      if (!passed->trouble.empty()) say(trouble_ = std::move(passed->trouble), "");
      // Nothing was due this time: what was the matter still is, until nothing is left.
      const bool over = passed->again_us == 0;
      if (over) trouble_.clear();
      if (over && !told_.empty()) messages_.push_back(fmt::format("{}: going on", name_));
      if (over) told_.clear();
      error_.reset();
      failed_us = 0;
      done_ = batch, seen_ = wakes;
      delivered_ += passed->delivered;
      dead_ = passed->dead, waiting_ = passed->waiting;
      left_ = passed->again_us > 0;
      wait_us = left_ ? passed->again_us : kLook_us;
    } else {
      if (stop_) return;  // what was given up is no failure
      error_ = std::move(passed).error();
      say(error_->message, error_->hint);
      if (error_->code == ErrorCode::fenced) {
        ended_ = true;
        changed_.notify_all();
        return;  // the job will find out
      }
      failed_us = std::clamp(failed_us * 2, kFirstWait_us, kLongestWait_us);
      wait_us = failed_us;
    }
    changed_.notify_all();
  }
}

}  // namespace pactolus
