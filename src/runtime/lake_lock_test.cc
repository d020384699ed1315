#include "runtime/lake_lock.h"

#include <fcntl.h>
#include <sys/file.h>
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

// Somebody who looks whether the lake runs, until the first sleep.
class Glance final : public Clock {
 public:
  explicit Glance(const fs::path& file) : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) { ::flock(fd_, LOCK_SH); }
  ~Glance() override { look_away(); }
  int64_t now_us() override { return clock_.now_us(); }
  int64_t boot_us() override { return clock_.boot_us(); }
  void sleep_us(int64_t microseconds) override {
    look_away();
    clock_.sleep_us(microseconds);
  }

 private:
  void look_away() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_;
  ManualClock clock_{0};
};

TEST_F(LakeLockTest, ALookAtTheLockTurnsNobodyAway) {
  {
    ASSERT_OK(lock_lake(file(), false, 0, "run", clock_));
  }
  Glance clock(file());
  EXPECT_TRUE(lock_lake(file(), false, 0, "run", clock));
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
