// From bytes to rows to native JSON, one core: REES46-like rows of 130 bytes, in memory. Aim: 1 million rows/s mapped.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/time_text.h"
#include "ingest/dialect.h"
#include "ingest/text_source.h"

namespace pactolus {
namespace {

constexpr int kRows = 100'000;

const std::string& csv_text(bool quoted) {
  const auto make = [](std::string_view quote) {
    std::string text = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n";
    for (int i = 0; i < kRows; ++i)
      text += fmt::format(
          "2019-10-01 {} UTC,view,{},2053013552326770905,appliances.environment.water_heater,{}aqua{},{}.20,{},"
          "9333dfbd-b87a-4708-9857-63365{:07}\n",
          clock_text(int64_t(i) * kMicrosPerSecond), 3'900'000 + i % 5000, quote, quote, i % 900,
          554'748'717 + i % 70'000, i);
    return text;
  };
  static const std::string plain = make(""), with_quotes = make("\"");
  return quoted ? with_quotes : plain;
}

const std::string& ndjson_text() {
  static const std::string text = [] {
    std::string out;
    for (int i = 0; i < kRows; ++i)
      out += fmt::format(
          "{{\"event_id\":\"evt_{:08}\",\"user_id\":\"user_{:04}\",\"product_id\":\"prod_0042\",\"event_type\":"
          "\"view\","
          "\"timestamp\":\"2025-11-29T10:15:30.123456Z\",\"session_id\":\"session_1234\",\"product_category\":"
          "\"Electronics\","
          "\"device_type\":\"mobile\",\"page_url\":\"/product/prod_0042\",\"price\":299.99}}\n",
          i, i % 500);
    return out;
  }();
  return text;
}

using Opener = Result<std::unique_ptr<RowReader>> (*)(ByteSource&, size_t);

void run(benchmark::State& state, std::string_view text, Opener open, std::unique_ptr<Dialect> (*make)()) {
  for (auto _ : state) {
    TextSource source(text);
    const auto reader = open(source, ByteWindow::kChunk).value();
    std::unique_ptr<Dialect> dialect;
    if (make) {
      dialect = make();
      if (!dialect->bind(reader->columns())) state.SkipWithError("columns");
    }
    MappedRow mapped;
    for (InputRow row; reader->next(row).value();) {
      if (dialect) dialect->map(row, mapped);
      benchmark::DoNotOptimize(mapped.value.data());
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.SetBytesProcessed(state.iterations() * int64_t(text.size()));
}

void csv_rows(benchmark::State& state) { run(state, csv_text(false), open_csv, nullptr); }
void csv_rows_quoted(benchmark::State& state) { run(state, csv_text(true), open_csv, nullptr); }
void rees46_mapped(benchmark::State& state) { run(state, csv_text(false), open_csv, make_rees46); }
void ndjson_rows(benchmark::State& state) { run(state, ndjson_text(), open_ndjson, nullptr); }
void native_mapped(benchmark::State& state) { run(state, ndjson_text(), open_ndjson, make_native); }
BENCHMARK(csv_rows);
BENCHMARK(csv_rows_quoted);
BENCHMARK(rees46_mapped);
BENCHMARK(ndjson_rows);
BENCHMARK(native_mapped);

}  // namespace
}  // namespace pactolus
