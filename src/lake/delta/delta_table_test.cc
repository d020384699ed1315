#include "lake/delta/delta_table.h"

#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "lake/delta/table_fixture.h"

namespace pactolus::delta {
namespace {

class DeltaTableTest : public TableTest {
 protected:
  // How often each commit UUID is in the log.
  std::map<std::string, int> uuids() {
    std::map<std::string, int> out;
    const auto records = *history(root_);
    for (const auto& record : records) ++out[record.commit_uuid];
    return out;
  }
};

TEST_F(DeltaTableTest, IsCreatedOnce) {
  create();
  EXPECT_EQ(code_of(DeltaTable::create(root_, new_table())), ErrorCode::conflict);
  DeltaTable table = *DeltaTable::open_or_create(root_, new_table());
  EXPECT_EQ(table.snapshot().metadata().id, new_table().id);
  EXPECT_EQ(*table.schema(), schema());
  EXPECT_EQ(code_of(DeltaTable::open(root_ / "elsewhere")), ErrorCode::not_found);
}

TEST_F(DeltaTableTest, IsNotCreatedOverACleanedLog) {
  DeltaTable table = create();
  add(table, "a");
  ASSERT_TRUE(table.checkpoint(0));
  ASSERT_TRUE(clean_log(root_, Version(1)));
  EXPECT_EQ(code_of(DeltaTable::create(root_, new_table())), ErrorCode::conflict);
}

TEST_F(DeltaTableTest, WidensItsSchemaByACommit) {
  DeltaTable table = create();
  EXPECT_FALSE(*table.metadata_for(schema()));
  TableSchema wider = schema();
  wider.fields.push_back({"extra", FieldType::string()});
  Transaction t = adding("a");
  t.metadata = *table.metadata_for(wider);
  ASSERT_TRUE(t.metadata);
  ASSERT_TRUE(table.commit(t));
  EXPECT_EQ(*open().schema(), wider);
  EXPECT_FALSE(*open().metadata_for(schema()));
}

TEST_F(DeltaTableTest, AnswersTheVersionAndSeesItsCommit) {
  DeltaTable table = create();
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
  EXPECT_EQ(names(table.snapshot()), "a");
  EXPECT_EQ(table.snapshot().timestamp_ms(), 1'001);  // the transaction said 0
}

TEST_F(DeltaTableTest, TheSecondWriterFollowsTheFirst) {
  DeltaTable one = create(), two = open();
  EXPECT_EQ(*one.commit(adding("a")), Version(1));
  EXPECT_EQ(*two.commit(adding("b")), Version(2));
  EXPECT_EQ(*one.commit(adding("c")), Version(3));
  EXPECT_EQ(names(one.snapshot()), "a b c");
}

TEST_F(DeltaTableTest, RefusesWhatDoesNotFitTheTable) {
  DeltaTable table = create();
  add(table, "a");
  Transaction t = adding("b");
  t.adds.push_back(t.adds[0]);
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::invalid);
  t = adding("b");
  t.adds[0].partition_values.erase("kind");
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::invalid);
  t = adding("b");
  t.adds[0].path = "../b";
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::unsupported);
  t = adding("b");
  t.commit_uuid.clear();
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::invalid);
  t = adding("a");
  t.commit_uuid = "twice";
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::conflict);
  EXPECT_EQ(code_of(table.commit(removing("z"))), ErrorCode::conflict);
  EXPECT_EQ(table.snapshot().version(), Version(1));
}

TEST_F(DeltaTableTest, ACommitThatCouldNotBeReadIsNotWritten) {
  DeltaTable table = create();
  Transaction t = adding("a");
  t.info = Json(Json::Object{{"topic", "\xFF\xFE"}});
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::invalid);
  EXPECT_TRUE(Snapshot::load(root_));
}

TEST_F(DeltaTableTest, AnAppendOnlyTableLosesNoRows) {
  NewTable n = new_table();
  n.configuration["delta.appendOnly"] = "true";
  DeltaTable table = *DeltaTable::create(root_, n);
  add(table, "a");
  Transaction t = removing("a");
  t.removes[0].data_change = true;
  EXPECT_EQ(code_of(table.commit(t)), ErrorCode::unsupported);
  EXPECT_TRUE(table.commit(removing("a")));
}

