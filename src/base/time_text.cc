#include "base/time_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/ids.h"

namespace pactolus {
namespace {

struct Civil {
  int year, month, day;
};

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
Civil civil_from_days(int32_t days) noexcept {
  const int z = days + 719468;
  const int era = (z >= 0 ? z : z - 146096) / 146097;
  const unsigned doe = unsigned(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const int month = int(mp < 10 ? mp + 3 : mp - 9);
  return {int(yoe) + era * 400 + (month <= 2), month, int(doy - (153 * mp + 2) / 5 + 1)};
}

constexpr int kDaysInMonth[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
bool valid_date(int y, int m, int d) noexcept {
  if (y < 1 || m < 1 || m > 12 || d < 1) return false;
  const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return d <= kDaysInMonth[m - 1] + (m == 2 && leap);
}

// Reads exactly `n` digits at `p`, or answers -1.
int digits(const char* p, const char* end, int n) noexcept {
  if (end - p < n) return -1;
  int v = 0;
  for (int i = 0; i < n; ++i) {
    const unsigned d = unsigned(p[i]) - '0';
    if (d > 9) return -1;
    v = v * 10 + int(d);
  }
  return v;
}

char* two(char* out, int v) noexcept {
  out[0] = char('0' + v / 10);
  out[1] = char('0' + v % 10);
  return out + 2;
}

}  // namespace

int32_t days_from_civil(int y, int m, int d) noexcept {
  y -= m <= 2;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const unsigned yoe = unsigned(y - era * 400);
  const unsigned doy = (153u * unsigned(m > 2 ? m - 3 : m + 9) + 2) / 5 + unsigned(d) - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + int(doe) - 719468;
}

std::optional<int32_t> parse_date(std::string_view text) noexcept {
  const char *p = text.data(), *end = p + text.size();
  if (text.size() != 10 || p[4] != '-' || p[7] != '-') return std::nullopt;
  const int y = digits(p, end, 4), m = digits(p + 5, end, 2), d = digits(p + 8, end, 2);
  if (y < 0 || m < 0 || d < 0 || !valid_date(y, m, d)) return std::nullopt;
  return days_from_civil(y, m, d);
}

std::optional<int64_t> parse_iso_time(std::string_view text) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (text.size() < 10) return std::nullopt;
  const auto day = parse_date(text.substr(0, 10));
  if (!day) return std::nullopt;
  p += 10;
  if (p == end) return int64_t(*day) * kMicrosPerDay;
  if (*p != 'T' && *p != 't' && *p != ' ') return std::nullopt;
  ++p;
  const int hour = digits(p, end, 2);
  if (hour < 0 || hour > 23 || end - p < 5 || p[2] != ':') return std::nullopt;
  const int minute = digits(p + 3, end, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  p += 5;
  int second = 0, micros = 0;
  if (p < end && *p == ':') {
    second = digits(p + 1, end, 2);
    if (second < 0 || second > 59) return std::nullopt;  // a leap second has no place in Unix time
    p += 3;
    if (p < end && (*p == '.' || *p == ',')) {
      const char* first = ++p;
      for (int unit = 100'000; p < end && unsigned(*p) - '0' <= 9u; ++p, unit /= 10) micros += (*p - '0') * unit;
      if (p == first) return std::nullopt;
    }
  }
  int64_t zone = 0;
  std::string_view rest(p, size_t(end - p));
  if (rest == "Z" || rest == "z" || rest == " UTC" || rest.empty()) {
  } else if (rest[0] == '+' || rest[0] == '-') {
    const char* z = rest.data() + 1;
    const int hours = digits(z, end, 2);
    int minutes = 0;
    if (rest.size() == 6 && z[2] == ':')
      minutes = digits(z + 3, end, 2);
    else if (rest.size() == 5)
      minutes = digits(z + 2, end, 2);
    else if (rest.size() != 3)
      return std::nullopt;
    if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return std::nullopt;
    zone = (hours * 60 + minutes) * kMicrosPerMinute * (rest[0] == '-' ? -1 : 1);
  } else {
    return std::nullopt;
  }
  return int64_t(*day) * kMicrosPerDay + (hour * 60 + minute) * kMicrosPerMinute + second * kMicrosPerSecond + micros -
         zone;
}

std::optional<int64_t> parse_duration(std::string_view text) noexcept {
  double number = 0;
  const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0) || number > 1e9) return std::nullopt;
  const std::string_view u(unit, size_t(text.data() + text.size() - unit));
  int64_t each;
  if (u == "us")
    each = 1;
  else if (u == "ms")
    each = 1000;
  else if (u == "s")
    each = kMicrosPerSecond;
  else if (u == "m" || u == "min")
    each = kMicrosPerMinute;
  else if (u == "h")
    each = kMicrosPerHour;
  else if (u == "d")
    each = kMicrosPerDay;
  else
    return std::nullopt;
  const double total = number * double(each);
  if (total > 9e18) return std::nullopt;
  return std::llround(total);
}

std::optional<int64_t> parse_size(std::string_view text) noexcept {
  double number = 0;
  const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0)) return std::nullopt;
  const std::string_view u(unit, size_t(text.data() + text.size() - unit));
  double each;
  if (u.empty() || u == "B")
    each = 1;
  else if (u == "KiB")
    each = 1 << 10;
  else if (u == "MiB")
    each = 1 << 20;
  else if (u == "GiB")
    each = 1 << 30;
  else if (u == "TiB")
    each = double(1ll << 40);
  else if (u == "KB" || u == "kB")
    each = 1e3;
  else if (u == "MB")
    each = 1e6;
  else if (u == "GB")
    each = 1e9;
  else if (u == "TB")
    each = 1e12;
  else
    return std::nullopt;
  if (number * each > 9e18) return std::nullopt;
  return int64_t(number * each);
}

