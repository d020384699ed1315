// Events per second of the shoppers: generated only, and into a file on one core.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "simulate/classic.h"
#include "simulate/drive.h"
#include "simulate/shop.h"

namespace pactolus {
namespace {

// 2025-11-29T12:00:00Z
constexpr int64_t kStart = 1'764'417'600'000'000;
constexpr int64_t kEvents = 1'000'000;

std::unique_ptr<EventSource> make(const std::string& profile) {
  const Schedule schedule{.start_us = kStart, .rate = 100'000, .count = kEvents};
  if (profile == "classic") return make_classic({.schedule = schedule, .first_id = kStart});
  ShopOptions shop{.schedule = schedule, .first_id = kStart};
  if (profile == "troubled") shop.late_ratio = shop.dup_ratio = shop.bad_ratio = 0.01;
  return make_shop(shop);
}

void generate(benchmark::State& state, const char* profile) {
  int64_t bytes = 0;
  for (auto _ : state) {
    auto source = make(profile);
    GeneratedEvent event;
    while (source->next(event)) bytes += int64_t(event.value.size());
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.SetBytesProcessed(bytes);
}

void to_file(benchmark::State& state, const char* profile) {
  char path[] = "/tmp/pactolus_simulate_bench_XXXXXX";
  ::close(::mkstemp(path));
  const std::atomic<bool> stop{false};
  int64_t bytes = 0;
  for (auto _ : state) {
    auto source = make(profile);
    auto sink = open_ndjson_sink(path);
    auto report = drive(*source, **sink, nullptr, stop);
    if (!report || report->sent != kEvents)
      state.SkipWithError("the file was not written");
    else
      bytes += report->bytes;
  }
  ::unlink(path);
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.SetBytesProcessed(bytes);
}

BENCHMARK_CAPTURE(generate, classic, "classic")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, shop, "shop")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_file, classic, "classic")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_file, shop, "shop")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(to_file, shop_with_trouble, "troubled")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pactolus
