#include "lake/delta/snapshot.h"

#include "lake/delta/table_fixture.h"

namespace pactolus::delta {
namespace {

class SnapshotTest : public TableTest {
 protected:
  std::string line(std::string_view action) { return std::string(action) + "\n"; }
  void write_commit(int64_t version, std::string_view text) {
    write(commit_path(root_, Version(version)).filename(), text);
  }
};

TEST_F(SnapshotTest, IsWhatAllCommitsAddUpTo) {
  DeltaTable table = create();
  add(table, "a"), add(table, "b");
  Transaction swap = removing("a");
  swap.adds = {file("c")};
  swap.txns = {{"job/batch", 3, 0}};
  ASSERT_TRUE(table.commit(swap));
  const Snapshot s = Snapshot::load(root_).value();
  EXPECT_EQ(names(s), "b c");
  EXPECT_EQ(s.version(), Version(3));
  EXPECT_EQ(s.tombstones().size(), 1u);
  EXPECT_EQ(s.txn_version("job/batch"), 3);
  EXPECT_EQ(s.txn_version("nobody"), std::nullopt);
  EXPECT_EQ(s.rows(), 20);
  EXPECT_EQ(s.bytes(), 200);
  EXPECT_EQ(s.metadata().partition_columns, schema().partition_columns);
}

TEST_F(SnapshotTest, AFileAddedAgainIsNoTombstone) {
  DeltaTable table = create();
  add(table, "a");
  ASSERT_TRUE(table.commit(removing("a")));
  Transaction again = adding("a");
  again.commit_uuid = "again";
  ASSERT_TRUE(table.commit(again));
  EXPECT_TRUE(Snapshot::load(root_)->tombstones().empty());
}

TEST_F(SnapshotTest, NoTableIsNotFound) {
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::not_found);
  write("_last_checkpoint", "{\"version\":3}");
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::not_found);
}

TEST_F(SnapshotTest, AGapIsCorrupt) {
  DeltaTable table = create();
  add(table, "a"), add(table, "b"), add(table, "c");
  fs::remove(commit_path(root_, Version(2)));
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::corrupt);
  EXPECT_EQ(names(Snapshot::load(root_, Version(1)).value()), "a");
  EXPECT_EQ(code_of(commits_since(root_, Version(0), [](CommitRecord&&) -> Result<> { return {}; })),
            ErrorCode::corrupt);
}

TEST_F(SnapshotTest, ATornCommitIsCorrupt) {
  DeltaTable table = create();
  add(table, "a");
  fs::resize_file(commit_path(root_, Version(1)), 200);
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::corrupt);
}

TEST_F(SnapshotTest, AFirstCommitWithoutTableIsCorrupt) {
  write_commit(0, line(R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})"));
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::corrupt);
}

TEST_F(SnapshotTest, LaterReaderVersionsAreUnsupported) {
  create();
  write_commit(1, line(R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})"));
  EXPECT_EQ(code_of(Snapshot::load(root_)), ErrorCode::unsupported);
}

TEST_F(SnapshotTest, LaterWriterVersionsAreReadOnly) {
  create();
  write_commit(1, line(R"({"protocol":{"minReaderVersion":1,"minWriterVersion":7}})"));
  EXPECT_TRUE(Snapshot::load(root_));
  EXPECT_EQ(code_of(DeltaTable::open(root_)), ErrorCode::unsupported);
}

TEST_F(SnapshotTest, StrayFilesInTheLogAreSkipped) {
  DeltaTable table = create();
  add(table, "a");
  for (const char* name : {"00000000000000000007.json.tmp", ".00000000000000000007.json.9.tmp", "_commit_lock",
                           "7.json", "00000000000000000007.crc"})
    write(name, "x");
  EXPECT_EQ(Snapshot::load(root_)->version(), Version(1));
}