char* write_iso_time(int64_t t, char* out) noexcept {
  const int64_t day = floor_div(t, kMicrosPerDay);
  const Civil c = civil_from_days(int32_t(day));
  int64_t rest = t - day * kMicrosPerDay;
  out = two(two(out, c.year / 100), c.year % 100);
  *out++ = '-';
  out = two(out, c.month);
  *out++ = '-';
  out = two(out, c.day);
  *out++ = 'T';
  out = two(out, int(rest / kMicrosPerHour));
  *out++ = ':';
  out = two(out, int(rest / kMicrosPerMinute % 60));
  *out++ = ':';
  out = two(out, int(rest / kMicrosPerSecond % 60));
  *out++ = '.';
  const int micros = int(rest % kMicrosPerSecond);
  out = two(two(two(out, micros / 10000), micros / 100 % 100), micros % 100);
  *out++ = 'Z';
  return out;
}

std::string date_text(int32_t days) {
  const Civil c = civil_from_days(days);
  return fmt::format("{:04d}-{:02d}-{:02d}", c.year, c.month, c.day);
}
std::string iso_time(int64_t t) {
  char text[27];
  return {text, size_t(write_iso_time(t, text) - text)};
}
std::string iso_time_ms(int64_t t) { return iso_time(t).substr(0, 23) + "Z"; }
std::string clock_text(int64_t t) { return iso_time(t).substr(11, 8); }
std::string duration_text(int64_t us) {
  if (us < 1000) return fmt::format("{} us", us);
  if (us < kMicrosPerSecond) return fmt::format("{:.3g} ms", double(us) / 1e3);
  if (us < 2 * kMicrosPerMinute) return fmt::format("{:.3g} s", double(us) / 1e6);
  if (us < 2 * kMicrosPerHour) return fmt::format("{:.3g} min", double(us) / 6e7);
  if (us < 2 * kMicrosPerDay) return fmt::format("{:.3g} h", double(us) / 3.6e9);
  if (us < 1000 * kMicrosPerDay) return fmt::format("{:.3g} days", double(us) / 8.64e10);
  return fmt::format("{} days", us / kMicrosPerDay);
}

std::optional<int64_t> parse_epoch(std::string_view token) noexcept {
  int64_t whole = 0;
  const char* const end = token.data() + token.size();
  auto [p, error] = std::from_chars(token.data(), end, whole);
  if (error != std::errc{}) return std::nullopt;
  int64_t fraction = 0;  // millionths
  if (p < end && *p == '.') {
    int64_t unit = 100'000;
    for (++p; p < end && *p >= '0' && *p <= '9'; ++p, unit /= 10) fraction += (*p - '0') * unit;
    if (token[0] == '-') fraction = -fraction;
  }
  if (p != end) {
    double number = 0;
    if (std::from_chars(token.data(), end, number).ec != std::errc{} || !(std::fabs(number) < 9e17))
      return std::nullopt;
    whole = int64_t(std::floor(number));
    fraction = int64_t((number - std::floor(number)) * 1e6);
  }
  const uint64_t size = whole < 0 ? 0 - uint64_t(whole) : uint64_t(whole);
  if (size < 100'000'000'000) return whole * 1'000'000 + fraction;
  if (size < 100'000'000'000'000) return whole * 1000 + fraction / 1000;
  return whole;
}

}  // namespace pactolus
