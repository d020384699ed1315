#include "lake/delta/compaction.h"

#include <gtest/gtest.h>

#include <map>

#include "lake/delta/stats.h"
#include "lake/delta/vacuum.h"

namespace pactolus::delta {
namespace {

// A table of files that are only told of: commits add them, merges replace them.
class Table {
 public:
  // The files of a batch, one in each partition.
  void batch(int64_t batch, const std::vector<std::string>& partitions, int64_t size = 1000) {
    for (const auto& p : partitions) put(p, batch, batch, 1, size);
  }
  void put(const std::string& partition, int64_t first, int64_t last, int64_t rows, int64_t size) {
    CommitActions actions = begin();
    FileStats stats(rows);
    stats.add_number("batch_id", first, last, 0);
    actions.adds.push_back(
        {partition + "/f" + std::to_string(++files_), {{"d", partition}}, size, now_ms, true, stats.json()});
    ASSERT_TRUE(snapshot.apply(Version(snapshot.version().value + 1), std::move(actions)));
  }
  void merge(const CompactionPlan& plan) {
    CommitActions actions = begin();
    std::vector<std::string_view> stats;
    AddFile merged{*plan.partition.at("d") + "/m" + std::to_string(++files_), plan.partition, 0, now_ms, false, ""};
    for (const AddFile& f : plan.files) {
      actions.removes.push_back({f.path, now_ms, false, f.partition_values, f.size});
      stats.push_back(f.stats);
      merged.size += f.size;
      rewritten += *rows_of(f.stats);
    }
    merged.stats = merged_stats(stats);
    actions.adds.push_back(merged);
    ASSERT_TRUE(snapshot.apply(Version(snapshot.version().value + 1), std::move(actions)));
    snapshot.drop_tombstones(INT64_MAX);
  }
  size_t files(const std::string& partition) const {
    size_t n = 0;
    for (const auto& [path, file] : snapshot.files()) n += file.partition_values.at("d") == partition;
    return n;
  }

  Snapshot snapshot;
  int64_t now_ms = 1'000'000, rewritten = 0;

 private:
  CommitActions begin() {
    CommitActions actions;
    if (snapshot.version().value < 0) {
      actions.protocol = Protocol{};
      actions.metadata =
          Metadata{"11111111-1111-4111-8111-111111111111", "t", R"({"type":"struct","fields":[]})", {"d"}, {}, 0};
    }
    return actions;
  }
  int64_t files_ = 0;
};

TEST(Compaction, ADayOfCommitsEverySecondKeepsFewFilesAndRewritesARowTwice) {
  Table t;
  size_t most = 0;
  std::string closed = "none";
  const IsClosed is_closed = [&](const PartitionValues& v) { return *v.at("d") == closed; };
  for (int64_t batch = 1; batch <= 86'400; ++batch) {
    t.now_ms += 1000;
    t.batch(batch, {"day"});
    if (const auto plan = plan_compaction(t.snapshot, {}, is_closed, t.now_ms)) t.merge(*plan);
    most = std::max(most, t.files("day"));
  }
  EXPECT_LE(most, 200u);
  EXPECT_LE(double(t.rewritten) / 86'400, 2.01);
  closed = "day";
  t.now_ms += 10 * 60 * 1000;
  while (const auto plan = plan_compaction(t.snapshot, {}, is_closed, t.now_ms)) t.merge(*plan);
  EXPECT_LE(t.files("day"), 48u);
  EXPECT_EQ(t.snapshot.rows(), 86'400);
}

TEST(Compaction, ATableWithoutPartitionsStaysSmallForAYear) {
  Table t;
  size_t most = 0;
  const IsClosed never = [](const PartitionValues&) { return false; };
  for (int64_t batch = 1; batch <= 50'000; ++batch) {  // one reject in ten minutes and more
    t.batch(batch * 640, {"all"});
    if (const auto plan = plan_compaction(t.snapshot, {}, never, t.now_ms)) t.merge(*plan);
    most = std::max(most, t.files("all"));
  }
  EXPECT_LE(most, 200u);
  EXPECT_EQ(t.snapshot.rows(), 50'000);
}

TEST(Compaction, HistoriesIntoOldDaysAreMergedWhenTheyAreManyOrQuiet) {
  Table t;
  const IsClosed always = [](const PartitionValues&) { return true; };
  size_t most = 0;
  int merges = 0;
  for (int64_t batch = 1; batch <= 1'000; ++batch) {
    t.now_ms += 1000;
    t.batch(batch, {"2019"});
    if (const auto plan = plan_compaction(t.snapshot, {}, always, t.now_ms)) t.merge(*plan), ++merges;
    most = std::max(most, t.files("2019"));
  }
  EXPECT_LE(most, 48u);
  EXPECT_LE(merges, 40);
}

TEST(Compaction, TheFullestPartitionIsFirstAndFilesAreInTheOrderOfTheirBatches) {
  Table t;
  for (int64_t batch = 130; batch > 0; --batch)
    t.batch(batch, batch > 20 ? std::vector<std::string>{"a"} : std::vector<std::string>{"a", "b"});
  const auto plan = plan_compaction(t.snapshot, {}, [](const PartitionValues&) { return false; }, t.now_ms);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->partition.at("d"), "a");
  ASSERT_EQ(plan->files.size(), 130u);
  EXPECT_NE(plan->files.front().stats.find("\"batch_id\":1}"), std::string::npos);
  EXPECT_NE(plan->files.back().stats.find("\"batch_id\":130}"), std::string::npos);
}

TEST(Compaction, OptimizeFillsFilesUpToTheTarget) {
  Table t;
  for (int64_t batch = 1; batch <= 10; ++batch) t.batch(batch, {"a", "b"}, 30);
  t.put("a", 11, 11, 1, 5'000);
  const auto plans = plan_optimize(t.snapshot, 1'000, 100, [](const PartitionValues& v) { return *v.at("d") == "a"; });
  ASSERT_EQ(plans.size(), 3u);  // 3 + 3 + 3; the last alone needs no merge, nor does the large one
  for (const auto& plan : plans) EXPECT_EQ(plan.files.size(), 3u);
}

TEST(Compaction, StatisticsOfTheWholeAreAsLooseAsTheLoosest) {
  const std::string
      one = R"({"numRecords":2,"minValues":{"n":3,"t":"b"},"maxValues":{"n":9,"t":"c"},"nullCount":{"n":1,"t":0}})",
      two = R"({"numRecords":5,"minValues":{"n":-1,"t":"a"},"maxValues":{"n":4},"nullCount":{"n":2}})";
  const std::string_view both[] = {one, two};
  EXPECT_EQ(merged_stats(both),
            R"({"numRecords":7,"minValues":{"n":-1,"t":"a"},"maxValues":{"n":9},"nullCount":{"n":3}})");
  const std::string_view unknown[] = {one, ""};
  EXPECT_EQ(merged_stats(unknown), "");
}

}  // namespace
}  // namespace pactolus::delta
