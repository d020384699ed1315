// The built-in views on classic traffic: 100 products, 500 users, prod_0042 a fifth of it; weights 70/20/10 for view,
// cart, purchase, and 95/4/1 for prod_0042; 231 events per second of event time. And on a wide shop: 100,000 products.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <numeric>

#include "base/clock.h"
#include "gold/window_view.h"

namespace pactolus {
namespace {

constexpr int64_t kEventsPerSecond = 231;

EventBatch classic(uint32_t rows, int64_t start, int64_t jitter, Random& random) {
  EventBatch b;
  for (int i = 0; i < 100; ++i) b.products.code(fmt::format("prod_{:04}", i));
  for (int i = 0; i < 500; ++i) b.users.code(fmt::format("user_{:04}", i));
  for (int i = 0; i < 9000; ++i) b.sessions.code(fmt::format("session_{}", 1000 + i));
  for (int i = 0; i < 5; ++i) b.categories.code(fmt::format("category {}", i));
  for (int i = 0; i < 3; ++i) b.devices.code(fmt::format("device {}", i));
  for (uint32_t i = 0; i < rows; ++i) {
    const bool planted = random.below(5) == 0;
    const uint32_t draw = random.below(100);
    const EventKind kind = draw < (planted ? 95u : 70u)   ? EventKind::view
                           : draw < (planted ? 99u : 90u) ? EventKind::add_to_cart
                                                          : EventKind::purchase;
    b.fingerprint.push_back(random.next());
    b.event_type.push_back(uint8_t(kind));
    b.product_id.codes.push_back(planted ? 42 : int32_t(random.below(100)));
    b.user_id.codes.push_back(int32_t(random.below(500)));
    b.product_category.codes.push_back(b.product_id.codes.back() % 5);
    b.device_type.codes.push_back(int32_t(random.below(3)));
    b.order_id.codes.push_back(-1);
    b.session_id.codes.push_back(int32_t(random.below(9000)));  // as the classic producer does
    b.currency.codes.push_back(-1);
    b.price.push_back(10'0000 + random.below(1'000'0000));
    b.quantity.push_back(1);
    b.event_time.push_back(start + int64_t(i) * kMicrosPerSecond / kEventsPerSecond -
                           (jitter ? int64_t(random.next() % uint64_t(jitter)) : 0));
  }
  return b;
}

GoldView::Options built_in(size_t view) {
  GoldView::Options options;
  options.view = built_in_views()[view];
  return options;
}

std::vector<uint32_t> all_rows(const EventBatch& b) {
  std::vector<uint32_t> rows(b.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

// range(0): rows in a batch; range(1): seconds by which rows are out of order; range(2): which of the built-in views.
void apply_classic(benchmark::State& state) {
  Random random(1);
  const EventBatch b =
      classic(uint32_t(state.range(0)), 1'764'411'330 * kMicrosPerSecond, state.range(1) * kMicrosPerSecond, random);
  const auto rows = all_rows(b);
  const auto view = make_view(built_in(size_t(state.range(2))));
  for (auto _ : state) {
    view->apply(b, rows, kNoTime);
    view->drop_overlay();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(apply_classic)
    ->Args({50'000, 0, 0})
    ->Args({50'000, 0, 1})
    ->Args({50'000, 0, 2})
    ->Args({50'000, 0, 3})
    ->Args({50'000, 0, 4})
    ->Args({50'000, 120, 0})
    ->Args({1'000, 0, 0});

// The whole life of the events: batches of range(0) rows, each applied and committed, the watermark five minutes
// behind; range(1): which of the built-in views. Items are events; what apply costs above is in it.
void stream_classic(benchmark::State& state) {
  Random random(1);
  const auto per_batch = uint32_t(state.range(0));
  const int64_t span = int64_t(per_batch) * kMicrosPerSecond / kEventsPerSecond;
  EventBatch b = classic(per_batch, 0, 0, random);
  const auto rows = all_rows(b);
  const auto view = make_view(built_in(size_t(state.range(1))));
  int64_t now = 0, windows = 0;
  for (auto _ : state) {
    view->apply(b, rows, view->watermark());
    now += span;
    windows += int64_t(view->commit(now - 5 * kMicrosPerMinute).size());
    for (int64_t& t : b.event_time) t += span;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["rows"] = benchmark::Counter(double(windows), benchmark::Counter::kIsRate);
}
BENCHMARK(stream_classic)
    ->Args({231, 0})
    ->Args({50'000, 0})
    ->Args({50'000, 1})
    ->Args({50'000, 2})
    ->Args({50'000, 3})
    ->Args({50'000, 4});

// One window of ten panes closes for each minute of events: the cost of that commit alone, shown per event.
void close_windows(benchmark::State& state) {
  Random random(1);
  const auto per_minute = uint32_t(60 * kEventsPerSecond);
  EventBatch b = classic(per_minute, 0, 0, random);
  const auto rows = all_rows(b);
  WindowView view(built_in(0));
  int64_t now = 0;
  for (auto _ : state) {
    state.PauseTiming();
    view.apply(b, rows, view.watermark());
    view.commit(view.watermark());
    now += kMicrosPerMinute;
    for (int64_t& t : b.event_time) t += kMicrosPerMinute;
    state.ResumeTiming();
    benchmark::DoNotOptimize(view.commit(now));
  }
  state.SetItemsProcessed(state.iterations() * per_minute);
}
BENCHMARK(close_windows);

// A watermark that leaps over an hour: 60 sliding windows of the classic shop's 100 products close in one commit, as
// after a partition that held it has gone silent.
void close_an_hour(benchmark::State& state) {
  Random random(1);
  EventBatch b = classic(uint32_t(60 * 60 * kEventsPerSecond), 0, 0, random);
  const auto rows = all_rows(b);
  WindowView view(built_in(0));
  int64_t now = 0;
  size_t closed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    view.apply(b, rows, view.watermark());
    view.commit(view.watermark());
    now += kMicrosPerHour;
    for (int64_t& t : b.event_time) t += kMicrosPerHour;
    state.ResumeTiming();
    closed = view.commit(now).size();
  }
  state.counters["rows"] = double(closed);
  state.counters["ms"] =
      benchmark::Counter(0.001, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(close_an_hour)->Unit(benchmark::kMillisecond);

// What the live table asks several times a second.
void provisional_top_20(benchmark::State& state) {
  Random random(1);
  WindowView view(built_in(0));
  const EventBatch b = classic(10 * 60 * kEventsPerSecond, 0, 0, random);
  view.apply(b, all_rows(b), kNoTime);
  for (auto _ : state) benchmark::DoNotOptimize(view.provisional(view.newest_open_window(), 20));
}
BENCHMARK(provisional_top_20);

// 100,000 products with three views a minute each, 16 minutes held: memory, closing, and the saved state.
void wide_shop(benchmark::State& state) {
  WindowView view(built_in(0));
  EventBatch b;
  constexpr int kProducts = 100'000;
  for (int i = 0; i < kProducts; ++i) b.products.code(fmt::format("prod_{:06}", i));
  for (int i = 0; i < kProducts; ++i) b.users.code(fmt::format("user_{:06}", i));
  Random random(1);
  for (int i = 0; i < 3 * kProducts; ++i) {
    b.fingerprint.push_back(random.next());
    b.event_type.push_back(0);
    b.product_id.codes.push_back(int32_t(random.below(kProducts)));
    b.user_id.codes.push_back(int32_t(random.below(kProducts)));
    b.currency.codes.push_back(-1);
    b.price.push_back(10'0000);
    b.quantity.push_back(1);
    b.event_time.push_back(random.below(60) * kMicrosPerSecond);
  }
  const auto rows = all_rows(b);
  int64_t minute = 0, events = 0;
  const auto one_minute = [&] {
    view.apply(b, rows, view.watermark());
    events += int64_t(b.rows());
    for (int64_t& t : b.event_time) t += kMicrosPerMinute;
    return view.commit((++minute - 6) * kMicrosPerMinute).size();
  };
  while (minute < 20) one_minute();
  events = 0;
  for (auto _ : state) benchmark::DoNotOptimize(one_minute());
  state.SetItemsProcessed(events);
  std::string saved;
  view.save(saved);
  state.counters["MiB"] = double(view.bytes()) / (1 << 20);
  state.counters["saved_MiB"] = double(saved.size()) / (1 << 20);
}
BENCHMARK(wide_shop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pactolus
