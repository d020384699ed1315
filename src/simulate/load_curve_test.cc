#include "simulate/load_curve.h"

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

const int64_t kStart = *parse_iso_time("2025-11-29T10:15:30Z");

TEST(Schedule, EndsAtTheTimeAskedForAndNotLater) {
  for (const bool diurnal : {false, true})
    for (const double rate : {0.01, 5.0, 333.0}) {
      const Schedule s = ending_at({.rate = rate, .count = 1'000, .diurnal = diurnal}, kStart);
      SendTimes times(s);
      int64_t t = 0, first = 0, n = 0;
      for (int64_t at; times.take(at); ++n) first = n ? first : at, t = at;
      EXPECT_EQ(n, 1'000);
      EXPECT_EQ(first, s.start_us);
      EXPECT_LE(t, kStart);
      EXPECT_GE(t, kStart - 10) << rate << diurnal;
    }
}

TEST(Schedule, ADayHasANightAndItsMeanIsTheNominalRate) {
  const int64_t midnight = floor_to(kStart, kMicrosPerDay);
  SendTimes times({.start_us = midnight, .rate = 10, .duration_us = kMicrosPerDay, .diurnal = true});
  int64_t hours[24] = {}, all = 0, last = 0;
  for (int64_t t; times.take(t); ++all) {
    ASSERT_GE(t, last);
    ++hours[(t - midnight) / kMicrosPerHour];
    last = t;
  }
  EXPECT_NEAR(double(all), 864'000, 864);
  EXPECT_NEAR(double(hours[20]), 36'000 * 1.6, 600);
  EXPECT_NEAR(double(hours[8]), 36'000 * 0.4, 600);
}

TEST(Schedule, WithoutTheCurveEveryHourIsTheSame) {
  SendTimes times({.start_us = kStart, .rate = 10, .duration_us = kMicrosPerHour});
  int64_t n = 0;
  for (int64_t t; times.take(t); ++n) ASSERT_EQ(t, kStart + n * 100'000);
  EXPECT_EQ(n, 36'000);
}

}  // namespace
}  // namespace pactolus