TEST_F(SnapshotTest, TravelsToAVersionAndATime) {
  DeltaTable table = create();                      // at 1,000
  for (const int64_t at : {2'000, 1'500, 3'000}) {  // the second gets 2,001
    Transaction t = adding(std::to_string(at));
    t.time_ms = at;
    ASSERT_TRUE(table.commit(t));
  }
  EXPECT_EQ(names(Snapshot::load(root_, Version(1)).value()), "2000");
  EXPECT_EQ(code_of(Snapshot::load(root_, Version(4))), ErrorCode::not_found);
  EXPECT_EQ(code_of(Snapshot::load_at(root_, 999)), ErrorCode::not_found);
  EXPECT_EQ(Snapshot::load_at(root_, 1'000)->version(), Version(0));
  EXPECT_EQ(Snapshot::load_at(root_, 2'000)->version(), Version(1));
  EXPECT_EQ(Snapshot::load_at(root_, 2'001)->version(), Version(2));
  EXPECT_EQ(Snapshot::load_at(root_, 9'000)->version(), Version(3));
}

TEST_F(SnapshotTest, ForeignTimesThatFallCountAsMonotone) {
  create();
  write_commit(1, line(R"({"commitInfo":{"timestamp":500}})"));
  write_commit(2, line(R"({"add":{"path":"x","size":1}})"));
  EXPECT_EQ(*version_at(root_, 1'001), Version(1));
  EXPECT_EQ(*version_at(root_, 1'002), Version(2));
  EXPECT_EQ(Snapshot::load(root_)->timestamp_ms(), 1'002);
}

TEST_F(SnapshotTest, RefreshReadsOnlyWhatIsNew) {
  DeltaTable table = create();
  add(table, "a");
  Snapshot s = Snapshot::load(root_).value();
  EXPECT_TRUE(*s.refresh());
  add(table, "b"), add(table, "c");
  write_commit(0, "broken"), write_commit(1, "broken");
  std::vector<CommitRecord> since;
  EXPECT_TRUE(*s.refresh(&since));
  EXPECT_EQ(names(s), "a b c");
  ASSERT_EQ(since.size(), 2u);
  EXPECT_EQ(since[0].commit_uuid, "b");
  EXPECT_EQ(since[1].version, Version(3));
}

TEST_F(SnapshotTest, RefreshFindsTheTableThatWasCleanedPastIt) {
  DeltaTable table = create();
  add(table, "a");
  Snapshot s = Snapshot::load(root_).value();
  add(table, "b"), add(table, "c"), add(table, "d");
  ASSERT_TRUE(table.checkpoint(0));
  ASSERT_TRUE(clean_log(root_, table.snapshot().version()));
  EXPECT_FALSE(*s.refresh());
  EXPECT_EQ(names(s), "a b c d");
}

TEST_F(SnapshotTest, RefreshOfALogThatLostCommitsIsCorrupt) {
  DeltaTable table = create();
  add(table, "a"), add(table, "b");
  fs::remove(commit_path(root_, Version(2)));
  EXPECT_EQ(code_of(table.refresh()), ErrorCode::corrupt);
}

TEST_F(SnapshotTest, HistoryIsNewestFirst) {
  DeltaTable table = create();
  Transaction t = adding("a");
  t.operation_parameters = {{"mode", "Append"}};
  t.info = Json(Json::Object{{"batch", 1}});
  t.removes = {};
  ASSERT_TRUE(table.commit(t));
  add(table, "b");
  const auto records = *history(root_, 2);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].commit_uuid, "b");
  EXPECT_EQ(records[1].info["batch"].as_int(), 1);
  EXPECT_EQ(records[1].operation, "WRITE");
  EXPECT_EQ(records[1].adds, 1);
  EXPECT_TRUE(records[1].blind_append);
  EXPECT_EQ(history(root_)->size(), 3u);
}

TEST_F(SnapshotTest, CommitsComeInOrderOrNotAtAll) {
  DeltaTable table = create();
  add(table, "a"), add(table, "b"), add(table, "c");
  std::string seen;
  const auto visit = [&](CommitRecord&& r) -> Result<> {
    seen += r.commit_uuid;
    return {};
  };
  EXPECT_EQ(*commits_since(root_, Version(1), visit), Version(3));
  EXPECT_EQ(seen, "bc");
  EXPECT_EQ(*commits_since(root_, Version(3), visit), Version(3));
  ASSERT_TRUE(table.checkpoint(0));
  ASSERT_TRUE(clean_log(root_, Version(3)));
  EXPECT_EQ(code_of(commits_since(root_, Version(1), visit)), ErrorCode::not_found);
  EXPECT_EQ(*commits_since(root_, Version(2), visit), Version(3));
}

}  // namespace
}  // namespace pactolus::delta
