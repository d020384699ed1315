// Silver files as a batch writes them: rows of one event type in the order (partition, offset), columns made from the
// event batch, encoded, compressed and fsynced. Aims per core-second, columns already made: 3.5 million rows in files
// of 50,000 rows and more; at most 18 bytes an event, 36 with random UUIDs as ids, in large files.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "event/decoder.h"
#include "lake/parquet/parquet_file.h"
#include "runtime/lake_tables.h"
#include "sample_events.h"
#include "silver/silver_rows.h"

namespace pactolus {
namespace {

struct Rows {
  EventBatch batch;
  std::vector<uint32_t> rows;  // of views
};

Rows views(Sample sample, int64_t count) {
  Rows out;
  // Three of four classic events are views; a good half of the shop's.
  const SampleTopic topic = sample_topic(sample, sample == Sample::shop ? count * 3 : count * 3 / 2);
  Decoder decoder{DecodeRules{}};
  std::vector<Reject> rejects;
  std::vector<uint32_t> all;
  for (size_t p = 0; p < topic.partitions.size(); ++p)
    decoder.decode(topic.partitions[p], uint16_t(p), {.batch_time = kSampleStart + kMicrosPerDay}, out.batch, rejects);
  const int32_t views_code = int32_t(EventKind::view);
  for (uint32_t row = 0; row < out.batch.rows(); ++row)
    if (out.batch.event_type[row] == views_code) all.push_back(row);
  // An even share of each partition.
  const size_t keep = std::min(size_t(count), all.size());
  for (size_t i = 0; i < all.size(); ++i)
    if ((i + 1) * keep / all.size() != i * keep / all.size()) out.rows.push_back(all[i]);
  return out;
}

const SourceName kSources[] = {{"ecom_clickstream_raw", 0}, {"ecom_clickstream_raw", 1}, {"ecom_clickstream_raw", 2}};

SilverFacts facts() { return {.sources = kSources, .batch_id = 7, .batch_time = kSampleStart + kMicrosPerDay}; }

void columns(benchmark::State& state, Sample sample) {
  const Rows silver = views(sample, state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(silver_columns(silver.batch, silver.rows, facts()).rows());
  state.SetItemsProcessed(state.iterations() * int64_t(silver.rows.size()));
}

// The files, without the making of columns; time of the whole process, so that nothing hides in a library's thread.
void write(benchmark::State& state, Sample sample) {
  const Rows silver = views(sample, state.range(0));
  char folder[] = "/tmp/pactolus_parquet_bench_XXXXXX";
  if (!::mkdtemp(folder)) return state.SkipWithError("no temporary folder");
  const fs::path path = fs::path(folder) / "part.parquet";
  int64_t size = 0;
  for (auto _ : state) {
    state.PauseTiming();
    fs::remove(path);
    ColumnBatch batch = silver_columns(silver.batch, silver.rows, facts());
    state.ResumeTiming();
    const auto written = write_parquet(path, std::move(batch), silver_encoding());
    if (!written) return state.SkipWithError("the file was not written");
    size = *written;
  }
  const auto footer = read_parquet_footer(path);
  if (!footer || footer->rows != int64_t(silver.rows.size())) state.SkipWithError("not the rows that were written");
  fs::remove_all(folder);
  state.SetItemsProcessed(state.iterations() * int64_t(silver.rows.size()));
  state.counters["bytes_per_event"] = double(size) / double(silver.rows.size());
}

#define PACTOLUS_SILVER_BENCH(what)                           \
  BENCHMARK_CAPTURE(what, classic, Sample::classic)           \
      ->ArgName("rows")                                       \
      ->Arg(5'000)                                            \
      ->Arg(50'000)                                           \
      ->Arg(500'000)                                          \
      ->Unit(benchmark::kMillisecond)                         \
      ->MeasureProcessCPUTime();                              \
  BENCHMARK_CAPTURE(what, classic_uuid, Sample::classic_uuid) \
      ->ArgName("rows")                                       \
      ->Arg(50'000)                                           \
      ->Arg(500'000)                                          \
      ->Unit(benchmark::kMillisecond)                         \
      ->MeasureProcessCPUTime();                              \
  BENCHMARK_CAPTURE(what, shop, Sample::shop)                 \
      ->ArgName("rows")                                       \
      ->Arg(50'000)                                           \
      ->Arg(500'000)                                          \
      ->Unit(benchmark::kMillisecond)                         \
      ->MeasureProcessCPUTime()
PACTOLUS_SILVER_BENCH(columns);
PACTOLUS_SILVER_BENCH(write);

}  // namespace
}  // namespace pactolus
