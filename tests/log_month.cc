// A month of commits every second, as far as the logs see it: the accounts of batches, files of three event types that
// are hard links to one empty file, merges by the plans of the running writer, and the care of the logs by the same
// code as ever. Nothing is fsynced in a folder in memory.
//
// Up to the last 15,000 commits, which is more than is kept, checkpoints are made ten times less often than they are:
// what is there at the end does not know.
//
//   log_month FOLDER COMMITS        prints what it found as JSON, and leaves the lake for `pactolus verify`
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/check.h"
#include "base/time_text.h"
#include "lake/delta/compaction.h"
#include "lake/delta/log_files.h"
#include "lake/delta/stats.h"
#include "runtime/compactor.h"
#include "runtime/declared_view.h"
#include "runtime/ledger.h"
#include "runtime/maintenance.h"
#include "runtime/stream_view.h"

namespace pactolus {
namespace {

constexpr int64_t kRecords = 100;  // of a batch, all of them copies: so Silver's rows and the ledger agree on none
constexpr int64_t kAsEver = 15'000;
constexpr const char* kTypes[] = {"view", "add_to_cart", "purchase"};

Result<PutOutcome> put_unsynced(const fs::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    return errno == EEXIST ? Result<PutOutcome>(PutOutcome::exists) : fail_errno("cannot create", path.native());
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  ::close(fd);
  PACTOLUS_CHECK_EQ(n, ssize_t(bytes.size()));
  return PutOutcome::done;
}

double cpu_ms() {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
}
double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes += int64_t(entry.file_size());
  return bytes;
}

class Month {
 public:
  explicit Month(fs::path root)
      : lake_{std::move(root)},
        clock_(*parse_iso_time("2025-11-01T00:00:00Z")),
        care_(std::in_place, lake_, "main", clock_, Random(7),
              MaintenanceRules{.checkpoint_commits = 1'000, .checkpoint_us = kMicrosPerHour}) {}

  Result<> run(int64_t commits) {
    TRY(prepare_lake(lake_));
    TRY(open_tables());
    TRY(care_->open());
    delta::DeltaTable* const followers[] = {&*quarantine_, &*interest_};
    for (batch_ = 1; batch_ <= commits; ++batch_) {
      clock_.sleep_us(kMicrosPerSecond);
      TRY(commit());
      TRY(merge());
      if (batch_ == commits - kAsEver) {
        care_.emplace(lake_, "main", clock_, Random(8));
        TRY(care_->open());
      }
      if (care_->due(*silver_, followers))
        TRY(care_->after_commit(*silver_, followers, silver_->snapshot().version().value - 300, 1));
      most_files_ =
          std::max(most_files_, batch_ % 1000 == 0 ? delta::most_files_in_a_partition(silver_->snapshot()) : 0);
      if (batch_ % 20'000 == 0) look();
    }
    TRY(care_->fold(*silver_, *quarantine_, 1));
    look();
    return {};
  }
  void print(int64_t commits) const {
    fmt::print("{}\n", Json::object()
                           .set("commits", commits)
                           .set("slowest_open_ms", slowest_open_ms_)
                           .set("slowest_open_cpu_ms", slowest_open_cpu_ms_)
                           .set("largest_log_bytes", largest_log_)
                           .set("largest_ledger_log_bytes", largest_ledger_log_)
                           .set("most_files_in_a_partition", int64_t(most_files_))
                           .set("live_files", int64_t(silver_->snapshot().files().size()))
                           .set("oldest_commit", delta::list_log(lake_.silver())->commits.front().value)
                           .dump());
  }

 private:
  Result<delta::DeltaTable> table(const fs::path& folder, delta::TableSchema schema, const char* name) {
    TRY(make_folders(folder));
    delta::NewTable made{
        .schema = std::move(schema), .id = random_.uuid(), .time_ms = clock_.now_us() / 1000, .name = name};
    if (made.name == kProductInterest)
      DeclaredView::of(*make_view(view_options({}, built_in_views().front()))).write(made.configuration);
    return delta::DeltaTable::open_or_create(folder, made, {.clock = &clock_, .put = put_unsynced});
  }
  Result<> open_tables() {
    silver_ = TRY(table(lake_.silver(), silver_schema(), "silver"));
    quarantine_ = TRY(table(lake_.quarantine(), quarantine_schema(), "quarantine"));
    interest_ = TRY(table(lake_.gold(kProductInterest), view_schema(built_in_views().front()), kProductInterest));
    FixedColumn<int64_t> none;
    stub_ = lake_.root / "_pactolus" / "stub.parquet";
    std::vector<ColumnData> columns;
    columns.push_back(none.finish("batch_id", kFormatInt64));
    stub_bytes_ = TRY(write_parquet(stub_, ColumnBatch(0, std::move(columns))));
    return {};
  }

  Result<delta::AddFile> add_stub(const std::string& type, int64_t first, int64_t last, bool data_change) {
    const std::string date = date_text(int32_t(floor_div(clock_.now_us(), kMicrosPerDay)));
    return add_stub_at(fmt::format("event_date={}/event_type={}", date, type),
                       {{"event_date", date}, {"event_type", type}}, first, last, data_change);
  }
  Result<delta::AddFile> add_stub_at(const std::string& folder, delta::PartitionValues values, int64_t first,
                                     int64_t last, bool data_change) {
    const std::string path = fmt::format("{}/{}", folder, part_name({last, 1, 0}, random_));
    if (made_.insert(folder).second) TRY(make_folders(lake_.silver() / folder));
    PACTOLUS_CHECK_EQ(::link(stub_.c_str(), (lake_.silver() / path).c_str()), 0);
    delta::FileStats stats(0);
    stats.add_timestamp("event_timestamp", clock_.now_us(), clock_.now_us(), 0);
    stats.add_number("batch_id", first, last, 0);
    return delta::AddFile{path, std::move(values), stub_bytes_, clock_.now_us() / 1000, data_change, stats.json()};
  }

  Result<> commit() {
    const int64_t now = clock_.now_us();
    BatchAccount account{"main", batch_, 1, random_.uuid(), now, watermark_, now - 5 * kMicrosPerMinute};
    watermark_ = account.watermark_after;
    SourceAccount source;
    source.topic = "clicks";
    source.topic_id = "11111111-1111-4111-8111-111111111111";
    source.start = (batch_ - 1) * kRecords;
    source.end = batch_ * kRecords;
    source.consumed = source.duplicates = kRecords;
    source.max_event_time = now;
    account.sources = {source};
    delta::Transaction t;
    t.operation = "STREAMING UPDATE";
    t.operation_parameters = {{"outputMode", "Append"}, {"batchId", std::to_string(batch_)}};
    t.commit_uuid = account.commit_uuid;
    t.time_ms = now / 1000;
    for (const char* type : kTypes) t.adds.push_back(TRY(add_stub(type, batch_, batch_, true)));
    t.txns = {{app_id("main", "batch"), batch_, t.time_ms},
              {offset_app_id("main", source.topic, source.topic_id, 0), source.end, t.time_ms}};
    if (batch_ == 1) t.txns.push_back({app_id("main", "epoch"), 1, t.time_ms});
    t.info = to_json(account);
    t.blind_append = true;
    TRY(silver_->commit(t));
    return {};
  }

  Result<> merge() {
    if (batch_ % 25 != 0) return {};
    const int64_t now = clock_.now_us();
    while (const auto plan =
               delta::plan_compaction(silver_->snapshot(), {}, closed_before(now - kMicrosPerDay), now / 1000)) {
      delta::Transaction t;
      t.operation = "OPTIMIZE";
      t.commit_uuid = random_.uuid();
      t.time_ms = now / 1000;
      std::vector<std::string_view> stats;
      int64_t last = 0;
      for (const delta::AddFile& file : plan->files) {
        t.removes.push_back({file.path, t.time_ms, false, file.partition_values, file.size});
        stats.push_back(file.stats);
        last = std::max(last, parse_part_name(fs::path(file.path).filename().native())->batch);
      }
      t.adds = {TRY(
          add_stub_at(fs::path(plan->files.front().path).parent_path().native(), plan->partition, last, last, false))};
      t.adds.front().stats = delta::merged_stats(stats);
      TRY(silver_->commit(t));
    }
    return {};
  }

  void look() {
    // The processor's time counts: others work on the machine too, and it is the log that is measured. Its files are in
    // memory, so there is nothing else to wait for.
    const auto began = std::chrono::steady_clock::now();
    const double cpu_began = cpu_ms();
    const auto opened = delta::Snapshot::load(lake_.silver());
    slowest_open_cpu_ms_ = std::max(slowest_open_cpu_ms_, cpu_ms() - cpu_began);
    slowest_open_ms_ = std::max(slowest_open_ms_, ms_since(began));
    PACTOLUS_CHECK(opened.has_value());
    largest_log_ = std::max(largest_log_, bytes_in(delta::log_folder(lake_.silver())));
    largest_ledger_log_ = std::max(largest_ledger_log_, bytes_in(delta::log_folder(lake_.ledger())));
    if (std::getenv("PACTOLUS_MONTH_SAY"))
      fmt::print(stderr, "{} commits, open {:.0f} ms, log {} MB, {} tombstones, {} live\n", batch_, slowest_open_ms_,
                 largest_log_ >> 20, opened->tombstones().size(), opened->files().size());
  }

  LakePaths lake_;
  ManualClock clock_;
  Random random_{1};
  std::optional<Maintenance> care_;
  std::optional<delta::DeltaTable> silver_, quarantine_, interest_;
  fs::path stub_;
  std::set<std::string> made_;
  int64_t watermark_ = kNoTime;
  int64_t stub_bytes_ = 0, batch_ = 0, largest_log_ = 0, largest_ledger_log_ = 0;
  double slowest_open_ms_ = 0, slowest_open_cpu_ms_ = 0;
  size_t most_files_ = 0;
};

}  // namespace
}  // namespace pactolus

int main(int argc, char** argv) {
  using namespace pactolus;
  if (argc != 3) return 2;
  const int64_t commits = std::atoll(argv[2]);
  Month month(argv[1]);
  if (const auto done = month.run(commits); !done) {
    fmt::print(stderr, "{}\n", done.error().message);
    return 1;
  }
  month.print(commits);
  return 0;
}
