#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <span>

#include "base/clock.h"
#include "base/test_folder.h"
#include "runtime/snapshots.h"

namespace pactolus {
namespace {

using Entry = DedupeIndex::Entry;

StateSnapshot sample(int64_t batch) {
  return {.job = "main",
          .table_id = "table-id",
          .batch = batch,
          .silver_version = batch + 3,
          .commit_uuid = "uuid-" + std::to_string(batch),
          .horizon_us = 1000,
          .runs = {},
          .views = {{"interest", std::string("in\0terest", 9)}, {"other", "state"}},
          .evidence = "evidence!"};
}

class SnapshotsTest : public InAFolder {
 protected:
  struct Loaded {
    std::optional<StateSnapshot> snapshot;
    std::set<uint64_t> ids;
    std::vector<std::string> said;
  };
  Loaded load(Snapshots& snapshots, int64_t watermark = kNoTime) {
    Loaded out;
    DedupeIndex index(kHorizon);
    index.advance(watermark);
    auto loaded = snapshots.load(
        [&](const StateSnapshot& s) -> Result<> {
          if (refused_.contains(s.batch)) return fail(ErrorCode::invalid, "not in the log");
          return {};
        },
        index, [&](const std::string& s) { out.said.push_back(s); });
    EXPECT_TRUE(loaded) << loaded.error().message;
    out.snapshot = *loaded;
    index.for_each([&](const Entry& e) { EXPECT_TRUE(out.ids.insert(e.fingerprint).second); });
    return out;
  }
  // Remembers ids of a bucket as a job does, and notes them.
  void add(Snapshots& snapshots, uint64_t first, uint64_t count, int64_t time = 0) {
    for (uint64_t i = first; i < first + count; ++i) {
      index_.insert(i, uint8_t(i), time);
      snapshots.note({i, time, uint8_t(i)});
    }
  }
  std::vector<std::string> names() const { return list_folder(root_).value(); }
  size_t files(std::string_view suffix) const {
    const auto all = names();
    return size_t(
        std::count_if(all.begin(), all.end(), [&](const std::string& name) { return name.ends_with(suffix); }));
  }
  static constexpr int64_t kHorizon = 400;  // buckets of 100
  DedupeIndex index_{kHorizon};
  std::set<int64_t> refused_;
};

TEST(SnapshotFile, ComesBackAsItWentAndNoBitMayChange) {
  StateSnapshot s = sample(7);
  s.runs = {{"a.ids", 5, 99}};
  const std::string bytes = encode_snapshot(s);
  auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->views.size(), 2u);
  EXPECT_EQ(back->views[1].name, s.views[1].name);
  EXPECT_EQ(back->views[1].state, s.views[1].state);
  EXPECT_EQ(back->evidence, "evidence!");
  EXPECT_EQ(back->runs[0].newest_bucket, 99);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = char(damaged[i] ^ 1);
    EXPECT_FALSE(decode_snapshot(damaged)) << "byte " << i;
  }
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_snapshot(std::string_view(bytes).substr(0, n))) << n;
  EXPECT_FALSE(decode_snapshot(bytes + "x"));
}

std::string written(const fs::path& path, std::span<const Entry> ids) {
  fs::remove(path);
  auto run = IdRunWriter::create(path);
  EXPECT_TRUE(run);
  for (const Entry& id : ids) EXPECT_TRUE(run->add(id));
  EXPECT_TRUE(run->finish());
  return *read_file(path);
}
Result<std::vector<Entry>> decoded(std::string_view bytes, int64_t ids) {
  std::vector<Entry> out;
  TRY(decode_id_run(bytes, ids, [&](const IdBlock& b) -> Result<> {
    for (size_t i = 0; i < b.size(); ++i) out.push_back({b.fingerprint(i), b.bucket_start, b.content(i)});
    return {};
  }));
  return out;
}

