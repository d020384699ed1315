#include "lake/delta/checkpoint.h"

#include "lake/delta/table_fixture.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus::delta {
namespace {

class CheckpointTest : public TableTest {
 protected:
  // Version 3, with something of everything.
  DeltaTable odd_table() {
    DeltaTable table = create();
    Transaction t = adding("a");
    t.adds[0].stats.clear();
    t.adds.push_back({"kind=add%20to%20cart%2F50%25/x é.parquet",
                      {{"day", std::nullopt}, {"kind", "add to cart/50%"}},
                      7,
                      8,
                      true,
                      R"({"numRecords":1,"minValues":{"id":"\"é"}})"});
    t.txns = {{"job/topic@1/0", 42, 0}, {"job/batch", 1, 99}};
    EXPECT_TRUE(table.commit(t));
    add(table, "b"), add(table, "c");
    Transaction remove = removing("b");
    remove.removes[0].size = 100;
    remove.removes[0].partition_values = file("b").partition_values;
    remove.removes.push_back(gone("c"));
    remove.removes[1].deletion_time_ms = 77;
    EXPECT_TRUE(table.commit(remove));
    return table;
  }
  void expect_same(const Snapshot& a, const Snapshot& b) {
    EXPECT_EQ(a.version(), b.version());
    EXPECT_EQ(a.timestamp_ms(), b.timestamp_ms());
    EXPECT_EQ(a.protocol(), b.protocol());
    EXPECT_EQ(a.metadata(), b.metadata());
    EXPECT_EQ(a.txns(), b.txns());
    auto files = b.files();  // a checkpoint keeps everything but dataChange
    for (auto& [path, f] : files) f.data_change = a.files().contains(path) && a.files().at(path).data_change;
    EXPECT_EQ(a.files(), files);
    auto tombstones = b.tombstones();
    for (auto& [path, r] : tombstones)
      r.data_change = a.tombstones().contains(path) && a.tombstones().at(path).data_change;
    EXPECT_EQ(a.tombstones(), tombstones);
  }
  void tear(Version version) {
    const fs::path path = checkpoint_path(root_, version);
    fs::resize_file(path, fs::file_size(path) / 2);
  }
};

TEST_F(CheckpointTest, HoldsTheWholeTable) {
  DeltaTable table = odd_table();
  const Snapshot from_commits = Snapshot::load(root_).value();
  ASSERT_TRUE(table.checkpoint(0));
  for (int64_t v = 0; v < 4; ++v) fs::remove(commit_path(root_, Version(v)));
  const auto loaded = Snapshot::load(root_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->checkpoint_version(), Version(4));
  expect_same(*loaded, from_commits);
  EXPECT_EQ(list_folder(log_folder(root_))->size(), 3u);  // commit 4, checkpoint, hint: nothing temporary is left
}

TEST_F(CheckpointTest, LeavesOutOldTombstones) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(78));
  EXPECT_EQ(Snapshot::load(root_)->tombstones().size(), 1u);
  EXPECT_EQ(table.snapshot().tombstones().size(), 1u);
}

TEST_F(CheckpointTest, LaterCommitsAreReadOnTopOfIt) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(0));
  add(table, "d");
  write(commit_path(root_, Version(0)).filename(), "broken");  // so that commits before it would fail
  EXPECT_EQ(names(), "a d x é.parquet");
}

TEST_F(CheckpointTest, WrittenTwiceIsHarmless) {
  DeltaTable table = odd_table();
  DeltaTable other = open();
  ASSERT_TRUE(table.checkpoint(0));
  ASSERT_TRUE(other.checkpoint(0));
  expect_same(Snapshot::load(root_).value(), table.snapshot());
}

TEST_F(CheckpointTest, OfAnOlderVersion) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(Version(2), 0));
  EXPECT_EQ(names(Snapshot::load(root_, Version(2)).value()), "a b x é.parquet");
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(2));
}

