#include "lake/delta/changes.h"

#include "lake/delta/table_fixture.h"

namespace pactolus::delta {
namespace {

class Changes : public TableTest {
 protected:
  static AddFile of_day(const std::string& name, const char* day) {
    AddFile out = file(name);
    out.partition_values["day"] = day;
    return out;
  }
  static RemoveFile removed(const AddFile& add, bool data_change) {
    return {add.path, 0, data_change, add.partition_values, add.size};
  }
  static Version commit(DeltaTable& table, std::vector<AddFile> adds, std::vector<RemoveFile> removes = {}) {
    static int n = 0;
    Transaction t;
    t.operation = "WRITE";
    t.adds = std::move(adds), t.removes = std::move(removes);
    t.commit_uuid = "commit-" + std::to_string(n++);
    return *table.commit(t);
  }
};

TEST_F(Changes, AreTheFilesThatCame) {
  DeltaTable table = create();
  const Version before = table.snapshot().version();
  commit(table, {file("a")});
  const Version last = commit(table, {file("b")});
  const TableChanges all = *changes_since(root_, before);
  EXPECT_EQ(all.version, last);
  ASSERT_EQ(all.added.size(), 2u);
  EXPECT_EQ(all.added[0].path, file("a").path);
  EXPECT_EQ(changes_since(root_, Version(last.value - 1))->added.size(), 1u);
  EXPECT_TRUE(changes_since(root_, last)->nothing());
}

TEST_F(Changes, OfMergedFilesAreNone) {
  DeltaTable table = create();
  const Version before = commit(table, {file("a")});
  commit(table, {file("b")});
  AddFile merged = file("ab");
  merged.data_change = false;
  commit(table, {merged}, {removed(file("a"), false), removed(file("b"), false)});
  const TableChanges changes = *changes_since(root_, before);
  ASSERT_EQ(changes.added.size(), 1u);
  EXPECT_EQ(changes.added[0].path, file("b").path);
  EXPECT_TRUE(changes.replaced.empty());
}

TEST_F(Changes, OfAPartitionThatWasReplacedAreThePartition) {
  DeltaTable table = create();
  const AddFile monday = of_day("a", "2026-03-02"), tuesday = of_day("b", "2026-03-03");
  const Version before = commit(table, {monday, tuesday});
  commit(table, {of_day("c", "2026-03-02"), of_day("d", "2026-03-03")});
  commit(table, {of_day("e", "2026-03-02")}, {removed(monday, true)});
  const TableChanges changes = *changes_since(root_, before);
  ASSERT_EQ(changes.replaced.size(), 1u);
  EXPECT_EQ(changes.replaced.begin()->find("day")->second, "2026-03-02");
  ASSERT_EQ(changes.added.size(), 1u);  // only of the other day
  EXPECT_EQ(changes.added[0].path, of_day("d", "2026-03-03").path);
}

TEST_F(Changes, AreEverythingWhenTheLogDoesNotTell) {
  DeltaTable table = create();
  for (const char* name : {"a", "b", "c"}) commit(table, {file(name)});
  EXPECT_TRUE(changes_since(root_, Version(-1))->everything);
  EXPECT_TRUE(changes_since(root_, Version(99))->everything);  // of another table that was here
  ASSERT_TRUE(table.checkpoint(0));
  fs::remove(commit_path(root_, Version(2)));
  EXPECT_TRUE(changes_since(root_, Version(1))->everything);
  EXPECT_EQ(changes_since(root_, Version(2))->added.size(), 1u);
  EXPECT_EQ(changes_since(root_ / "nothing", Version(1)).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace pactolus::delta
