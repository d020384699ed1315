// Ctrl-C and SIGTERM. The first one asks: a flag that loops read and that ends every wait at once, so that the process
// commits and leaves in order. The second one, of either kind, leaves on the spot with 130 or 143.
//
// One per process, installed by main before any thread starts; reading and waiting from any thread. SIGPIPE is ignored
// from then on: a closed stdout or socket is an error of the write that meets it (terminal.h, Output).
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pactolus {

class StopSignal {
 public:
  static StopSignal& install();

  bool requested() const noexcept;
  int signal() const noexcept;     // SIGINT, SIGTERM, or 0 as long as nobody asked
  int exit_code() const noexcept;  // 130 or 143; 0 as long as nobody asked
  // Waits so long, or until asked, or until the descriptor `also` is readable. Answers requested().
  bool wait_us(int64_t microseconds, int also = -1) const noexcept;
  // Becomes readable when asked and stays so: for poll and its like. Never read from it.
  int wake_descriptor() const noexcept;
  // As if the signal had come: a part of the program wants an orderly end.
  void request(int signal) noexcept;
  // Forgets a request that has been met: an interactive command goes on after Ctrl-C. Also for tests.
  void take_back() noexcept;

 private:
  StopSignal() = default;
};

// The system's clock, whose sleeps end when a stop is asked for.
class StoppableClock final : public Clock {
 public:
  explicit StoppableClock(StopSignal& stop) : stop_(stop) {}
  int64_t now_us() override { return clock_.now_us(); }
  int64_t boot_us() override { return clock_.boot_us(); }
  void sleep_us(int64_t microseconds) override { stop_.wait_us(microseconds); }

 private:
  StopSignal& stop_;
  SystemClock clock_;
};

}  // namespace pactolus
