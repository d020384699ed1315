// Dedupe with 20 million ids remembered: probes of ids that are new (nearly all in real traffic), of copies, and what
// a commit adds. Aims: 10 million probes/s, at most 14 bytes a key.
#include <benchmark/benchmark.h>

#include <memory>

#include "base/clock.h"
#include "silver/dedupe.h"

namespace pactolus {
namespace {

constexpr int64_t kHorizon = 24 * kMicrosPerHour;
constexpr uint32_t kBatch = 200'000;

// The fingerprint of the i-th id that was ever seen. Fingerprints are hashes: any good mix of i stands for one.
uint64_t fingerprint(uint64_t i) { return Random(i * 0x9E3779B97F4A7C15ull).next(); }

const DedupeIndex& filled(int64_t keys) {
  static std::unique_ptr<DedupeIndex> index;
  if (!index || int64_t(index->size()) != keys) {
    index = std::make_unique<DedupeIndex>(kHorizon);
    for (int64_t i = 0; i < keys; ++i) index->insert(fingerprint(uint64_t(i)), uint8_t(i), i * (kHorizon / keys));
  }
  return *index;
}

// One batch of rows that have fingerprints and just enough else for their content to be compared.
EventBatch rows_with_ids(uint64_t first_id, uint64_t step) {
  EventBatch batch;
  batch.users.code("user_0042");
  for (uint32_t row = 0; row < kBatch; ++row) {
    batch.fingerprint.push_back(fingerprint(first_id + row * step));
    batch.source.push_back(0), batch.offset.push_back(row);
    batch.user_id.codes.push_back(0), batch.product_id.codes.push_back(-1);
    batch.event_type.push_back(0), batch.price.push_back(0), batch.quantity.push_back(1), batch.event_time.push_back(0);
  }
  return batch;
}

void memory(benchmark::State& state, const DedupeIndex& index) {
  state.counters["bytes_per_key"] = double(index.memory_bytes()) / double(index.size());
}

// The index alone, asked as the open batch asks it: rows in order, cache lines on their way some rows ahead.
void probe(benchmark::State& state, uint64_t first_id, uint64_t step, bool expected) {
  const DedupeIndex& index = filled(state.range(0));
  std::vector<uint64_t> asked;
  for (uint32_t i = 0; i < kBatch; ++i) asked.push_back(fingerprint(first_id + i * step));
  constexpr size_t kAhead = 16;
  for (auto _ : state) {
    size_t found = 0;
    for (size_t i = 0; i < asked.size(); ++i) {
      if (i + kAhead < asked.size()) index.prefetch(asked[i + kAhead]);
      found += index.remembers(asked[i]);
    }
    if (found != (expected ? asked.size() : 0)) return state.SkipWithError("a wrong answer");
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
  memory(state, index);
}
void probe_new(benchmark::State& state) { probe(state, uint64_t(1) << 40, 1, false); }
void probe_copies(benchmark::State& state) { probe(state, 0, uint64_t(state.range(0)) / kBatch, true); }
BENCHMARK(probe_new)->ArgName("keys")->Arg(1'000'000)->Arg(20'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(probe_copies)->ArgName("keys")->Arg(20'000'000)->Unit(benchmark::kMillisecond);

// What the pipeline pays: the index is asked and new ids go into the open batch's own table.
void judge_new(benchmark::State& state) {
  const DedupeIndex& index = filled(state.range(0));
  const EventBatch batch = rows_with_ids(uint64_t(1) << 40, 1);
  OpenBatchDedupe open;
  std::vector<Seen> fates;
  for (auto _ : state) {
    fates.clear(), open.clear();
    open.check(batch, 0, batch.rows(), index, fates);
    if (fates.front() != Seen::no || fates.back() != Seen::no)
      return state.SkipWithError("a new id was taken for a copy");
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(judge_new)->ArgName("keys")->Arg(20'000'000)->Unit(benchmark::kMillisecond);

// From nothing to so many keys, growth included: what a start with a state snapshot costs.
void insert(benchmark::State& state) {
  for (auto _ : state) {
    DedupeIndex index(kHorizon);
    for (int64_t i = 0; i < state.range(0); ++i) index.insert(fingerprint(uint64_t(i)), uint8_t(i), i);
    if (int64_t(index.size()) != state.range(0)) return state.SkipWithError("an id is missing");
    memory(state, index);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(insert)->ArgName("keys")->Arg(20'000'000)->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace pactolus
