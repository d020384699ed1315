#include "gold/distinct_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/clock.h"

namespace pactolus {
namespace {

std::string saved(const DistinctSet& set) {
  std::string out;
  StateWriter to(out);
  set.save(to);
  return out;
}
Result<DistinctSet> loaded(std::string_view bytes) {
  StateReader in(bytes);
  return DistinctSet::load(in);
}
DistinctSet random_set(uint64_t seed, int n) {
  Random random(seed);
  DistinctSet set;
  for (int i = 0; i < n; ++i) set.insert(random.next());
  return set;
}

TEST(DistinctSet, CountsExactlyUpTo512) {
  Random random(1);
  std::vector<uint64_t> seen;
  DistinctSet set;
  EXPECT_EQ(set.count(), 0);
  EXPECT_TRUE(set.empty());
  for (int n = 1; n <= 512; ++n) {
    seen.push_back(random.next());
    set.insert(seen.back());
    for (const uint64_t h : seen) set.insert(h);
    ASSERT_EQ(set.count(), n);
    ASSERT_FALSE(set.approximate());
  }
  set.insert(seen.front());
  EXPECT_FALSE(set.approximate());
  set.insert(random.next());
  EXPECT_TRUE(set.approximate());
  EXPECT_GT(set.count(), 512);
}

TEST(DistinctSet, IsSmallWhenItHoldsLittle) {
  EXPECT_EQ(sizeof(DistinctSet), 32u);
  EXPECT_EQ(random_set(1, 3).heap_bytes(), 0u);
  EXPECT_EQ(random_set(1, 4).heap_bytes(), 64u);
  EXPECT_EQ(random_set(1, 100'000).heap_bytes(), 4096u);
}

TEST(DistinctSet, CountsAHashOfZero) {
  DistinctSet set;
  set.insert(0);
  set.insert(0);
  EXPECT_EQ(set.count(), 1);
}

// Five standard errors of 1.04/64: one failure in about two million, and the seeds are fixed.
TEST(DistinctSet, EstimatesWithinThePublishedError) {
  for (const int n : {600, 1'000, 3'000, 10'000, 30'000, 100'000, 1'000'000}) {
    for (uint64_t seed = 1; seed <= (n > 100'000 ? 3 : 20); ++seed) {
      const double error = double(random_set(seed, n).count()) / n - 1;
      EXPECT_LT(std::abs(error), 5 * 1.04 / 64) << n << " values, seed " << seed;
    }
  }
}

TEST(DistinctSet, HasNoBiasOverManySets) {
  for (const int n : {1'000, 10'000}) {
    double sum = 0;
    constexpr int kSets = 400;
    for (uint64_t seed = 1; seed <= kSets; ++seed) sum += double(random_set(seed, n).count()) / n - 1;
    EXPECT_LT(std::abs(sum / kSets), 4 * 1.04 / 64 / std::sqrt(kSets)) << n;
  }
}

TEST(DistinctSet, DoesNotDependOnOrderOrGrouping) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> values(random.below(1200));
    for (auto& v : values) v = random.next();
    DistinctSet straight;
    for (const uint64_t v : values) straight.insert(v);
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(uint32_t(i))]);
    std::vector<DistinctSet> groups(1 + random.below(5));
    DistinctUnion together;
    size_t exact = 0;
    for (const uint64_t v : values) groups[random.below(uint32_t(groups.size()))].insert(v);
    DistinctSet merged;
    for (const auto& g : groups) merged.merge(g), exact += g.values().size();
    together.start(exact);
    for (const auto& g : groups) together.add(g);
    ASSERT_EQ(saved(merged), saved(straight));
    ASSERT_EQ(merged.approximate(), values.size() > 512);
    ASSERT_EQ(together.count(), straight.count());
    ASSERT_EQ(together.approximate(), straight.approximate());
  }
}

TEST(DistinctSet, MergesOverlappingSets) {
  DistinctSet a = random_set(1, 300), b = random_set(1, 400);
  a.merge(b);
  EXPECT_EQ(a.count(), 400);
  EXPECT_FALSE(a.approximate());
  b.merge(random_set(2, 200));
  EXPECT_TRUE(b.approximate());
  a.merge(b);
  EXPECT_EQ(saved(a), saved(b));
}

TEST(DistinctSet, ComesBackFromItsBytes) {
  for (const int n : {0, 1, 3, 4, 15, 16, 17, 511, 512, 513, 5'000}) {
    const DistinctSet set = random_set(3, n);
    const auto again = loaded(saved(set));
    ASSERT_TRUE(again) << n;
    EXPECT_EQ(saved(*again), saved(set));
    EXPECT_EQ(again->count(), set.count());
  }
}

TEST(DistinctSet, RefusesBytesThatItCannotHaveWritten) {
  for (const int n : {1, 5, 600}) {
    const std::string good = saved(random_set(4, n));
    for (size_t cut = 0; cut < good.size(); cut += 1 + good.size() / 100)
      EXPECT_FALSE(loaded(std::string_view(good).substr(0, cut))) << n << " cut at " << cut;
  }
  std::string swapped = saved(random_set(4, 2));
  std::swap_ranges(swapped.begin() + 1, swapped.begin() + 9, swapped.begin() + 9);
  EXPECT_FALSE(loaded(swapped));
  std::string full = saved(random_set(4, 600));
  full.back() = 54;
  EXPECT_EQ(loaded(full).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace pactolus
