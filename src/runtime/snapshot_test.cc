#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/clock.h"
#include "runtime/snapshots.h"

namespace pactolus {
namespace {

using Entry = DedupeIndex::Entry;

StateSnapshot sample(int64_t batch) {
  return {"main", "table-id", batch, batch + 3, "uuid-" + std::to_string(batch), 1000, {}, std::string("in\0terest", 9), "view 1", "alerts!", "rule 1"};
}

class SnapshotsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pactolus_snapshot_XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(root_); }
  struct Loaded {
    std::optional<StateSnapshot> snapshot;
    std::multiset<uint64_t> ids;
    std::vector<std::string> said;
  };
  Loaded load(Snapshots& snapshots, int64_t first_bucket = INT64_MIN) {
    Loaded out;
    auto loaded = snapshots.load([&](const StateSnapshot& s) -> Result<> {
      if (refused_.contains(s.batch)) return fail(ErrorCode::invalid, "not in the log");
      return {};
    }, [&](const StateSnapshot&) { return first_bucket; },
        [&](const Entry& e) { out.ids.insert(e.fingerprint); }, [&](const std::string& s) { out.said.push_back(s); });
    EXPECT_TRUE(loaded) << loaded.error().message;
    out.snapshot = *loaded;
    return out;
  }
  static std::vector<Entry> ids(uint64_t first, uint64_t count, int64_t bucket = 0) {
    std::vector<Entry> out;
    for (uint64_t i = first; i < first + count; ++i) out.push_back({i, bucket, uint8_t(i)});
    return out;
  }
  fs::path root_;
  std::set<int64_t> refused_;
};

TEST(SnapshotFile, ComesBackAsItWentAndNoBitMayChange) {
  StateSnapshot s = sample(7);
  s.runs = {{"a.ids", 5, 99}};
  const std::string bytes = encode_snapshot(s);
  auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->interest, s.interest);
  EXPECT_EQ(back->alerts_fingerprint, "rule 1");
  EXPECT_EQ(back->runs[0].newest_bucket, 99);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = char(damaged[i] ^ 1);
    EXPECT_FALSE(decode_snapshot(damaged)) << "byte " << i;
  }
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_snapshot(std::string_view(bytes).substr(0, n))) << n;
  EXPECT_FALSE(decode_snapshot(bytes + "x"));
}

TEST(SnapshotFile, RunsKeepIdsByBucket) {
  std::vector<Entry> ids{{1, 20, 3}, {2, 10, 4}, {UINT64_MAX, 20, 5}};
  const std::string bytes = encode_run(ids);
  std::vector<Entry> back;
  ASSERT_TRUE(decode_run(bytes, 3, INT64_MIN, back));
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(back[0].fingerprint, 2u);
  EXPECT_EQ(back[2].fingerprint, UINT64_MAX);
  EXPECT_EQ(back[2].content, 5);
  back.clear();
  ASSERT_TRUE(decode_run(bytes, 3, 11, back));
  EXPECT_EQ(back.size(), 2u);
  EXPECT_FALSE(decode_run(bytes, 4, INT64_MIN, back)) << "an id is missing";
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = char(damaged[i] ^ 0x40);
    back.clear();
    EXPECT_FALSE(decode_run(damaged, 3, INT64_MIN, back)) << "byte " << i;
  }
}

TEST_F(SnapshotsTest, RunsAreFewAndHoldEverything) {
  Snapshots snapshots(root_);
  uint64_t next = 1;
  std::set<uint64_t> all;
  for (int64_t batch = 1; batch <= 100; ++batch) {
    const uint64_t n = 1 + (uint64_t(batch) * 7919) % 50;
    for (uint64_t i = next; i < next + n; ++i) all.insert(i);
    ASSERT_TRUE(snapshots.save(sample(batch), ids(next, n), INT64_MIN));
    next += n;
    size_t files = 0;
    const auto names = list_folder(root_);
    for (const std::string& name : *names) files += name.ends_with(".ids");
    ASSERT_LE(files, 24u);  // of two snapshots
  }
  Snapshots fresh(root_);
  const Loaded loaded = load(fresh);
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_EQ(loaded.snapshot->batch, 100);
  EXPECT_EQ(std::set<uint64_t>(loaded.ids.begin(), loaded.ids.end()), all);
  EXPECT_EQ(loaded.ids.size(), all.size()) << "no id twice";
  EXPECT_LE(loaded.snapshot->runs.size(), 12u);
  ASSERT_TRUE(fresh.save(sample(101), ids(next, 5), INT64_MIN));  // goes on where it was loaded
  Snapshots again(root_);
  EXPECT_EQ(load(again).ids.size(), all.size() + 5);
}

TEST_F(SnapshotsTest, ATornOrForeignOneIsPassedOver) {
  Snapshots snapshots(root_);
  ASSERT_TRUE(snapshots.save(sample(1), ids(1, 10), INT64_MIN));
  ASSERT_TRUE(snapshots.save(sample(2), ids(11, 1), INT64_MIN));
  const fs::path newest = root_ / "00000000000000000002.state";
  const std::string bytes = *read_file(newest);
  ASSERT_TRUE(replace_file(newest, bytes.substr(0, bytes.size() / 2)));
  Snapshots fresh(root_);
  Loaded loaded = load(fresh);
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_EQ(loaded.snapshot->batch, 1);
  EXPECT_EQ(loaded.ids.size(), 10u);
  EXPECT_EQ(loaded.said.size(), 1u);
  refused_ = {1};
  EXPECT_FALSE(load(fresh).snapshot);
  ASSERT_TRUE(fresh.save(sample(3), ids(50, 2), INT64_MIN));
  EXPECT_TRUE(list_folder(root_)->size() >= 2u);
  EXPECT_FALSE(fs::exists(newest)) << "the damaged one is gone";
}

TEST_F(SnapshotsTest, ForgottenBucketsFallOut) {
  Snapshots snapshots(root_);
  ASSERT_TRUE(snapshots.save(sample(1), ids(1, 10, 100), INT64_MIN));
  ASSERT_TRUE(snapshots.save(sample(2), ids(11, 3, 200), INT64_MIN));
  ASSERT_TRUE(snapshots.save(sample(3), ids(14, 1, 300), 150));
  Snapshots fresh(root_);
  const Loaded loaded = load(fresh, 150);
  EXPECT_EQ(loaded.ids, (std::multiset<uint64_t>{11, 12, 13, 14}));
  for (const IdRun& r : loaded.snapshot->runs) EXPECT_GE(r.newest_bucket, 150);
}

}  // namespace
}  // namespace pactolus
