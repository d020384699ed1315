#include "cli/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace pactolus {
namespace {

// What a signal handler may touch: lock-free atomics and a descriptor.
std::atomic<int> g_signal{0};
std::atomic<int> g_wake{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void wake() noexcept {
  const uint64_t one = 1;
  // A failed write finds a full counter, and that is readable already.
  [[maybe_unused]] const ssize_t n = ::write(g_wake.load(), &one, sizeof one);
}

void on_signal(int number) {
  const int saved = errno;
  int none = 0;
  if (!g_signal.compare_exchange_strong(none, number)) ::_exit(128 + number);
  wake();
  errno = saved;
}

}  // namespace

StopSignal& StopSignal::install() {
  static StopSignal only;
  if (g_wake.load() < 0) {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    PACTOLUS_CHECK(fd >= 0, "no descriptor for signals");
    g_wake.store(fd);
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, nullptr);
  }
  return only;
}

bool StopSignal::requested() const noexcept { return g_signal.load(std::memory_order_relaxed) != 0; }

int StopSignal::signal() const noexcept { return g_signal.load(); }

int StopSignal::exit_code() const noexcept { return g_signal.load() ? 128 + g_signal.load() : 0; }

bool StopSignal::wait_us(int64_t microseconds, int also) const noexcept {
  timespec started{};
  ::clock_gettime(CLOCK_MONOTONIC, &started);
  int64_t left = std::max<int64_t>(0, microseconds);
  while (!requested() && left > 0) {
    pollfd waiting[] = {{g_wake.load(), POLLIN, 0}, {also, POLLIN, 0}};  // a negative one is passed over
    const timespec limit{left / 1'000'000, left % 1'000'000 * 1000};
    if (::ppoll(waiting, std::size(waiting), &limit, nullptr) >= 0) break;
    // Another signal broke the wait (a window was resized, say): go on with what is left of it.
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    left = microseconds - ((now.tv_sec - started.tv_sec) * 1'000'000 + (now.tv_nsec - started.tv_nsec) / 1000);
  }
  return requested();
}

int StopSignal::wake_descriptor() const noexcept { return g_wake.load(); }

void StopSignal::request(int number) noexcept {
  int none = 0;
  if (g_signal.compare_exchange_strong(none, number)) wake();
}

void StopSignal::take_back() noexcept {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(g_wake.load(), &count, sizeof count);
  g_signal.store(0);
}

}  // namespace pactolus
