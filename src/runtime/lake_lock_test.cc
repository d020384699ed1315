#include "runtime/lake_lock.h"

#include <unistd.h>

#include "runtime/runtime_test_lake.h"

namespace pactolus {
namespace {

class LakeLockTest : public RuntimeTest {
 protected:
  fs::path file() const { return root_ / "own" / "lock"; }
};

TEST_F(LakeLockTest, NamesItsHolder) {
  EXPECT_FALSE(*lake_is_locked(file()));
  auto lock = lock_lake(file(), false, 0, "run", clock_);
  ASSERT_OK(lock);
  EXPECT_TRUE(*lake_is_locked(file()));
  const auto holder = read_lock_holder(file());
  ASSERT_OK(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_EQ(holder->command, "run");
  EXPECT_EQ(holder->since_us, kStart);
}

TEST_F(LakeLockTest, WaitsThenSaysWhoHoldsIt) {
  const auto first = lock_lake(file(), false, 0, "demo", clock_);
  const auto second = lock_lake(file(), false, 10 * kMicrosPerSecond, "run", clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid()) + " (demo)"), std::string::npos)
      << second.error().message;
  EXPECT_GE(clock_.now_us(), kStart + 10 * kMicrosPerSecond);
  EXPECT_LT(clock_.now_us(), kStart + 11 * kMicrosPerSecond);
}

TEST_F(LakeLockTest, IsFreeWhenItsHolderIsGone) {
  {
    const auto first = lock_lake(file(), false, 0, "run", clock_);
  }
  EXPECT_FALSE(*lake_is_locked(file()));
  EXPECT_TRUE(lock_lake(file(), false, 0, "run", clock_));
}

TEST_F(LakeLockTest, ATakeOverLeavesTheOldHolderALockThatNobodyLooksAt) {
  const auto first = lock_lake(file(), false, 0, "run", clock_);
  const auto second = lock_lake(file(), true, 0, "serve", clock_);
  ASSERT_OK(second);
  EXPECT_FALSE(first->taken_over);
  EXPECT_TRUE(second->taken_over);
  EXPECT_EQ(read_lock_holder(file())->command, "serve");
  EXPECT_FALSE(lock_lake(file(), false, 0, "third", clock_)) << "the successor's lock counts";
}

}  // namespace
}  // namespace pactolus
