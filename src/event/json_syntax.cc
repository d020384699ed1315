#include "event/json_syntax.h"

namespace pactolus {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Each step moves past what it read and answers ok, or the first fault.
class Checker {
 public:
  explicit Checker(std::string_view text) : p_(text.data()), end_(text.data() + text.size()) {}

  JsonSyntax value(int depth_left) noexcept {
    space();
    if (p_ == end_) return JsonSyntax::malformed;
    switch (*p_) {
      case '{':
      case '[': return depth_left == 0 ? JsonSyntax::too_deep : container(*p_ == '{', depth_left - 1);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number() ? JsonSyntax::ok : JsonSyntax::malformed;
    }
  }
  bool at_end() noexcept {
    space();
    return p_ == end_;
  }
  const char* at() const noexcept { return p_; }
  bool number() noexcept {
    if (peek('-')) ++p_;
    const bool zero = peek('0');
    const auto whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (peek('.')) {
      ++p_;
      if (digits() == 0) return false;
    }
    if (peek('e') || peek('E')) {
      ++p_;
      if (peek('+') || peek('-')) ++p_;
      if (digits() == 0) return false;
    }
    return true;
  }

 private:
  bool peek(char c) const noexcept { return p_ < end_ && *p_ == c; }
  void space() noexcept {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\n' || *p_ == '\r')) ++p_;
  }
  long digits() noexcept {
    const char* first = p_;
    while (p_ < end_ && *p_ >= '0' && *p_ <= '9') ++p_;
    return p_ - first;
  }
  JsonSyntax word(std::string_view w) noexcept {
    if (!std::string_view(p_, size_t(end_ - p_)).starts_with(w)) return JsonSyntax::malformed;
    p_ += w.size();
    return JsonSyntax::ok;
  }
  JsonSyntax container(bool object, int depth_left) noexcept {
    const char close = object ? '}' : ']';
    ++p_;
    space();
    if (peek(close)) return ++p_, JsonSyntax::ok;
    for (;;) {
      if (object) {
        space();
        if (!peek('"')) return JsonSyntax::malformed;
        if (const auto bad = string(); bad != JsonSyntax::ok) return bad;
        space();
        if (!peek(':')) return JsonSyntax::malformed;
        ++p_;
      }
      if (const auto bad = value(depth_left); bad != JsonSyntax::ok) return bad;
      space();
      if (peek(close)) return ++p_, JsonSyntax::ok;
      if (!peek(',')) return JsonSyntax::malformed;
      ++p_;
    }
  }
  // The code unit behind "\u", or -1.
  int unit() noexcept {
    if (end_ - p_ < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; ++i, ++p_) {
      const int h = hex_value(*p_);
      if (h < 0) return -1;
      v = v * 16 + h;
    }
    return v;
  }
  JsonSyntax string() noexcept {
    for (++p_; p_ < end_;) {
      const auto c = static_cast<unsigned char>(*p_++);
      if (c == '"') return JsonSyntax::ok;
      if (c < 0x20) return JsonSyntax::malformed;
      if (c != '\\') continue;
      if (p_ == end_) return JsonSyntax::malformed;
      switch (*p_++) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': break;
        case 'u': {
          const int high = unit();
          if (high < 0) return JsonSyntax::malformed;
          if (high < 0xd800 || high > 0xdfff) break;
          if (high > 0xdbff || end_ - p_ < 6 || p_[0] != '\\' || p_[1] != 'u') return JsonSyntax::lone_surrogate;
          p_ += 2;
          const int low = unit();
          if (low < 0) return JsonSyntax::malformed;
          if (low < 0xdc00 || low > 0xdfff) return JsonSyntax::lone_surrogate;
          break;
        }
        default: return JsonSyntax::malformed;
      }
    }
    return JsonSyntax::malformed;
  }

  const char* p_;
  const char* end_;
};

}  // namespace

JsonSyntax check_json(std::string_view text, int max_depth) noexcept {
  Checker checker(text);
  const JsonSyntax verdict = checker.value(max_depth);
  return verdict == JsonSyntax::ok && !checker.at_end() ? JsonSyntax::malformed : verdict;
}

size_t json_number_size(std::string_view text) noexcept {
  Checker checker(text);
  return checker.number() ? size_t(checker.at() - text.data()) : 0;
}

}  // namespace pactolus