TEST_F(DeltaTableTest, TheCallerDecidesWhetherToFollow) {
  DeltaTable one = create(), two = open();
  Transaction takes_over = adding("a");
  takes_over.txns = {{"job/epoch", 2, 0}};
  ASSERT_TRUE(one.commit(takes_over));
  CommitPolicy policy;
  int asked = 0;
  policy.recheck = [&](const Snapshot& now, std::span<const CommitRecord> since) -> Result<> {
    ++asked;
    EXPECT_EQ(since.size(), 1u);
    if (now.txn_version("job/epoch").value_or(0) > 1) return fail(ErrorCode::fenced, "a higher epoch owns the job");
    return {};
  };
  EXPECT_EQ(code_of(two.commit(adding("b"), policy)), ErrorCode::fenced);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(names(), "a");
}

TEST_F(DeltaTableTest, AMovedTxnIsAConflictUnlessTheCallerDecides) {
  DeltaTable one = create(), two = open();
  Transaction a = adding("a"), b = adding("b"), other = adding("c");
  a.txns = {{"job/batch", 1, 0}};
  b.txns = {{"job/batch", 2, 0}};
  other.txns = {{"ingest/x", 1, 0}};
  ASSERT_TRUE(one.commit(a));
  EXPECT_TRUE(two.commit(other));
  ASSERT_TRUE(one.commit(b));
  EXPECT_EQ(code_of(two.commit([&] {
              Transaction t = adding("d");
              t.txns = {{"job/batch", 2, 0}};
              return t;
            }())),
            ErrorCode::conflict);
  CommitPolicy policy;
  policy.recheck = [](const Snapshot&, std::span<const CommitRecord>) -> Result<> { return {}; };
  ASSERT_TRUE(one.commit(adding("e")));
  EXPECT_TRUE(two.commit(
      [&] {
        Transaction t = adding("f");
        t.txns = {{"job/batch", 3, 0}};
        return t;
      }(),
      policy));
}

TEST_F(DeltaTableTest, ARemovedFileMustStillBeLiveAtEachRebase) {
  DeltaTable one = create();
  add(one, "a"), add(one, "b");
  DeltaTable two = open();
  ASSERT_TRUE(one.commit(removing("a")));
  Transaction compaction = removing("a");
  compaction.commit_uuid = "compaction";
  compaction.adds = {file("c")};
  EXPECT_EQ(code_of(two.commit(compaction)), ErrorCode::conflict);
  EXPECT_EQ(names(), "b");
}

TEST_F(DeltaTableTest, ChangedMetadataIsAConflict) {
  DeltaTable one = create(), two = open();
  TableSchema wider = schema();
  wider.fields.push_back({"extra", FieldType::string()});
  Transaction t = adding("a");
  t.metadata = *one.metadata_for(wider);
  ASSERT_TRUE(one.commit(t));
  EXPECT_EQ(code_of(two.commit(adding("b"))), ErrorCode::conflict);
  EXPECT_TRUE(two.commit(adding("b")));  // anew, with the metadata seen
}

