// Reads a record that is what nearly all are: one flat JSON object, its texts without escapes. It never says that a
// record is no JSON: at whatever is not plain it gives up, and a parser that knows all of JSON judges.
//
//   {"user_id":"user_0042","price":299.99}
//
// What it saves is that parser's index of all bytes: 16 bytes of a text are looked at at once, and nothing twice.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "event/json_syntax.h"

namespace pactolus {

// The name of a field as it stands before its value: "user_id": with quotes and colon, padded for one comparison.
struct QuotedName {
  using Words = std::array<uint64_t, 3>;
  size_t size = 0;
  Words text{}, mask{};

  constexpr QuotedName() = default;
  constexpr explicit QuotedName(std::string_view name) : size(name.size() + 3) {
    std::array<char, 24> bytes{'"'}, bits{};
    std::copy(name.begin(), name.end(), bytes.begin() + 1);
    bytes[size - 2] = '"';
    bytes[size - 1] = ':';
    std::fill_n(bits.begin(), size, '\xff');
    text = std::bit_cast<Words>(bytes);
    mask = std::bit_cast<Words>(bits);
  }
  bool stands_at(const char* p) const noexcept {  // 24 bytes are readable
    const auto differ = [&](size_t i) {
      uint64_t word;
      std::memcpy(&word, p + 8 * i, 8);
      return (word ^ text[i]) & mask[i];
    };
    return (differ(0) | differ(1) | differ(2)) == 0;
  }
};

// Moves forward over tokens. Each step answers whether the token asked for was there; after a no there are no more,
// except behind take(). Up to 24 bytes behind the end are read (kRecordPadding), whatever they are.
class PlainScanner {
 public:
  explicit PlainScanner(std::string_view json) noexcept : at_(json.data()), end_(at_ + json.size()) {}

  bool take(char c) noexcept {
    if (!at_char(c)) return false;
    ++at_;
    return true;
  }
  bool take(const QuotedName& name) noexcept {
    if (!at_char('"') || !name.stands_at(at_) || size_t(end_ - at_) < name.size) return false;
    at_ += name.size;
    return true;
  }
  // A text without escapes, with its quotes.
  bool take_text(std::string_view& token) noexcept {
    if (!at_char('"')) return false;
    const char* const begin = at_++;
    for (; at_ < end_; at_ += kStep) {
      const unsigned stops = text_stops(at_);
      if (stops == 0) continue;
      at_ += std::countr_zero(stops);
      if (at_ >= end_ || *at_ != '"') return false;  // an escape, a control character, or what lies behind the end
      token = {begin, size_t(++at_ - begin)};
      return true;
    }
    return false;
  }
  // A text, a number, true, false or null.
  bool take_scalar(std::string_view& token) noexcept {
    if (at_char('"')) return take_text(token);
    const std::string_view rest(at_, size_t(end_ - at_));
    size_t size = json_number_size(rest);
    if (size == 0)
      for (const std::string_view word : {"true", "false", "null"})
        if (rest.starts_with(word)) size = word.size();
    token = rest.substr(0, size);
    at_ += size;
    return size > 0;
  }
  bool at_end() noexcept {
    skip_space();
    return at_ == end_;
  }
  // Whether every text so far was ASCII, and so UTF-8. May say no for what lies right behind a text.
  bool ascii() const noexcept { return beyond_ascii_ == 0; }

 private:
  void skip_space() noexcept {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool at_char(char c) noexcept {
    skip_space();
    return at_ < end_ && *at_ == c;
  }

#ifdef __SSE2__
  static constexpr int kStep = 16;
  // Bit i: a text cannot go on at p[i].
  unsigned text_stops(const char* p) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    beyond_ascii_ |= unsigned(_mm_movemask_epi8(bytes));
    return unsigned(_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, escape))));
  }
#else
  static constexpr int kStep = 1;
  unsigned text_stops(const char* p) noexcept {
    const auto byte = static_cast<unsigned char>(*p);
    beyond_ascii_ |= byte & 0x80;
    return byte < 0x20 || byte == '"' || byte == '\\';
  }
#endif

  const char* at_;
  const char* end_;
  unsigned beyond_ascii_ = 0;
};

}  // namespace pactolus
