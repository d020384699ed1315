#include "runtime/delivery_thread.h"

#include <gtest/gtest.h>

#include <atomic>

namespace pactolus {
namespace {

using Passed = DeliveryThread::Passed;
using Stop = std::function<bool()>;
constexpr int64_t kLong_us = 60'000'000;

TEST(DeliveryThread, FollowsEveryWake) {
  std::atomic<int64_t> seen = -1, passes = 0;
  DeliveryThread thread("there", [&](int64_t batch, const Stop&) -> Result<Passed> {
    seen = batch, ++passes;
    return Passed{1};
  });
  for (int64_t batch : {3, 4, 4}) {
    const int64_t before = passes;
    thread.wake(batch);
    EXPECT_TRUE(thread.finish(kLong_us));
    EXPECT_EQ(seen, batch);
    EXPECT_GT(passes, before);  // the same batch may show something new
  }
  const Json status = thread.status();
  EXPECT_EQ(status["to"].as_string(), "there");
  EXPECT_EQ(status["batch"].as_int(), 4);
  EXPECT_EQ(status["delivered"].as_int(), passes);
  EXPECT_TRUE(thread.messages().empty());
}

TEST(DeliveryThread, TriesAgainAndSaysSoOnce) {
  std::atomic<int64_t> passes = 0;
  DeliveryThread thread("there", [&](int64_t, const Stop&) -> Result<Passed> {
    if (++passes < 3) return fail(ErrorCode::io, "nobody is at home", "ring again");
    return Passed{5};
  });
  thread.wake(7);
  EXPECT_TRUE(thread.finish(kLong_us));
  EXPECT_EQ(passes, 3);
  EXPECT_EQ(thread.messages(), (std::vector<std::string>{"there: nobody is at home (ring again)", "there: going on"}));
  EXPECT_TRUE(thread.messages().empty());
  EXPECT_EQ(thread.status()["delivered"].as_int(), 5);
}

TEST(DeliveryThread, GoesOnAsLongAsSomethingIsLeft) {
  std::atomic<int64_t> left = 4;
  DeliveryThread thread("there", [&](int64_t, const Stop&) -> Result<Passed> { return Passed{1, --left > 0 ? 1 : 0}; });
  thread.wake(1);
  EXPECT_TRUE(thread.finish(kLong_us));
  EXPECT_EQ(left, 0);
}

TEST(DeliveryThread, IsNotWaitedForLongerThanAsked) {
  DeliveryThread thread("away", [](int64_t, const Stop&) -> Result<Passed> { return fail(ErrorCode::io, "away"); });
  thread.wake(1);
  EXPECT_FALSE(thread.finish(1000));
  EXPECT_EQ(thread.status()["batch"].as_int(), 0);  // null
}

TEST(DeliveryThread, EndsWhatHangs) {
  std::atomic<bool> hangs = false;
  {
    DeliveryThread thread("hanging", [&](int64_t, const Stop& stop) -> Result<Passed> {
      hangs = true;
      while (!stop()) std::this_thread::yield();
      return fail(ErrorCode::io, "given up");
    });
    thread.wake(1);
    while (!hangs) std::this_thread::yield();
  }
  SUCCEED();
}

TEST(DeliveryThread, OfAProcessThatWasTakenOverIsOver) {
  std::atomic<int64_t> passes = 0;
  DeliveryThread thread("there", [&](int64_t, const Stop&) -> Result<Passed> {
    ++passes;
    return fail(ErrorCode::fenced, "a later one");
  });
  thread.wake(1);
  while (passes == 0) std::this_thread::yield();
  EXPECT_FALSE(thread.finish(1000));
  thread.wake(2);
  EXPECT_FALSE(thread.finish(1000));
  EXPECT_EQ(passes, 1);
}

}  // namespace
}  // namespace pactolus
