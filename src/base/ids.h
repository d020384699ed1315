// Numbers that must not be mixed up. A StrongId compares and prints like its number and converts to nothing.
#pragma once

#include <compare>
#include <cstdint>

#include <fmt/core.h>

namespace pactolus {

template <class Tag, class Number = int64_t>
struct StrongId {
  Number value{};
  constexpr StrongId() = default;
  constexpr explicit StrongId(Number v) noexcept : value(v) {}
  constexpr auto operator<=>(const StrongId&) const = default;
  constexpr StrongId operator+(Number n) const noexcept { return StrongId(value + n); }
  constexpr Number operator-(StrongId other) const noexcept { return value - other.value; }
  constexpr StrongId& operator++() noexcept {
    ++value;
    return *this;
  }
};

using Offset = StrongId<struct OffsetTag>;                   // position of a record in a partition, from 0
using PartitionId = StrongId<struct PartitionTag, int32_t>;  // partition of a topic, from 0
using Version = StrongId<struct VersionTag>;                 // version of a Delta table, from 0

// Times are UTC microseconds since 1970 in plain int64_t variables whose names end in _us or `_time`.
inline constexpr int64_t kNoTime = INT64_MIN;
inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

// Floor division: the multiple of `step` at or below `value`, also for times before 1970.
constexpr int64_t floor_to(int64_t value, int64_t step) noexcept {
  const int64_t r = value % step;
  return value - (r < 0 ? r + step : r);
}
constexpr int64_t floor_div(int64_t value, int64_t step) noexcept { return floor_to(value, step) / step; }

}  // namespace pactolus

template <class Tag, class Number>
struct fmt::formatter<pactolus::StrongId<Tag, Number>> : fmt::formatter<Number> {
  template <class Context>
  auto format(const pactolus::StrongId<Tag, Number>& id, Context& context) const {
    return fmt::formatter<Number>::format(id.value, context);
  }
};
