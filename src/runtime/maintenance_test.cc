#include "runtime/maintenance.h"

#include "lake/delta/log_files.h"
#include "runtime/ledger.h"
#include "runtime/runtime_test_lake.h"
#include "runtime/snapshot_file.h"

namespace pactolus {
namespace {

class MaintenanceTest : public RuntimeTest {
 protected:
  static constexpr MaintenanceRules kTiny{
      .checkpoint_commits = 3, .checkpoint_us = kMicrosPerMinute, .keep_us = kMicrosPerSecond, .keep_commits = 5};

  // `n` batches of one event each by one Job, which then stops.
  void batches(int n) {
    ASSERT_OK(open());
    for (int i = 0; i < n; ++i) {
      ++sent_;
      send({event("e" + std::to_string(sent_), sent_ * 2 - 1), "no event"});
      ASSERT_OK(commit());
      clock_.sleep_us(kMicrosPerSecond);
    }
    stop();
  }
  void care(MaintenanceRules rules) {
    Maintenance m(lake(), "main", clock_, Random(1000 + uint64_t(sent_)), rules);
    ASSERT_OK(m.open());
    auto silver = delta::DeltaTable::open(lake().silver()), quarantine = delta::DeltaTable::open(lake().quarantine()),
         interest = delta::DeltaTable::open(lake().gold(kProductInterest));
    delta::DeltaTable* const followers[] = {&*quarantine, &*interest};
    ASSERT_OK(m.after_commit(*silver, followers, version_of_newest_snapshot(), epoch()));
  }
  int64_t version_of_newest_snapshot() const {
    int64_t version = -1;
    const auto names = list_folder(lake().snapshots());
    for (const std::string& name : *names)
      if (name.ends_with(".state")) version = decode_snapshot(*read_file(lake().snapshots() / name))->silver_version;
    return version;
  }
  int64_t epoch() const { return *delta::Snapshot::load(lake().silver())->txn_version("main/epoch"); }

  std::vector<int64_t> folded() const {
    std::vector<int64_t> out;
    const auto table = delta::Snapshot::load(lake().ledger());
    for (const auto& [path, file] : table->files()) {
      const auto accounts = accounts_of(*read_parquet(lake().ledger() / path));
      for (const BatchAccount& a : *accounts) out.push_back(a.batch);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<int64_t> numbers(int64_t from, int64_t to) const {
    std::vector<int64_t> out;
    for (int64_t i = from; i <= to; ++i) out.push_back(i);
    return out;
  }
  int sent_ = 0;
};

TEST_F(MaintenanceTest, TheLogStaysShortAndEveryBatchIsToldOnce) {
  for (int round = 0; round < 10; ++round) {
    batches(5);
    care(kTiny);
  }
  const auto listing = delta::list_log(lake().silver());
  EXPECT_LE(listing->commits.size(), 25u) << "of 60 and more commits";
  ASSERT_FALSE(listing->checkpoints.empty());
  EXPECT_GT(listing->commits.front().value, 30);
  EXPECT_EQ(folded(), numbers(1, 50));
  EXPECT_LE(delta::list_log(lake().quarantine())->commits.size(), 15u);
}

TEST_F(MaintenanceTest, AJobGoesOnBehindACleanedLog) {
  for (int round = 0; round < 6; ++round) {
    batches(4);
    care(kTiny);
  }
  ASSERT_GT(delta::list_log(lake().silver())->commits.front().value, 0);
  // With its snapshot, and without: the copies of old and new events are known either way.
  for (const bool with_snapshot : {true, false}) {
    if (!with_snapshot) fs::remove_all(lake().snapshots());
    ASSERT_OK(open());
    EXPECT_EQ(job_->view().batch, with_snapshot ? 24 : 25);
    EXPECT_EQ(job_->view().remembered_ids, 24u);
    send({event("e1", 1), event("e24", 47)});
    ASSERT_OK(commit());
    EXPECT_EQ(job_->view().totals.duplicates, 2);
    clock_.sleep_us(kMicrosPerSecond);
    stop();
  }
  EXPECT_EQ(folded(), numbers(1, 26));
  EXPECT_EQ(delta::Snapshot::load(lake().silver())->rows(), 24);
}

TEST_F(MaintenanceTest, FoldsExactlyOnce) {
  batches(3);
  Maintenance m(lake(), "main", clock_, Random(5), kTiny);
  ASSERT_OK(m.open());
  const auto silver = delta::DeltaTable::open(lake().silver()),
             quarantine = delta::DeltaTable::open(lake().quarantine());
  const auto before = delta::Snapshot::load(lake().ledger())->version();
  ASSERT_OK(m.fold(*silver, *quarantine, epoch()));
  EXPECT_EQ(delta::Snapshot::load(lake().ledger())->version(), before) << "the Job has folded when it stopped";
  EXPECT_EQ(folded(), numbers(1, 3));
}

TEST_F(MaintenanceTest, CleansNothingThatRecoveryNeeds) {
  batches(12);
  Maintenance m(lake(), "main", clock_, Random(5), kTiny);
  ASSERT_OK(m.open());
  auto silver = delta::DeltaTable::open(lake().silver()), quarantine = delta::DeltaTable::open(lake().quarantine()),
       interest = delta::DeltaTable::open(lake().gold(kProductInterest));
  delta::DeltaTable* const followers[] = {&*quarantine, &*interest};
  ASSERT_OK(m.after_commit(*silver, followers, -1, epoch()));  // no snapshot
  EXPECT_EQ(delta::list_log(lake().silver())->commits.front().value, 0);
  EXPECT_FALSE(delta::list_log(lake().silver())->checkpoints.empty());
  ASSERT_OK(m.after_commit(*silver, followers, 4, epoch()));
  EXPECT_EQ(delta::list_log(lake().silver())->commits.front().value, 0) << "there is no checkpoint at or below 4";
}

TEST_F(MaintenanceTest, DoesNothingBeforeItIsDue) {
  batches(2);
  care({.checkpoint_commits = 100});
  EXPECT_TRUE(delta::list_log(lake().silver())->checkpoints.empty());
}

}  // namespace
}  // namespace pactolus
