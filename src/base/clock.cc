#include "base/clock.h"

#include <sys/random.h>

#include <ctime>

#include "base/check.h"

namespace pactolus {
namespace {
int64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return int64_t(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}
std::string uuid_text(uint64_t high, uint64_t low) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffff'ffff'ffffull);
}
}  // namespace

int64_t SystemClock::now_us() { return read_clock(CLOCK_REALTIME); }
int64_t SystemClock::boot_us() { return read_clock(CLOCK_BOOTTIME); }
void SystemClock::sleep_us(int64_t microseconds) {
  if (microseconds <= 0) return;
  timespec t{microseconds / 1'000'000, long(microseconds % 1'000'000) * 1000};
  nanosleep(&t, nullptr);  // a signal ends the sleep early, so that Ctrl-C is seen at once
}

Random Random::from_system() {
  uint64_t seed = 0;
  PACTOLUS_CHECK_EQ(getrandom(&seed, sizeof seed, 0), ssize_t(sizeof seed));
  return Random(seed);
}

std::string Random::uuid() {
  const uint64_t high = (next() & 0xffff'ffff'ffff'0fffull) | 0x4000;
  const uint64_t low = (next() & 0x3fff'ffff'ffff'ffffull) | 0x8000'0000'0000'0000ull;
  return uuid_text(high, low);
}

std::string Random::uuid_v7(int64_t unix_us) {
  const uint64_t high = (uint64_t(unix_us / 1000) << 16) | 0x7000 | (next() & 0x0fff);
  const uint64_t low = (next() & 0x3fff'ffff'ffff'ffffull) | 0x8000'0000'0000'0000ull;
  return uuid_text(high, low);
}

}  // namespace pactolus
