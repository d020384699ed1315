#include "gold/watermark.h"

#include <gtest/gtest.h>

#include "gold/window_shape.h"

namespace pactolus {
namespace {

constexpr int64_t kMinute = kMicrosPerMinute;
constexpr int64_t kFarFuture = 1'000 * kMicrosPerDay;

WatermarkTracker tracker_of(size_t sources) {
  WatermarkTracker t({5 * kMinute, kMicrosPerHour});
  t.grow_to(sources);
  return t;
}

TEST(Watermark, IsTheSlowestSourceMinusLateness) {
  WatermarkTracker t = tracker_of(2);
  t.observe(0, 100 * kMinute);
  t.observe(1, 40 * kMinute);
  t.observe(1, 30 * kMinute);  // an older event does not pull its source back
  EXPECT_EQ(t.advance(kFarFuture), 35 * kMinute);
  EXPECT_EQ(t.watermark(), 35 * kMinute);
}

TEST(Watermark, IsUnknownUntilEveryBusySourceHasSpoken) {
  WatermarkTracker t = tracker_of(2);
  EXPECT_EQ(t.advance(kFarFuture), kNoTime);
  t.observe(0, 10 * kMinute);
  EXPECT_EQ(t.advance(kFarFuture), kNoTime);
  t.set_idle(1, true);
  EXPECT_EQ(t.advance(kFarFuture), 5 * kMinute);
}

TEST(Watermark, HoldsWhenAllAreIdle) {
  WatermarkTracker t = tracker_of(1);
  t.observe(0, 10 * kMinute);
  t.advance(kFarFuture);
  t.observe(0, 20 * kMinute);
  t.set_idle(0, true);
  EXPECT_EQ(t.advance(kFarFuture), 5 * kMinute);
  t.set_idle(0, false);
  EXPECT_EQ(t.advance(kFarFuture), 15 * kMinute);
}

TEST(Watermark, NeverFalls) {
  WatermarkTracker t = tracker_of(2);
  t.observe(0, 60 * kMinute);
  t.set_idle(1, true);
  EXPECT_EQ(t.advance(kFarFuture), 55 * kMinute);
  t.observe(1, 10 * kMinute);  // a slow source wakes
  EXPECT_EQ(t.advance(kFarFuture), 55 * kMinute);
  t.grow_to(3);  // a new one that has seen nothing
  EXPECT_EQ(t.advance(kFarFuture), 55 * kMinute);
}

TEST(Watermark, DoesNotOutrunTheBatchTime) {
  WatermarkTracker t = tracker_of(1);
  t.observe(0, 100 * kMinute);
  EXPECT_EQ(t.advance(98 * kMinute), 93 * kMinute);
  EXPECT_EQ(t.advance(99 * kMinute), 94 * kMinute);
  EXPECT_EQ(t.advance(200 * kMinute), 95 * kMinute);
}

TEST(Watermark, WorksBefore1970) {
  WatermarkTracker t = tracker_of(1);
  t.observe(0, -10 * kMinute);
  EXPECT_EQ(t.advance(0), -15 * kMinute);
}

TEST(Watermark, AnEventWakesItsSource) {
  WatermarkTracker t = tracker_of(1);
  t.set_idle(0, true);
  t.observe(0, 10 * kMinute);
  EXPECT_EQ(t.advance(kFarFuture), 5 * kMinute);
}

TEST(Watermark, PausesWhoIsFarAhead) {
  WatermarkTracker t = tracker_of(3);
  t.observe(0, 0);
  t.observe(1, kMicrosPerHour);
  EXPECT_FALSE(t.paused(1));
  t.observe(1, kMicrosPerHour + 1);
  EXPECT_TRUE(t.paused(1));
  EXPECT_FALSE(t.paused(0));
  EXPECT_FALSE(t.paused(2));  // has seen nothing
  t.set_idle(0, true);
  EXPECT_FALSE(t.paused(1));  // now it is the slowest itself
}

TEST(Watermark, IsRestoredToWhatWasSaved) {
  WatermarkTracker t = tracker_of(2);
  t.observe(0, 10 * kMinute);
  t.set_idle(1, true);
  t.advance(kFarFuture);
  const WatermarkState saved = t.save();
  t.observe(1, 90 * kMinute);
  t.observe(0, 90 * kMinute);
  t.advance(kFarFuture);
  WatermarkTracker other = tracker_of(0);
  other.restore(saved);
  t.restore(saved);
  EXPECT_EQ(t.save(), saved);
  EXPECT_EQ(other.advance(kFarFuture), 5 * kMinute);
}

TEST(WindowShape, NamesTheWindowsOfATime) {
  constexpr WindowShape shape{10 * kMinute, kMinute};
  EXPECT_EQ(shape.pane(), kMinute);
  EXPECT_EQ(shape.first_start(0), -9 * kMinute);
  EXPECT_EQ(shape.last_start(0), 0);
  EXPECT_EQ(shape.first_end(0), kMinute);
  EXPECT_EQ(shape.first_end(kMinute - 1), kMinute);
  EXPECT_EQ(shape.first_end(-1), 0);
  EXPECT_EQ(shape.pane_of(-1), -kMinute);
  EXPECT_EQ(shape.last_start(-1), -kMinute);
}

TEST(WindowShape, AgreesWithTryingEveryStart) {
  for (const WindowShape shape : {WindowShape{10, 1}, {10, 4}, {7, 7}, {9, 6}, {5, 3}}) {
    ASSERT_TRUE(shape.valid());
    for (int64_t t = -40; t < 40; ++t) {
      int64_t first = INT64_MAX, last = INT64_MIN;
      for (int64_t start = -80 * shape.slide; start <= 80 * shape.slide; start += shape.slide)
        if (start <= t && t < start + shape.size) {
          first = std::min(first, start);
          last = std::max(last, start);
        }
      EXPECT_EQ(shape.first_start(t), first) << shape.size << "/" << shape.slide << " at " << t;
      EXPECT_EQ(shape.last_start(t), last) << shape.size << "/" << shape.slide << " at " << t;
      EXPECT_EQ(shape.first_start(shape.pane_of(t)), first);
      EXPECT_EQ(shape.last_start(shape.pane_of(t)), last);
    }
  }
}

TEST(WindowShape, RefusesWhatItCannotCut) {
  EXPECT_FALSE((WindowShape{10, 0}.valid()));
  EXPECT_FALSE((WindowShape{10, 11}.valid()));
  EXPECT_FALSE((WindowShape{0, 0}.valid()));
  EXPECT_FALSE((WindowShape{kMicrosPerHour, 1}.valid()));
}

}  // namespace
}  // namespace pactolus
