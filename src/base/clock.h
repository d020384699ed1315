// Time and randomness are arguments: the core asks these, tests give their own.
#pragma once

#include <cstdint>
#include <string>

namespace pactolus {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_us() = 0;   // UTC microseconds since 1970; may step
  virtual int64_t boot_us() = 0;  // microseconds since boot, suspension included; never steps back
  virtual void sleep_us(int64_t microseconds) = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t now_us() override;
  int64_t boot_us() override;
  void sleep_us(int64_t microseconds) override;
};

// Stands still until told otherwise; sleeping moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t start_us) : now_(start_us) {}
  int64_t now_us() override { return now_; }
  int64_t boot_us() override { return now_; }
  void sleep_us(int64_t microseconds) override { now_ += microseconds; }
  void set(int64_t now_us) { now_ = now_us; }

 private:
  int64_t now_;
};

// Small, seedable and fast (splitmix64, Steele, Lea and Flood 2014). Not for keys or secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  static Random from_system();  // seeded by the kernel
  uint64_t next() noexcept {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t n) noexcept { return uint32_t((next() >> 32) * n >> 32); }  // 0 .. n-1
  double unit() noexcept { return double(next() >> 11) * 0x1p-53; }                   // [0, 1)
  std::string uuid();                    // version 4, RFC 9562, lower case with dashes
  std::string uuid_v7(int64_t unix_us);  // version 7, RFC 9562

 private:
  uint64_t state_;
};

}  // namespace pactolus