TEST_F(SnapshotsTest, ARunKeepsIdsByBucketAndNoBitMayChange) {
  const std::string bytes = written(root_ / "run", std::vector<Entry>{{1, 20, 3}, {2, 10, 4}, {UINT64_MAX, 20, 5}});
  const auto back = decoded(bytes, 3);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 3u);
  EXPECT_EQ((*back)[0].fingerprint, 2u);
  EXPECT_EQ((*back)[2].fingerprint, UINT64_MAX);
  EXPECT_EQ((*back)[2].content, 5);
  EXPECT_FALSE(decoded(bytes, 4)) << "an id is missing";
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = char(damaged[i] ^ 0x40);
    EXPECT_FALSE(decoded(damaged, 3)) << "byte " << i;
  }
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decoded(std::string_view(bytes).substr(0, n), 3)) << n;
}

TEST_F(SnapshotsTest, ARunOfManyBlocksIsReadAsItWasWritten) {
  std::vector<Entry> ids;
  for (uint64_t i = 0; i < 300'000; ++i) ids.push_back({i * 0x9E3779B97F4A7C15ull, int64_t(i % 3), uint8_t(i)});
  const std::string bytes = written(root_ / "run", ids);
  const int64_t n = int64_t(ids.size());
  std::vector<Entry> sorted = ids;
  const auto by_id = [](const Entry& a, const Entry& b) { return a.fingerprint < b.fingerprint; };
  std::sort(sorted.begin(), sorted.end(), by_id);
  std::vector<Entry> from_file;
  ASSERT_TRUE(read_id_run(root_ / "run", n, [&](const IdBlock& b) -> Result<> {
    for (size_t i = 0; i < b.size(); ++i) from_file.push_back({b.fingerprint(i), b.bucket_start, b.content(i)});
    return {};
  }));
  std::sort(from_file.begin(), from_file.end(), by_id);
  ASSERT_EQ(from_file.size(), sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i)
    ASSERT_TRUE(from_file[i].fingerprint == sorted[i].fingerprint &&
                from_file[i].bucket_start == sorted[i].bucket_start && from_file[i].content == sorted[i].content)
        << i;
  EXPECT_FALSE(decoded(std::string_view(bytes).substr(0, bytes.size() - 1), n));
  std::string damaged = bytes;
  damaged[bytes.size() - 5] ^= 1;
  EXPECT_FALSE(decoded(damaged, n));
}

TEST_F(SnapshotsTest, RunsAreFewAndHoldEverything) {
  Snapshots snapshots(root_);
  uint64_t next = 1;
  for (int64_t batch = 1; batch <= 100; ++batch) {
    const uint64_t n = 1 + (uint64_t(batch) * 7919) % 50;
    add(snapshots, next, n);
    ASSERT_TRUE(snapshots.save(sample(batch), index_));
    next += n;
    ASSERT_LE(files(".ids"), 24u);  // of two snapshots
  }
  Snapshots fresh(root_);
  const Loaded loaded = load(fresh);
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_EQ(loaded.snapshot->batch, 100);
  EXPECT_EQ(loaded.ids.size(), next - 1);
  EXPECT_EQ(*loaded.ids.rbegin(), next - 1);
  EXPECT_LE(loaded.snapshot->runs.size(), 12u);
  int64_t in_runs = 0;
  for (const IdRun& r : loaded.snapshot->runs) in_runs += r.ids;
  EXPECT_EQ(in_runs, int64_t(next - 1)) << "no id twice";
  add(fresh, next, 5);
  ASSERT_TRUE(fresh.save(sample(101), index_));  // goes on where it was loaded
  Snapshots again(root_);
  EXPECT_EQ(load(again).ids.size(), next - 1 + 5);
}

TEST_F(SnapshotsTest, WhatWasNotedByOneThatEndedIsNotUsed) {
  Snapshots snapshots(root_);
  add(snapshots, 1, 10);
  ASSERT_TRUE(snapshots.save(sample(1), index_));
  add(snapshots, 11, 100);  // and it is killed before the next snapshot
  EXPECT_EQ(snapshots.noted(), 100);
  Snapshots fresh(root_);
  EXPECT_EQ(load(fresh).ids.size(), 10u);
  EXPECT_EQ(files(".ids"), 1u) << "what the first one had begun is removed";
  add(fresh, 111, 1);
  ASSERT_TRUE(fresh.save(sample(2), index_));
  EXPECT_EQ(load(fresh).ids.size(), 11u);
}

TEST_F(SnapshotsTest, ASleeperLeavesItsSuccessorAlone) {
  Snapshots sleeper(root_);
  sleeper.set_epoch(1);
  add(sleeper, 1, 1000);
  ASSERT_TRUE(sleeper.save(sample(1), index_));
  sleeper.forget_base();  // it will write all ids anew, and name its first run no longer
  Snapshots successor(root_);
  successor.set_epoch(2);
  load(successor);
  add(successor, 1001, 10);
  ASSERT_TRUE(successor.save(sample(2), index_));
  add(successor, 1011, 1);
  ASSERT_TRUE(successor.save(sample(3), index_));  // both name the sleeper's run
  add(successor, 1012, 1);                         // the run after that is begun
  const auto before = names();
  ASSERT_TRUE(sleeper.save(sample(1), index_));  // it wakes in the middle of this
  for (const std::string& name : before)
    EXPECT_TRUE(name == "0000000001-00000000000000000001.state" || fs::exists(root_ / name)) << name;
  for (const int64_t newest : {3, 2}) {
    Snapshots fresh(root_);
    fresh.set_epoch(2);
    const Loaded loaded = load(fresh);
    EXPECT_EQ(loaded.snapshot->batch, newest);
    EXPECT_TRUE(loaded.said.size() <= 1u) << "but for the one that is refused below";
    EXPECT_EQ(loaded.ids.size(), newest == 3 ? 1011u : 1010u);
    refused_ = {3};
  }
}

TEST_F(SnapshotsTest, IdsAreCountedWithoutASnapshotToo) {
  Snapshots snapshots(root_);
  add(snapshots, 1, 10);
  EXPECT_EQ(snapshots.noted(), 10);
  ASSERT_TRUE(snapshots.save(sample(1), index_));
  EXPECT_EQ(snapshots.noted(), 0);
}

TEST_F(SnapshotsTest, AfterAnErrorTheNextOneTakesEverything) {
  Snapshots snapshots(root_);
  add(snapshots, 1, 1000);
  ASSERT_TRUE(snapshots.save(sample(1), index_));
  for (const std::string& name : names())
    if (name.ends_with(".ids")) fs::remove(root_ / name);  // the run that the next save would merge
  add(snapshots, 1001, 600);
  EXPECT_EQ(snapshots.noted(), 600);
  EXPECT_FALSE(snapshots.save(sample(2), index_));
  EXPECT_EQ(files(".ids"), 0u) << "what cannot be used takes no space";
  add(snapshots, 1601, 1);
  ASSERT_TRUE(snapshots.save(sample(3), index_));
  Snapshots fresh(root_);
  const Loaded loaded = load(fresh);
  EXPECT_EQ(loaded.snapshot->batch, 3);
  EXPECT_EQ(loaded.ids.size(), 1601u);
}

TEST_F(SnapshotsTest, ATornOrForeignOneIsPassedOver) {
  Snapshots snapshots(root_);
  add(snapshots, 1, 10);
  ASSERT_TRUE(snapshots.save(sample(1), index_));
  add(snapshots, 11, 1);
  ASSERT_TRUE(snapshots.save(sample(2), index_));
  const fs::path newest = root_ / "0000000000-00000000000000000002.state";
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
  add(fresh, 50, 2);
  ASSERT_TRUE(fresh.save(sample(3), index_));
  EXPECT_EQ(files(".state"), 2u);
  EXPECT_FALSE(fs::exists(newest)) << "the damaged one is gone";
}

TEST_F(SnapshotsTest, ForgottenBucketsFallOut) {
  Snapshots snapshots(root_);
  add(snapshots, 1, 10, 100);
  ASSERT_TRUE(snapshots.save(sample(1), index_));
  add(snapshots, 11, 3, 200);
  ASSERT_TRUE(snapshots.save(sample(2), index_));
  add(snapshots, 14, 1, 300);
  index_.advance(kHorizon + 200);  // the bucket at 100 ends there
  ASSERT_TRUE(snapshots.save(sample(3), index_));
  Snapshots fresh(root_);
  const Loaded loaded = load(fresh, kHorizon + 200);
  EXPECT_EQ(loaded.ids, (std::set<uint64_t>{11, 12, 13, 14}));
  for (const IdRun& r : loaded.snapshot->runs) EXPECT_GE(r.newest_bucket, 200);
}

}  // namespace
}  // namespace pactolus
