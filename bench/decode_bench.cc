// JSON records into columns, one core. Aim: 4 million classic events/s. The batch is cleared and used again as the
// open micro-batch is, so that a steady stream is what is measured.
#include <benchmark/benchmark.h>

#include "event/decoder.h"
#include "sample_events.h"

namespace pactolus {
namespace {

// Records lie in the processor's cache when they are decoded, because a poll has just copied them there: 16 MB of them
// are decoded again and again until a batch of the usual size is full.
constexpr int64_t kEvents = 60'000, kRounds = 10;
constexpr size_t kPolled = 15'000;  // records of a 4 MiB poll

void decode(benchmark::State& state, Sample sample) {
  const SampleTopic topic = sample_topic(sample, kEvents);
  Decoder decoder{DecodeRules{}};
  EventBatch batch;
  std::vector<Reject> rejects;
  const BatchTimes times{.batch_time = kSampleStart + kMicrosPerDay};
  const auto fill_batch = [&] {
    batch.clear();
    for (int64_t round = 0; round < kRounds; ++round)
      for (size_t p = 0; p < topic.partitions.size(); ++p) {
        const std::span<const RecordView> records(topic.partitions[p]);
        for (size_t at = 0; at < records.size(); at += kPolled)
          decoder.decode(records.subspan(at, std::min(kPolled, records.size() - at)), uint16_t(p), times, batch,
                         rejects);
      }
  };
  fill_batch();  // a steady stream finds its memory already there
  for (auto _ : state) fill_batch();
  if (int64_t(batch.rows()) != kEvents * kRounds || !rejects.empty())
    state.SkipWithError("not every event became a row");
  state.SetItemsProcessed(state.iterations() * kEvents * kRounds);
  state.SetBytesProcessed(state.iterations() * kRounds * topic.value_bytes);
}
BENCHMARK_CAPTURE(decode, classic, Sample::classic)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, classic_uuid, Sample::classic_uuid)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, shop, Sample::shop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pactolus
