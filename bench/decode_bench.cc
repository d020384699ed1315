// JSON records into columns, one core. Aim: 4 million classic events/s. The batch is cleared and used again as the
// open micro-batch is, so that a steady stream is what is measured.
#include <benchmark/benchmark.h>

#include "event/decoder.h"
#include "sample_events.h"

namespace pactolus {
namespace {

constexpr int64_t kEvents = 600'000;
constexpr size_t kPolled = 15'000;  // records of a 4 MiB poll

void decode(benchmark::State& state, Sample sample) {
  const SampleTopic topic = sample_topic(sample, kEvents);
  Decoder decoder{DecodeRules{}};
  EventBatch batch;
  std::vector<Reject> rejects;
  const BatchTimes times{.batch_time = kSampleStart + kMicrosPerDay};
  for (auto _ : state) {
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      const std::span<const RecordView> records(topic.partitions[p]);
      for (size_t at = 0; at < records.size(); at += kPolled)
        decoder.decode(records.subspan(at, std::min(kPolled, records.size() - at)), uint16_t(p), times, batch, rejects);
    }
    if (int64_t(batch.rows()) != kEvents || !rejects.empty()) return state.SkipWithError("not every event became a row");
    batch.clear();
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.SetBytesProcessed(state.iterations() * int64_t(topic.bytes.size()));
}
BENCHMARK_CAPTURE(decode, classic, Sample::classic)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, classic_uuid, Sample::classic_uuid)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, shop, Sample::shop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pactolus
