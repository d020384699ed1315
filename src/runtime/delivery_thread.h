// One way out of the lake, on a thread of its own: it follows what has been committed, and a receiver that is away
// costs the stream nothing.
//
//   wake(batch) ─► pass ─► done: asleep until the next wake, or until it is time to look for what others have committed
//                    └─► error: said once, tried again after 1 s, 2 s, … 30 s
//
// The pass runs on the thread alone; everything else may be called from any other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace pactolus {

class DeliveryThread {
 public:
  struct Passed {
    int64_t delivered = 0;     // rows, messages
    int64_t again_us = 0;      // when there is something more to do, though nothing new comes; 0: nothing is left
    std::string trouble = {};  // what the receiver refused: said, and no error, since the pass looks after it
    int64_t dead = 0;          // messages that were put aside, ever
    int64_t waiting = 0;       // messages that the receiver has not taken
  };
  // Of what was committed up to that batch; asks `stop` while it waits for something.
  using Pass = std::function<Result<Passed>(int64_t batch, const std::function<bool()>& stop)>;

  DeliveryThread(std::string name, Pass pass);
  ~DeliveryThread();  // gives up what is under way
  DeliveryThread(const DeliveryThread&) = delete;
  DeliveryThread& operator=(const DeliveryThread&) = delete;

  void wake(int64_t batch);
  // Until all up to the last wake is delivered, with nothing left to do; false when that took too long, when `stop`
  // said so, or when the thread has ended.
  bool finish(int64_t patience_us, const std::function<bool()>& stop = {});
  std::vector<std::string> messages();  // for people, since the last call
  Json status() const;                  // name, batch delivered, rows, error
  const std::string& name() const noexcept { return name_; }

 private:
  void run();
  Result<Passed> guarded(int64_t batch);
  void say(const std::string& what, const std::string& hint);

  const std::string name_;
  const Pass pass_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stop_ = false;
  bool hurry_ = false, left_ = false, ended_ = false;
  int64_t wakes_ = 0, seen_ = 0;  // calls of wake(), and how many of them a pass has followed
  int64_t batch_ = -1, done_ = -1, delivered_ = 0;
  std::optional<Error> error_;
  std::string trouble_;
  int64_t dead_ = 0, waiting_ = 0;
  std::string told_;
  std::vector<std::string> messages_;
  std::thread thread_;  // last: all else is there when it starts
};

}  // namespace pactolus