TEST_F(CheckpointTest, ATornOneFallsBackToTheCommits) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(0));
  tear(Version(4));
  const Snapshot loaded = Snapshot::load(root_).value();
  expect_same(loaded, table.snapshot());
  EXPECT_EQ(loaded.checkpoint_version(), Version(-1));
  EXPECT_TRUE(loaded.damaged_checkpoint());
}

TEST_F(CheckpointTest, ATornOneFallsBackToAnOlderOne) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(Version(2), 0));
  ASSERT_TRUE(table.checkpoint(0));
  fs::remove(commit_path(root_, Version(0)));
  tear(Version(4));
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(2));
  expect_same(Snapshot::load(root_).value(), table.snapshot());
}

TEST_F(CheckpointTest, ATornOneThatIsNeededIsAnError) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(0));
  ASSERT_TRUE(clean_log(root_, Version(4)));
  tear(Version(4));
  EXPECT_FALSE(Snapshot::load(root_));
}

TEST_F(CheckpointTest, TheHintIsNeverTrusted) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(0));
  for (const char* hint : {"", "{\"vers", "{\"version\":3,\"size\":1}", "{\"version\":99}"}) {
    write("_last_checkpoint", hint);
    EXPECT_EQ(Snapshot::load(root_)->version(), Version(4)) << hint;
  }
  fs::remove(log_folder(root_) / "_last_checkpoint");
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(4));
}

TEST_F(CheckpointTest, InPartsCountsWhenAllPartsAreThere) {
  DeltaTable table = odd_table();
  ASSERT_TRUE(table.checkpoint(0));
  const fs::path whole = checkpoint_path(root_, Version(4));
  const auto part = [&](int i) {
    return log_folder(root_) /
           ("00000000000000000004.checkpoint.000000000" + std::to_string(i) + ".0000000002.parquet");
  };
  fs::rename(whole, part(1));
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(-1));
  fs::copy_file(part(1), part(2));
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(4));
  expect_same(Snapshot::load(root_).value(), table.snapshot());
}

TEST_F(CheckpointTest, AForeignParquetFileIsNoCheckpoint) {
  DeltaTable table = odd_table();
  FixedColumn<int64_t> numbers;
  numbers.append(1);
  std::vector<ColumnData> columns;
  columns.push_back(numbers.finish("add", kFormatInt64));
  ASSERT_TRUE(write_parquet(checkpoint_path(root_, Version(3)), ColumnBatch(1, std::move(columns))));
  EXPECT_EQ(Snapshot::load(root_)->checkpoint_version(), Version(-1));
  expect_same(Snapshot::load(root_).value(), table.snapshot());
}

TEST_F(CheckpointTest, CleaningKeepsWhatAKeptVersionNeeds) {
  DeltaTable table = create();
  for (const char* name : {"1", "2", "3", "4", "5", "6"}) {
    add(table, name);
    if (*name == '2' || *name == '4') {
      ASSERT_TRUE(table.checkpoint(0));
    }
  }
  write(".00000000000000000001.json.77.tmp", "left by a writer that died");
  EXPECT_EQ(clean_log(root_, Version(1))->files, 0);
  const auto cleaned = *clean_log(root_, Version(5));
  EXPECT_EQ(cleaned.oldest, Version(4));
  EXPECT_EQ(cleaned.files, 6);  // commits 0 to 3, checkpoint 2, the temporary file
  for (int64_t v = 4; v <= 6; ++v) EXPECT_EQ(Snapshot::load(root_, Version(v))->files().size(), size_t(v));
  EXPECT_EQ(code_of(Snapshot::load(root_, Version(3))), ErrorCode::not_found);
  EXPECT_EQ(Snapshot::load(root_, Version(4))->timestamp_ms(), 1'004);
  EXPECT_EQ(clean_log(root_, Version(5))->files, 0);
}

TEST_F(CheckpointTest, CleaningDoesNotTrustATornCheckpoint) {
  DeltaTable table = create();
  add(table, "1");
  ASSERT_TRUE(table.checkpoint(0));
  tear(Version(1));
  EXPECT_EQ(clean_log(root_, Version(1))->files, 0);
  EXPECT_EQ(names(), "1");
}

}  // namespace
}  // namespace pactolus::delta
