// The embedded log in itself: what a record costs to append (with its share of checksum, write and fsync) and to read.
// BRONZE_BENCH_DIR chooses the disk, default /tmp; a memory file system shows the processor's share alone.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/frame_buffer.h"

namespace pactolus {
namespace {

constexpr int64_t kRecords = 400'000;
constexpr int64_t kFlushed = 5000;  // per partition, of the 20,000 that one flush of the job's rate would hold

class Folder {
 public:
  Folder() {
    const char* chosen = std::getenv("BRONZE_BENCH_DIR");
    std::string name = std::string(chosen ? chosen : "/tmp") + "/pactolus_bronze_bench_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<std::string> keys() {
  std::vector<std::string> out;
  for (int i = 0; i < 500; ++i) out.push_back("user_" + std::to_string(1000 + i));
  return out;
}

void write_records(EmbeddedLogWriter& writer, int64_t count, size_t value_bytes, int64_t flush_every) {
  static const std::vector<std::string> users = keys();
  const std::string value(value_bytes, 'v');
  for (int64_t i = 0; i < count; ++i) {
    if (!writer.append({.key = users[size_t(i) % users.size()], .value = value, .timestamp_us = i})) std::abort();
    if (i % flush_every == flush_every - 1 && !writer.flush()) std::abort();
  }
  if (!writer.flush()) std::abort();
}

// The writer's own work: bytes into frames, frames with checksums. No file.
void frame(benchmark::State& state) {
  const std::vector<std::string> users = keys();
  const std::string value(size_t(state.range(0)), 'v');
  bronze::FrameBuffer buffer(7, Offset(0), 1 << 20);
  for (auto _ : state) {
    for (int64_t i = 0; i < kFlushed; ++i)
      buffer.append({.key = users[size_t(i) % users.size()], .value = value}, i, Offset(0));
    buffer.seal(Offset(0));
    buffer.consume(buffer.front(INT64_MAX));
  }
  state.SetItemsProcessed(state.iterations() * kFlushed);
}
BENCHMARK(frame)->ArgName("bytes")->Arg(300);

void append(benchmark::State& state) {
  const Folder folder;
  SystemClock clock;
  (void)create_topic(folder.path(), "t", 3, "id");
  auto writer = *open_writer(folder.path(), "t", {}, clock);
  std::vector<Offset> everything(3);
  auto reader = *open_reader(folder.path(), "t");
  for (auto _ : state) {
    write_records(*writer, kRecords, size_t(state.range(0)), state.range(1));
    state.PauseTiming();  // the disk stays small
    for (int32_t p = 0; p < 3; ++p) everything[size_t(p)] = *reader->end(PartitionId(p));
    (void)reader->drop_before(everything, kNoTime, 0);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * kRecords * state.range(0));
}
BENCHMARK(append)
    ->ArgNames({"bytes", "flush_every"})
    ->Args({300, 20'000})
    ->Args({300, 1000})
    ->Unit(benchmark::kMillisecond);

void read(benchmark::State& state) {
  const Folder folder;
  SystemClock clock;
  (void)create_topic(folder.path(), "t", 3, "id");
  write_records(**open_writer(folder.path(), "t", {}, clock), kRecords, size_t(state.range(0)), state.range(1));
  auto reader = *open_reader(folder.path(), "t");
  for (auto _ : state) {
    int64_t records = 0, bytes = 0;
    for (PartitionId p(0); p.value < 3; ++p) {
      if (!reader->seek(p, Offset(0))) std::abort();
      while (true) {
        const auto polled = reader->poll(p, state.range(2) << 10);
        if (!polled) std::abort();
        if (polled->records.empty()) break;
        for (const RecordView& r : polled->records) bytes += int64_t(r.value->size());
        records += int64_t(polled->records.size());
      }
    }
    if (records != kRecords || bytes != kRecords * state.range(0)) state.SkipWithError("not what was written");
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * kRecords * state.range(0));
}
BENCHMARK(read)
    ->ArgNames({"bytes", "flush_every", "poll_kib"})
    ->Args({300, 20'000, 256})
    ->Args({300, 20'000, 1024})
    ->Args({300, 20'000, 4096})
    ->Args({300, 1000, 1024})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pactolus

BENCHMARK_MAIN();
