// Writes one record into a buffer that is used again for the next: text, numbers, money and times by hand, because
// the general formatters cost more than the rest of an event together.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/time_text.h"

namespace pactolus {

// Does not own the buffer. The caller gives one that holds its longest record; `put` of a view checks, the others
// rely on the slack of kTextSlack bytes that must remain behind the last checked text.
inline constexpr size_t kTextSlack = 512;

class TextWriter {
 public:
  TextWriter(char* begin, size_t capacity) noexcept : begin_(begin), at_(begin), end_(begin + capacity) {}

  std::string_view text() const noexcept { return {begin_, size_t(at_ - begin_)}; }
  size_t size() const noexcept { return size_t(at_ - begin_); }
  void clear() noexcept { at_ = begin_; }
  void cut(size_t size) noexcept { at_ = begin_ + size; }  // back to an earlier size

  void put(std::string_view s) {
    PACTOLUS_CHECK(s.size() + kTextSlack <= size_t(end_ - at_), "a simulated record outgrew its buffer");
    std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
  }
  template <size_t N>
  void literal(const char (&s)[N]) noexcept {
    std::memcpy(at_, s, N - 1);
    at_ += N - 1;
  }
  void number(int64_t v) noexcept { at_ = std::to_chars(at_, at_ + 20, v).ptr; }
  // At least `width` digits, zeros in front. v >= 0, width <= 20.
  void padded(int64_t v, int width) noexcept {
    char digits[20];
    const char* const last = std::to_chars(digits, digits + 20, v).ptr;
    for (int have = int(last - digits); have < width; ++have) *at_++ = '0';
    std::memcpy(at_, digits, size_t(last - digits));
    at_ += last - digits;
  }
  // Exactly four digits. 0 <= v < 10,000.
  void four(uint32_t v) noexcept {
    at_[0] = char('0' + v / 1000);
    at_[1] = char('0' + v / 100 % 10);
    at_[2] = char('0' + v / 10 % 10);
    at_[3] = char('0' + v % 10);
    at_ += 4;
  }
  // Hundredths with a point: 29999 is 299.99. cents >= 0.
  void cents(int64_t cents) noexcept {
    number(cents / 100);
    const int rest = int(cents % 100);
    at_[0] = '.';
    at_[1] = char('0' + rest / 10);
    at_[2] = char('0' + rest % 10);
    at_ += 3;
  }
  void time(int64_t time_us) noexcept { at_ = write_iso_time(time_us, at_); }
  // A random UUID's text (RFC 9562, version 4) from 128 random bits.
  void uuid(uint64_t high, uint64_t low) noexcept {
    high = (high & 0xffff'ffff'ffff'0fffull) | 0x4000;
    low = (low & 0x3fff'ffff'ffff'ffffull) | 0x8000'0000'0000'0000ull;
    static constexpr char kHex[] = "0123456789abcdef";
    for (int i = 0; i < 32; ++i) {
      if (i == 8 || i == 12 || i == 16 || i == 20) *at_++ = '-';
      const uint64_t half = i < 16 ? high : low;
      *at_++ = kHex[(half >> (60 - 4 * (i % 16))) & 15];
    }
  }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

}  // namespace pactolus
