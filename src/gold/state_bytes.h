// Bytes of saved operator state: variable-length numbers (7 bits a byte, least significant first; signed ones
// zigzag), texts with their length before them, raw 64-bit words in little endian.
//
// The reader never reads past the end and never throws: after the first bad byte it answers zeros and empties, and
// ok() says so. Loops over a count that was read stay short because a count never exceeds the bytes that are left.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace pactolus {

static_assert(std::endian::native == std::endian::little);

class StateWriter {
 public:
  explicit StateWriter(std::string& out) : out_(out) {}
  void number(unsigned __int128 v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(char(uint8_t(v) | 0x80));
    out_.push_back(char(uint8_t(v)));
  }
  void signed_number(__int128 v) {
    number((static_cast<unsigned __int128>(v) << 1) ^ static_cast<unsigned __int128>(v >> 127));
  }
  void text(std::string_view v) {
    number(v.size());
    out_.append(v);
  }
  void word(uint64_t v) { out_.append(reinterpret_cast<const char*>(&v), sizeof v); }
  void raw(const void* bytes, size_t size) { out_.append(static_cast<const char*>(bytes), size); }

 private:
  std::string& out_;
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }

  unsigned __int128 wide_number() {
    unsigned __int128 v = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = uint8_t(rest_.front());
      rest_.remove_prefix(1);
      v |= static_cast<unsigned __int128>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  __int128 wide_signed_number() {
    const unsigned __int128 v = wide_number();
    return __int128(v >> 1) ^ -__int128(v & 1);
  }
  int64_t signed_number() {
    const __int128 v = wide_signed_number();
    if (v < INT64_MIN || v > INT64_MAX) return spoil<int64_t>();
    return int64_t(v);
  }
  // 0 .. max
  int64_t number(int64_t max) {
    const unsigned __int128 v = wide_number();
    if (v > static_cast<unsigned __int128>(max)) return spoil<int64_t>();
    return int64_t(v);
  }
  // How many things of at least one byte each follow.
  size_t count() { return size_t(number(int64_t(rest_.size()))); }
  std::string_view text() { return raw(count()); }
  uint64_t word() {
    const std::string_view bytes = raw(sizeof(uint64_t));
    uint64_t v = 0;
    if (ok_) std::memcpy(&v, bytes.data(), sizeof v);
    return v;
  }
  std::string_view raw(size_t size) {
    if (size > rest_.size()) return spoil<std::string_view>();
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return ok_ ? bytes : std::string_view{};
  }

 private:
  template <class T>
  T spoil() {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace pactolus
