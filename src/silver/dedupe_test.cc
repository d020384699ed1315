#include "silver/dedupe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/hash.h"

namespace pactolus {
namespace {

constexpr int64_t kHorizon = 24 * kMicrosPerHour;

TEST(FingerprintTable, FindsWhatWasPutIn) {
  FingerprintTable t;
  Random random(1);
  std::vector<uint64_t> keys{0, 2, UINT64_MAX, uint64_t(1) << 56};
  for (int i = 0; i < 200'000; ++i) keys.push_back(random.next());
  const auto all = [](uint8_t) { return true; };
  for (size_t i = 0; i < keys.size(); ++i) t.insert(keys[i], uint8_t(i), uint8_t(i % 7), all);
  for (size_t i = 0; i < keys.size(); ++i) {
    const int64_t slot = t.find(keys[i]);
    ASSERT_NE(slot, FingerprintTable::kAbsent) << i;
    ASSERT_EQ(t.content_at(slot), uint8_t(i));
    ASSERT_EQ(t.tag_at(slot), i % 7);
  }
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(t.find(random.next()), FingerprintTable::kAbsent);
  t.rebuild([](uint8_t tag) { return tag == 3; });
  EXPECT_EQ(t.size(), keys.size() / 7);
  std::map<uint64_t, uint8_t> kept;  // content by key
  for (size_t i = 0; i < keys.size(); ++i) {
    const int64_t slot = t.find(keys[i]);
    ASSERT_EQ(slot != FingerprintTable::kAbsent, i % 7 == 3) << i;
    if (i % 7 == 3) kept[keys[i]] = uint8_t(i);
  }
  std::map<uint64_t, uint8_t> visited;
  t.for_each([&](const FingerprintTable::Entry& e) {
    EXPECT_EQ(e.tag, 3);
    visited[e.fingerprint] = e.content;
  });
  EXPECT_EQ(visited, kept);
}

TEST(FragmentGroup, TellsWhatItsBytesAre) {
  Random random(4);
  for (int n = 0; n < 200'000; ++n) {
    uint8_t bytes[FragmentGroup::kSlots];
    // 0, 1, 2 and the asked-for byte's neighbours beside each other: where a borrow would go wrong.
    const auto asked = uint8_t(1 + random.below(255));
    const uint8_t some[] = {0, 1, 2, asked, uint8_t(asked ^ 1), uint8_t(asked + 1), 0x80, uint8_t(random.next())};
    for (uint8_t& b : bytes) b = some[random.below(std::size(some))];
    const FragmentGroup group(bytes);
    const auto places = [](FragmentGroup::Places of) {
      std::vector<size_t> out;
      for (; of; of.next()) out.push_back(of.place());
      return out;
    };
    std::vector<size_t> fitting, free;
    for (size_t i = 0; i < FragmentGroup::kSlots; ++i) {
      if (bytes[i] == asked) fitting.push_back(i);
      if (bytes[i] == 0) free.push_back(i);
    }
    ASSERT_EQ(places(group.matching(asked)), fitting);
    ASSERT_EQ(places(group.free()), free);
  }
}

TEST(FingerprintTable, KeysThatDifferInTheirFragmentAloneAreTwo) {
  const auto all = [](uint8_t) { return true; };
  for (uint64_t n = 0; n < 256; ++n) {
    FingerprintTable t(1);  // the key is the fingerprint
    const uint64_t key = uint64_t(5) << 55 | n;
    for (uint64_t other = 0; other < 256; ++other)
      if (other != n) t.insert(uint64_t(5) << 55 | other, 0, 0, all);
    ASSERT_EQ(t.find(key), FingerprintTable::kAbsent) << n;
    t.insert(key, 1, 2, all);
    ASSERT_EQ(t.content_at(t.find(key)), 1);
  }
}

void add_row(EventBatch& batch, uint64_t fingerprint) {
  batch.fingerprint.push_back(fingerprint);
  batch.source.push_back(0), batch.offset.push_back(int64_t(batch.offset.size()));
  batch.user_id.codes.push_back(batch.users.code("u")), batch.product_id.codes.push_back(-1);
  batch.event_type.push_back(0), batch.price.push_back(0), batch.quantity.push_back(1), batch.event_time.push_back(0);
}

// A free slot still holds the number of the row that was there: judged anew, a row must not meet itself.
TEST(OpenBatchDedupe, WhatIsJudgedAnewIsAsNewAsBefore) {
  DedupeIndex index(kHorizon);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    EventBatch batch;
    Random random(seed);
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < 40'000; ++i) add_row(batch, random.next()), rows.push_back(i);
    OpenBatchDedupe open;
    std::vector<Seen> fates;
    open.check(batch, 0, batch.rows(), index, fates);
    for (int again = 0; again < 3; ++again) {
      std::ranges::reverse(rows);
      open.check_in_order(batch, rows, index, fates);
    }
    ASSERT_EQ(std::ranges::count(fates, Seen::no), int64_t(fates.size())) << seed;
  }
}

TEST(OpenBatchDedupe, FindsEveryCopyWhateverItsSize) {
  EventBatch batch;
  Random random(5);
  DedupeIndex index(kHorizon);
  OpenBatchDedupe open;
  for (int round = 0; round < 2; ++round) {  // the second in memory that was used before
    batch.clear(), open.clear();
    for (int i = 0; i < 100'000; ++i) add_row(batch, random.next());
    for (size_t i = 0; i < 100'000; ++i) add_row(batch, batch.fingerprint[i]);
    std::vector<Seen> fates;
    for (size_t first = 0; first < batch.rows(); first += 1000) open.check(batch, first, first + 1000, index, fates);
    EXPECT_EQ(std::ranges::count(fates, Seen::no), 100'000);
    EXPECT_EQ(std::find(fates.begin(), fates.end(), Seen::same) - fates.begin(), 100'000);
    EXPECT_EQ(std::ranges::count(fates, Seen::same), 100'000);
    EXPECT_FALSE(open.inverted());
  }
}

TEST(FingerprintTable, ChosenFingerprintsDoNotCrowd) {
  // As somebody could choose them who can compute the hash: all in what would be one segment, and near each other.
  FingerprintTable t(0x5851F42D4C957F2D);
  Random random(3);
  constexpr size_t kKeys = 1'500'000;
  for (size_t n = 0; n < kKeys; ++n)
    t.insert(uint64_t(7) << 56 | (random.next() & 0xff'ffff'ffff), 0, 0, [](uint8_t) { return true; });
  EXPECT_LE(double(t.memory_bytes()) / double(kKeys), 14.0);
}

TEST(FingerprintTable, AKeyCostsAtMostFourteenBytesWhenThereAreMany) {
  FingerprintTable t(0x9E3779B97F4A7C15);
  Random random(2);
  for (size_t n = 1; n <= 6'000'000; ++n) {
    t.insert(random.next(), 0, 0, [](uint8_t) { return true; });
    if (n >= 3'000'000 && n % 1000 == 0) {
      ASSERT_LE(double(t.memory_bytes()) / double(n), 14.0) << n;
    }
  }
}

// The plain twin: a map of everything, with the rule of design.md section 4 read literally.
class Twin {
 public:
  bool seen(uint64_t id) const {
    const auto f = times_.find(id);
    return f != times_.end() && !ended(f->second);
  }
  void insert(uint64_t id, int64_t time) {
    if (!ended(time)) times_[id] = seen(id) ? std::max(times_[id], time) : time;
  }
  void advance(int64_t watermark) { bound_ = std::max(bound_, watermark - kHorizon); }
  size_t size() const {
    size_t n = 0;
    for (const auto& [id, t] : times_) n += !ended(t);
    return n;
  }

 private:
  bool ended(int64_t time) const { return floor_to(time, kHorizon / 4) + kHorizon / 4 <= bound_; }
  std::map<uint64_t, int64_t> times_;
  int64_t bound_ = INT64_MIN / 2;
};

TEST(DedupeIndex, EqualsItsPlainTwin) {
  for (const int64_t spread : {2 * kMicrosPerHour, 3000 * kMicrosPerHour, 9000 * kMicrosPerHour}) {
    DedupeIndex index(kHorizon);
    Twin twin;
    Random random{uint64_t(spread)};
    int64_t now = 1'700'000'000'000'000;
    for (int step = 0; step < 60'000; ++step) {
      const uint64_t id = (random.below(8000) + 1) * 0x9E3779B97F4A7C15ull;  // ids come again and again
      const int64_t time = now - kMicrosPerHour + int64_t(random.unit() * double(spread));
      ASSERT_EQ(index.lookup(id, 0) != Seen::no, twin.seen(id)) << "step " << step;
      index.insert(id, 0, time);
      twin.insert(id, time);
      if (random.below(200) == 0) {
        now += int64_t(random.unit() * 4 * double(kMicrosPerHour));
        index.advance(now);
        twin.advance(now);
      }
    }
    EXPECT_EQ(index.size(), twin.size());
    size_t visited = 0;
    index.for_each([&](const DedupeIndex::Entry& e) {
      visited += twin.seen(e.fingerprint);
      EXPECT_GE(e.bucket_start, index.oldest_time());
    });
    EXPECT_EQ(visited, twin.size());
  }
}

TEST(DedupeIndex, RemembersUntilTheBucketEnds) {
  DedupeIndex index(kHorizon);
  const int64_t noon = floor_to(1'700'000'000'000'000, kMicrosPerDay) + 12 * kMicrosPerHour;
  index.insert(7, 1, noon);  // bucket 12:00 to 18:00
  EXPECT_EQ(index.lookup(7, 1), Seen::same);
  EXPECT_EQ(index.lookup(7, 2), Seen::conflicting);
  index.advance(noon + 6 * kMicrosPerHour + kHorizon - 1);
  EXPECT_EQ(index.lookup(7, 1), Seen::same);
  index.advance(noon + 6 * kMicrosPerHour + kHorizon);
  EXPECT_EQ(index.lookup(7, 1), Seen::no);
  index.insert(7, 1, noon);  // too old to be taken
  EXPECT_EQ(index.size(), 0u);
  index.advance(kNoTime);
  index.advance(noon);  // a watermark never falls
  EXPECT_EQ(index.oldest_time(), noon + 6 * kMicrosPerHour);
}

TEST(DedupeIndex, MemoryFollowsTheHorizon) {
  DedupeIndex index(kHorizon);
  Random random(3);
  int64_t now = 1'700'000'000'000'000;
  size_t most = 0;
  for (int day = 0; day < 10; ++day)
    for (int hour = 0; hour < 24; ++hour, now += kMicrosPerHour) {
      for (int i = 0; i < 4000; ++i) index.insert(random.next(), 0, now + i);
      index.advance(now);
      most = std::max(most, index.memory_bytes());
      EXPECT_LE(index.size(), size_t(31 * 4000));
    }
  EXPECT_LT(most, size_t(2 * 31 * 4000 * 14));
}

EventBatch batch_of(const std::vector<std::tuple<int, int, std::string, std::string>>& rows) {
  EventBatch b;
  for (const auto& [source, offset, id, user] : rows) {
    b.event_id.append(id);
    b.fingerprint.push_back(hash64(id));
    b.user_id.codes.push_back(b.users.code(user));
    b.product_id.codes.push_back(-1);
    b.event_type.push_back(0);
    b.event_time.push_back(1000);
    b.price.push_back(kNoMoney);
    b.quantity.push_back(1);
    b.source.push_back(uint16_t(source));
    b.offset.push_back(offset);
  }
  return b;
}

TEST(OpenBatchDedupe, TheFirstInOrderOfSourceAndOffsetWins) {
  const EventBatch b =
      batch_of({{1, 5, "a", "u"}, {0, 9, "a", "u"}, {1, 6, "b", "u"}, {1, 7, "b", "other"}, {0, 10, "c", "u"}});
  DedupeIndex index(kHorizon);
  OpenBatchDedupe open;
  std::vector<Seen> fates;
  open.check(b, 0, 2, index, fates);
  open.check(b, 2, 5, index, fates);
  EXPECT_EQ(fates, (std::vector<Seen>{Seen::no, Seen::same, Seen::no, Seen::conflicting, Seen::no}));
  ASSERT_TRUE(open.inverted());  // row 1 comes before row 0
  fates.clear();
  const std::vector<uint32_t> order{1, 4, 0, 2, 3};
  open.check_in_order(b, order, index, fates);
  EXPECT_EQ(fates, (std::vector<Seen>{Seen::no, Seen::no, Seen::same, Seen::no, Seen::conflicting}));
  EXPECT_FALSE(open.inverted());
}

TEST(OpenBatchDedupe, KnowsWhatWasCommitted) {
  const EventBatch b = batch_of({{0, 1, "a", "u"}, {0, 2, "b", "u"}});
  DedupeIndex index(kHorizon);
  index.insert(hash64("a"), content_byte(b, 0), 1000);
  index.insert(hash64("b"), uint8_t(content_byte(b, 1) + 1), 1000);
  OpenBatchDedupe open;
  std::vector<Seen> fates;
  open.check(b, 0, 2, index, fates);
  EXPECT_EQ(fates, (std::vector<Seen>{Seen::same, Seen::conflicting}));
}

}  // namespace
}  // namespace pactolus