TEST_F(DeltaTableTest, ThreadsCommitEachTransactionOnce) {
  create();
  constexpr int kThreads = 4, kCommits = 25;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([this, i] {
      DeltaTable table = open();
      for (int k = 0; k < kCommits; ++k) add(table, std::to_string(i) + "-" + std::to_string(k));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Snapshot::load(root_)->version(), Version(kThreads * kCommits));
  for (const auto& [uuid, times] : uuids()) EXPECT_EQ(times, 1) << uuid;
  EXPECT_EQ(Snapshot::load(root_)->files().size(), size_t(kThreads * kCommits));
}

TEST_F(DeltaTableTest, ProcessesCreateAndCommitEachTransactionOnce) {
  constexpr int kProcesses = 4, kCommits = 25;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto table = DeltaTable::open_or_create(root_, new_table());
    bool good = bool(table);
    for (int k = 0; good && k < kCommits; ++k)
      good = bool(table->commit(adding(std::to_string(i) + "-" + std::to_string(k))));
    ::_exit(good ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Snapshot::load(root_)->version(), Version(kProcesses * kCommits));
  EXPECT_EQ(uuids().size(), size_t(kProcesses * kCommits + 1));
  EXPECT_EQ(list_folder(log_folder(root_))->size(), size_t(kProcesses * kCommits + 1));  // no temporary file is left
}

// Failing fakes: the put of a disk that errs before or after the link.
std::unexpected<Error> disk_error() { return fail(ErrorCode::io, "cannot fsync folder: Input/output error"); }

TEST_F(DeltaTableTest, AnErrorAfterTheLinkIsSettledByReading) {
  create();
  DeltaOptions options;
  options.put = [](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    EXPECT_TRUE(put_if_absent(path, bytes));
    return disk_error();
  };
  DeltaTable table = open(options);
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
  EXPECT_EQ(*table.commit(adding("b")), Version(2));
  EXPECT_EQ(uuids(), (std::map<std::string, int>{{new_table().id, 1}, {"a", 1}, {"b", 1}}));
}

TEST_F(DeltaTableTest, AnErrorBeforeTheLinkIsReportedAndTriedAgain) {
  create();
  int calls = 0;
  DeltaOptions options;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    if (++calls == 1) return disk_error();
    return put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  EXPECT_TRUE(table.commit(adding("a")).error().retriable());
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
}

TEST_F(DeltaTableTest, ALateCommitOfAnUnknownOutcomeIsNotDoubled) {
  create();
  std::function<void()> late;  // the link that arrives after the error, as from a stalled file server
  DeltaOptions options;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    if (late) return put_if_absent(path, bytes);
    late = [path, text = std::string(bytes)] { ASSERT_TRUE(put_if_absent(path, text)); };
    return disk_error();
  };
  DeltaTable table = open(options);
  EXPECT_FALSE(table.commit(adding("a")));
  late();
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
  EXPECT_EQ(uuids()["a"], 1);
  add(table, "b");
}

TEST_F(DeltaTableTest, AnUnknownOutcomeIsSettledAlsoAfterARefresh) {
  create();
  int calls = 0;
  DeltaOptions options;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    return ++calls == 1 ? Result<PutOutcome>(disk_error()) : put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  EXPECT_FALSE(table.commit(adding("a")));
  DeltaTable late = open();  // as if the link had arrived late: the same UUID
  add(late, "a"), add(late, "b");
  ASSERT_TRUE(table.refresh());
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
  EXPECT_EQ(uuids()["a"], 1);
  add(table, "c");
}

// A file server that did the link, lost its answer and was asked again.
TEST_F(DeltaTableTest, AVersionTakenByOneselfIsASuccess) {
  create();
  DeltaOptions options;
  options.put = [](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    EXPECT_TRUE(put_if_absent(path, bytes));
    return put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  EXPECT_EQ(*table.commit(adding("a")), Version(1));
  EXPECT_EQ(uuids()["a"], 1);
}

TEST_F(DeltaTableTest, AnotherProcessFindsACommitByItsUuid) {
  DeltaTable table = create();
  add(table, "a"), add(table, "b");
  EXPECT_EQ(*find_commit(root_, Version(0), "b"), Version(2));
  EXPECT_EQ(*find_commit(root_, Version(0), "c"), std::nullopt);
}

TEST_F(DeltaTableTest, AnErrorWhileAnotherCameFirstIsNoSuccess) {
  create();
  DeltaOptions options;
  options.put = [&](const fs::path&, std::string_view) -> Result<PutOutcome> {
    DeltaTable other = open();
    add(other, "other");
    return disk_error();
  };
  DeltaTable table = open(options);
  EXPECT_EQ(code_of(table.commit(adding("a"))), ErrorCode::io);
  EXPECT_EQ(names(), "other");
}

// A writer stopped between its last look and the link, until others have checkpointed and cleaned.
TEST_F(DeltaTableTest, ALinkIntoTheCleanedPartIsAFailure) {
  create();
  DeltaOptions options;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    DeltaTable other = open();
    for (const char* name : {"a", "b", "c", "d"}) add(other, name);
    EXPECT_TRUE(other.checkpoint(0));
    EXPECT_TRUE(clean_log(root_, Version(4)));
    return put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  EXPECT_EQ(code_of(table.commit(adding("sleeper"))), ErrorCode::conflict);
  EXPECT_EQ(names(), "a b c d");
  EXPECT_EQ(list_log(root_)->commits.front(), Version(4));
}

TEST_F(DeltaTableTest, ASleepAfterTheLinkLosesNothing) {
  create();
  ManualClock clock(0);
  DeltaOptions options;
  options.clock = &clock;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    auto outcome = put_if_absent(path, bytes);
    clock.sleep_us(10 * kMicrosPerMinute);
    DeltaTable other = open();
    for (const char* name : {"a", "b"}) add(other, name);
    EXPECT_TRUE(other.checkpoint(0));
    return outcome;
  };
  DeltaTable table = open(options);
  EXPECT_EQ(*table.commit(adding("sleeper")), Version(1));
  EXPECT_EQ(names(), "a b sleeper");
}

