#include "simulate/drive.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/time_text.h"
#include "simulate/classic.h"
#include "simulate/replay.h"

namespace pactolus {
namespace {

const int64_t kStart = *parse_iso_time("2025-11-29T10:15:30Z");
const std::atomic<bool> kGoOn{false};

std::unique_ptr<EventSource> events(double rate, int64_t count) {
  return make_classic({.schedule = {.start_us = kStart, .rate = rate, .count = count}});
}

// Notes when things happen, and takes the time that it is told to take.
struct SlowSink final : EventSink {
  explicit SlowSink(ManualClock& c) : clock(c) {}
  Result<> send(const GeneratedEvent& e) override {
    clock.sleep_us(send_us);
    if (unflushed_since < 0) unflushed_since = clock.boot_us();
    early += clock.boot_us() < e.send_time_us;
    last_sent_us = clock.boot_us();
    ++sent;
    if (stop && sent == stop_at) stop->store(true);
    return {};
  }
  Result<> flush() override {
    if (unflushed_since >= 0) longest_unflushed_us = std::max(longest_unflushed_us, clock.boot_us() - unflushed_since);
    unflushed_since = -1;
    clock.sleep_us(flush_us);
    ++flushes;
    return {};
  }
  ManualClock& clock;
  int64_t send_us = 0, flush_us = 0;
  int64_t sent = 0, flushes = 0, early = 0, last_sent_us = 0, unflushed_since = -1, longest_unflushed_us = 0;
  std::atomic<bool>* stop = nullptr;
  int64_t stop_at = 0;
};

struct Paced {
  ManualClock clock{kStart};
  SlowSink sink{clock};
  DriveReport run(double rate, int64_t count) {
    auto source = events(rate, count);
    Pacer pacer(clock, kStart);
    return *drive(*source, sink, &pacer, kGoOn);
  }
};

TEST(Pacer, KeepsRatesWithinOnePercent) {
  for (const double rate : {5.0, 200.0, 3'333.0, 100'000.0}) {
    Paced p;
    const int64_t count = int64_t(rate * 20);
    const DriveReport report = p.run(rate, count);
    EXPECT_EQ(report.sent, count);
    EXPECT_EQ(p.sink.early, 0) << "nothing leaves before its time";
    EXPECT_NEAR(double(p.sink.last_sent_us - kStart), double(count - 1) * 1e6 / rate, 20e6 * 0.01) << rate;
    EXPECT_LE(report.max_behind_us, 1'000) << rate;
  }
}

TEST(Pacer, KeepsTheRateAlthoughFlushesTakeTheirTime) {
  Paced p;
  p.sink.flush_us = 3'000;
  p.sink.send_us = 2;
  const DriveReport report = p.run(10'000, 200'000);
  EXPECT_NEAR(double(report.elapsed_us), 20e6, 20e6 * 0.01);
  EXPECT_LE(report.max_behind_us, 5'000);
}

TEST(Pacer, SaysHowFarBehindASinkIsThatCannotKeepUp) {
  Paced p;
  p.sink.send_us = 2'000;  // 500 a second at most
  const DriveReport report = p.run(1'000, 4'000);
  EXPECT_NEAR(double(report.elapsed_us), 8e6, 1e5);
  EXPECT_NEAR(double(report.max_behind_us), 4e6, 1e5);
}

TEST(Pacer, BackDatedEventsGoAtOnceAndAreNotBehind) {
  ManualClock clock{kStart};
  SlowSink sink{clock};
  auto source = events(100, 1'000);  // ten seconds, of which the first eight lie in the past
  Pacer pacer(clock, kStart + 8 * kMicrosPerSecond);
  const DriveReport report = *drive(*source, sink, &pacer, kGoOn);
  EXPECT_NEAR(double(report.elapsed_us), 2e6, 2e4);
  EXPECT_EQ(report.max_behind_us, 0);
}

TEST(Drive, FlushesEveryFewMillisecondsAndNotAfterEveryEvent) {
  for (const double rate : {200.0, 2'000.0, 100'000.0}) {
    Paced p;
    p.run(rate, int64_t(rate * 5));
    EXPECT_LE(p.sink.longest_unflushed_us, 5'000) << rate;
    EXPECT_LE(p.sink.flushes, 5 * 250 + 2) << rate;
  }
}

TEST(Drive, StopsWhenAskedAndTruthCountsOnlyWhatWasSent) {
  ManualClock clock{kStart};
  SlowSink sink{clock};
  std::atomic<bool> stop{false};
  sink.stop = &stop;
  sink.stop_at = 37;
  auto source = events(10, 1'000);
  Pacer pacer(clock, kStart);
  const DriveReport report = *drive(*source, sink, &pacer, stop);
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.sent, 37);
  EXPECT_EQ(source->truth().records, 37);
  EXPECT_EQ(sink.unflushed_since, -1) << "the last thing is a flush";
}

TEST(Drive, AStopDuringALongWaitSendsNothingMore) {
  struct StoppingClock final : Clock {
    explicit StoppingClock(std::atomic<bool>& s) : stop(s) {}
    int64_t now_us() override { return time; }
    int64_t boot_us() override { return time; }
    void sleep_us(int64_t us) override { time += us, ++sleeps, stop = time > kStart + kMicrosPerSecond; }
    std::atomic<bool>& stop;
    int64_t time = kStart, sleeps = 0;
  };
  std::atomic<bool> stop{false};
  StoppingClock clock(stop);
  ManualClock other{kStart};
  SlowSink sink{other};
  auto source = events(0.001, 10);  // the second event is due in a quarter of an hour
  Pacer pacer(clock, kStart);
  const DriveReport report = *drive(*source, sink, &pacer, stop);
  EXPECT_EQ(report.sent, 1);
  EXPECT_EQ(source->truth().records, 1);
  EXPECT_LT(clock.time, kStart + 2 * kMicrosPerSecond);
}

TEST(Drive, ReportsTheSinksFailure) {
  struct FullSink final : EventSink {
    Result<> send(const GeneratedEvent&) override { return fail(ErrorCode::disk_full, "no space"); }
    Result<> flush() override { return {}; }
  } sink;
  auto source = events(10, 10);
  EXPECT_EQ(drive(*source, sink, nullptr, kGoOn).error().code, ErrorCode::disk_full);
}

TEST(NdjsonSink, WritesALinePerValue) {
  char folder[] = "/tmp/pactolus_simulate_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/events.ndjson";
  std::string expected;
  GeneratedEvent e;
  for (auto source = events(1000, 3'000); source->next(e);) expected.append(e.value).append("\n");
  for (int round = 0; round < 2; ++round) {  // the second time the file is there and is made anew
    auto sink = open_ndjson_sink(path);
    ASSERT_TRUE(sink);
    auto source = events(1000, 3'000);
    const auto report = drive(*source, **sink, nullptr, kGoOn);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->bytes + report->sent, int64_t(expected.size()));
    EXPECT_EQ(*read_file(path), expected);
  }
  EXPECT_EQ(open_ndjson_sink(std::string(folder) + "/none/events").error().code, ErrorCode::not_found);
  fs::remove_all(folder);
}

TEST(NdjsonSink, SaysWhenTheDiskIsFull) {
  auto sink = open_ndjson_sink("/dev/full");
  ASSERT_TRUE(sink);
  auto source = events(1000, 3'000);
  EXPECT_EQ(drive(*source, **sink, nullptr, kGoOn).error().code, ErrorCode::disk_full);
}

TEST(LogSink, AppendsWithKeyAndSendTimeAndFlushes) {
  struct Writer final : LogWriter {
    const TopicIdentity& topic() const override { return identity; }
    Result<std::pair<PartitionId, Offset>> append(const NewRecord& r) override {
      keys.push_back(r.key ? std::string(*r.key) : "(null)");
      values.emplace_back(*r.value);
      times.push_back(r.timestamp_us);
      return std::pair(PartitionId(0), Offset(int64_t(values.size()) - 1));
    }
    Result<> flush() override { return ++flushes, Result<>{}; }
    TopicIdentity identity;
    std::vector<std::string> keys, values;
    std::vector<int64_t> times;
    int flushes = 0;
  } writer;
  auto sink = make_log_sink(writer);
  ASSERT_TRUE(sink->send({.key = "user_0001", .value = "{}", .event_time_us = 5, .send_time_us = 7, .fate = {}}));
  ASSERT_TRUE(sink->send({.key = "", .value = "", .event_time_us = 5, .send_time_us = 8, .fate = {}}));
  ASSERT_TRUE(sink->flush());
  EXPECT_EQ(writer.keys, (std::vector<std::string>{"user_0001", "(null)"}));
  EXPECT_EQ(writer.values, (std::vector<std::string>{"{}", ""}));
  EXPECT_EQ(writer.times, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(writer.flushes, 1);
}

// Rows of a file, held in memory; fails where it is told to.
struct Rows final : ReplaySource {
  Result<bool> next(ReplayRow& row) override {
    if (at == fail_at) return fail(ErrorCode::io, "the disk is gone");
    if (at == times.size()) return false;
    row = {.key = "u", .value = "{}", .event_time_us = times[at++]};
    return true;
  }
  std::vector<int64_t> times;
  size_t at = 0, fail_at = SIZE_MAX;
};

std::vector<int64_t> due_times(Rows& rows, double speed) {
  auto source = make_replay(rows, {.start_us = kStart, .speed = speed});
  std::vector<int64_t> out;
  GeneratedEvent e;
  for (int64_t due; source->next_due(due);) {
    EXPECT_TRUE(source->next(e));
    EXPECT_EQ(due, e.send_time_us);
    out.push_back(due - kStart);
  }
  return out;
}

TEST(Replay, PausesAreThoseOfTheEventTimesSpedUp) {
  Rows rows;
  rows.times = {1'000'000, 1'600'000, 4'000'000};
  EXPECT_EQ(due_times(rows, 1), (std::vector<int64_t>{0, 600'000, 3'000'000}));
  rows.at = 0;
  EXPECT_EQ(due_times(rows, 60), (std::vector<int64_t>{0, 10'000, 50'000}));
  rows.at = 0;
  EXPECT_EQ(due_times(rows, 0), (std::vector<int64_t>{0, 0, 0})) << "max";
}

TEST(Replay, KeepsTheOrderOfAFileThatIsNotSorted) {
  Rows rows;
  rows.times = {1'000'000, 3'000'000, 500'000, kNoTime, 4'000'000};
  EXPECT_EQ(due_times(rows, 1), (std::vector<int64_t>{0, 2'000'000, 2'000'000, 2'000'000, 3'000'000}));
}

TEST(Replay, TakesItsTimeWhenDriven) {
  Rows rows;
  for (int64_t i = 0; i < 600; ++i) rows.times.push_back(i * kMicrosPerSecond);
  ManualClock clock{kStart};
  SlowSink sink{clock};
  auto source = make_replay(rows, {.start_us = kStart, .speed = 60});
  Pacer pacer(clock, kStart);
  const auto report = drive(*source, sink, &pacer, kGoOn);
  ASSERT_TRUE(report);
  EXPECT_NEAR(double(report->elapsed_us), 10e6, 1e5);
  EXPECT_EQ(source->truth().records, 600);
  EXPECT_EQ(source->truth().last_event_time_us, 599 * kMicrosPerSecond);
}

TEST(Replay, AFailureOfTheFileIsTheOutcome) {
  Rows rows;
  rows.times = {1, 2, 3};
  rows.fail_at = 2;
  ManualClock clock{kStart};
  SlowSink sink{clock};
  auto source = make_replay(rows, {.start_us = kStart, .speed = 0});
  EXPECT_EQ(drive(*source, sink, nullptr, kGoOn).error().code, ErrorCode::io);
  EXPECT_EQ(sink.sent, 2) << "what came before was sent";
}

}  // namespace
}  // namespace pactolus
