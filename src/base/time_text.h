// Times as text. All times are UTC microseconds since 1970; proleptic Gregorian, years 1 to 9999.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pactolus {

// ISO 8601 as in "2025-11-29T10:15:30.123456Z": date and time parted by "T" or a space, seconds and their fraction
// optional, zone "Z", "+02:00", "+0200", "+02", " UTC" or none (which means UTC). Finer than microseconds is cut off.
std::optional<int64_t> parse_iso_time(std::string_view text) noexcept;

// A JSON number as a time since 1970, whose unit follows from its size: below 1e11 seconds, below 1e14 milliseconds,
// else microseconds. Exact for integers and plain fractions; a number with an exponent goes through a double, which
// holds microseconds until the year 2255.
std::optional<int64_t> parse_epoch(std::string_view number) noexcept;

// "2025-11-29" as days since 1970.
std::optional<int32_t> parse_date(std::string_view text) noexcept;

// "250ms", "1s", "5m", "24h", "7d" as microseconds; a plain number is refused, so that no unit is ever guessed.
std::optional<int64_t> parse_duration(std::string_view text) noexcept;
// "64MiB", "4GiB", "500KB", "1024" as bytes.
std::optional<int64_t> parse_size(std::string_view text) noexcept;

int32_t days_from_civil(int year, int month, int day) noexcept;
std::string date_text(int32_t days);                        // 2025-11-29
std::string iso_time(int64_t time_us);                      // 2025-11-29T10:15:30.123456Z
std::string iso_time_ms(int64_t time_us);                   // 2025-11-29T10:15:30.123Z, cut
std::string clock_text(int64_t time_us);                    // 10:15:30
std::string duration_text(int64_t microseconds);            // 1.2 s, 5 min, 3 h
char* write_iso_time(int64_t time_us, char* out) noexcept;  // 27 bytes as iso_time; returns the end

}  // namespace pactolus