TEST_F(DeltaTableTest, AStaleWriterListsBeforeItLinks) {
  create();
  ManualClock clock(0);
  int puts = 0;
  DeltaOptions options;
  options.clock = &clock;
  options.put = [&](const fs::path& path, std::string_view bytes) {
    ++puts;
    return put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  DeltaTable other = open();
  for (const char* name : {"a", "b", "c"}) add(other, name);
  ASSERT_TRUE(other.checkpoint(0));
  ASSERT_TRUE(clean_log(root_, Version(3)));
  clock.sleep_us(2 * kMicrosPerMinute);
  int asked = 0;
  CommitPolicy policy;
  policy.recheck = [&](const Snapshot& now, std::span<const CommitRecord>) -> Result<> {
    ++asked;
    EXPECT_EQ(now.version(), Version(3));
    return {};
  };
  EXPECT_EQ(code_of(table.commit(adding("d"), policy)), ErrorCode::conflict);  // what lay in between is not known
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(puts, 0);
  EXPECT_EQ(*table.commit(adding("d"), policy), Version(4));
}

TEST_F(DeltaTableTest, AStaleWriterSeesAGap) {
  ManualClock clock(0);
  DeltaTable table = create({.clock = &clock});
  DeltaTable other = open();
  add(other, "a"), add(other, "b");
  fs::remove(commit_path(root_, Version(1)));
  clock.sleep_us(2 * kMicrosPerMinute);
  EXPECT_EQ(code_of(table.commit(adding("c"))), ErrorCode::corrupt);
}

TEST_F(DeltaTableTest, GivesUpAfterSoManyLostRaces) {
  create();
  int n = 0;
  DeltaOptions options;
  options.put = [&](const fs::path& path, std::string_view bytes) -> Result<PutOutcome> {
    DeltaTable other = open();
    add(other, std::to_string(n++));
    return put_if_absent(path, bytes);
  };
  DeltaTable table = open(options);
  EXPECT_EQ(code_of(table.commit(adding("a"), {.max_attempts = 3})), ErrorCode::busy);
  EXPECT_EQ(n, 3);
}

TEST_F(DeltaTableTest, SurvivesAKillAroundTheLink) {
  create();
  for (const char* point : {"delta.before_link", "delta.linked"}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("PACTOLUS_FAULT", point, 1);
      ::setenv("PACTOLUS_DELTA_TEST_TABLE", root_.c_str(), 1);
      ::execl("/proc/self/exe", "lake_test", "--gtest_filter=DeltaKillChild.*", "--gtest_brief=1", nullptr);
      ::_exit(127);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << point;
    EXPECT_EQ(names(), point == std::string("delta.linked") ? "killed" : "");
  }
  DeltaTable table = open();
  add(table, "after");
  EXPECT_EQ(names(), "after killed");
}

TEST(DeltaKillChild, Commits) {
  const char* folder = std::getenv("PACTOLUS_DELTA_TEST_TABLE");
  if (!folder) GTEST_SKIP() << "only runs as the child of SurvivesAKillAroundTheLink";
  auto table = DeltaTable::open(folder);
  Transaction t;
  t.operation = "WRITE";
  t.commit_uuid = "killed";
  t.adds = {{"killed", {{"day", "2026-03-01"}, {"kind", "view"}}, 1, 1, true, ""}};
  (void)table->commit(t);
}

}  // namespace
}  // namespace pactolus::delta
