// `pactolus simulate`: shoppers, or a file replayed as live traffic, into a lake's log, a file or stdout.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <thread>

#include "base/time_text.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/kafka/kafka_log.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/stop_signal.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "ingest/file_replay.h"
#include "runtime/topics.h"
#include "simulate/classic.h"
#include "simulate/drive.h"
#include "simulate/shop.h"

namespace pactolus {
namespace {

class Simulate final : public Command {
 public:
  CommandInfo info() const override {
    return {"simulate", Group::data_in, "send the events of simulated shoppers",
            "pactolus simulate --profile shop --rate 200 --to kafka://localhost:9092/ecom_clickstream_raw"};
  }
  void declare(Flags& flags) override {
    flags.choice("--profile", {"classic", "shop"}, &profile_,
                 "classic: the original producer; shop: sessions and funnels (default)");
    flags.text("--to", "TARGET", &target_,
               "lake:DIR, kafka://HOST:PORT/TOPIC, file:PATH or - for stdout (default: the lake)", Complete::files);
    flags.number("--rate", "N", &rate_,
                 "events a second (classic 5, shop 200; a shop's follow the hour, this is the day's mean)", 0.001);
    flags.count("--count", "N", &count_, "stop after so many events");
    flags.duration("--duration", &duration_us_, "stop after so long (classic: 60s unless --count is given)");
    flags.count("--seed", "N", &seed_, "same seed and start, same events");
    flags.count("--first-id", "N", &first_id_,
                "number of the first event (default: start time in microseconds, process, then 8 digits)");
    flags.ratio("--late-ratio", &late_, "shop: share of events that come late");
    flags.ratio("--dup-ratio", &dup_, "shop: share of events that are sent twice");
    flags.ratio("--bad-ratio", &bad_, "shop: share of broken records");
    flags.toggle("--uuid-ids", &uuid_ids_, "classic: random UUIDs as event ids");
    flags.toggle("--fast", &fast_, "do not wait: all at once, with times that end now");
    flags.text("--end", "TIME", &end_, "with --fast or to a file: the times end then");
    flags.text("--replay", "FILE", &replay_, "send the rows of a file instead, with the pauses between their times",
               Complete::files);
    flags.choice("--dialect", dialect_names(), &dialect_, "replay: what the file holds (native)");
    flags.text("--speed", "N|max", &speed_, "replay: so many times faster than it happened (1), or without pauses");
  }
  Result<int> run(Session& session) override;

 private:
  Result<std::unique_ptr<EventSource>> source(int64_t now_us, bool paced) const;
  Result<std::unique_ptr<EventSource>> replay(int64_t now_us);
  std::string profile_ = "shop", target_;
  double rate_ = 0, late_ = 0, dup_ = 0, bad_ = 0;
  int64_t count_ = 0, duration_us_ = 0, seed_ = 1, first_id_ = -1;
  bool uuid_ids_ = false, fast_ = false;
  std::string end_, replay_, dialect_ = "native", speed_;
  std::unique_ptr<EventFile> replayed_;  // the source borrows them
  std::unique_ptr<FileReplay> rows_;
};

std::string delivery_text(const Delivery& d) {
  std::string text = fmt::format("{} sent, {} acknowledged, {} failed", count_text(d.sent), count_text(d.acknowledged),
                                 count_text(d.failed));
  return d.failed > 0 ? text + ": " + d.first_failure : text;
}

Result<std::unique_ptr<EventSource>> Simulate::source(int64_t now_us, bool paced) const {
  const bool classic = profile_ == "classic";
  Schedule schedule{.start_us = now_us,
                    .rate = rate_ > 0 ? rate_
                            : classic ? 5.0
                                      : 200.0,
                    .count = count_,
                    .duration_us = duration_us_,
                    .diurnal = !classic};
  if (classic && count_ == 0 && duration_us_ == 0) schedule.duration_us = 60 * kMicrosPerSecond;
  if (!paced) {
    const std::optional<int64_t> end_us = end_.empty() ? now_us : parse_iso_time(end_);
    if (!end_us)
      return fail(ErrorCode::usage, fmt::format("expected --end TIME as 2025-11-29T13:00:00Z, got {}", end_));
    if (*end_us > now_us) return fail(ErrorCode::usage, fmt::format("--end {} is not over yet", end_));
    schedule = ending_at(schedule, *end_us);
  }
  // A run counts behind its start and its process, so that no two share an id, however fast or long or close they are.
  const int64_t first_id = first_id_ >= 0 ? first_id_ : 1;
  const std::string run = first_id_ >= 0 ? "" : digits_of_run(now_us, ::getpid());
  if (classic) {
    if (late_ + dup_ + bad_ > 0)
      return fail(ErrorCode::usage, "the classic profile sends neither late, doubled nor broken events",
                  "use --profile shop");
    return make_classic(
        {.seed = uint64_t(seed_), .schedule = schedule, .first_id = first_id, .run = run, .uuid_ids = uuid_ids_});
  }
  return make_shop({.seed = uint64_t(seed_),
                    .schedule = schedule,
                    .first_id = first_id,
                    .run = run,
                    .late_ratio = late_,
                    .dup_ratio = dup_,
                    .bad_ratio = bad_,
                    .empty_records = !target_.starts_with("file:") && target_ != "-"});
}

Result<std::unique_ptr<EventSource>> Simulate::replay(int64_t now_us) {
  if (rate_ > 0 || count_ > 0 || duration_us_ > 0 || late_ + dup_ + bad_ > 0 || uuid_ids_)
    return fail(ErrorCode::usage, "a replay sends a file's rows as they are",
                "of the shoppers' flags it takes none; --speed sets the pace");
  ReplayOptions options{.start_us = now_us, .speed = 1};
  if (speed_ == "max" || fast_) {
    options.speed = 0;
    fast_ = true;
  } else if (!speed_.empty()) {
    const auto [end, bad] = std::from_chars(speed_.data(), speed_.data() + speed_.size(), options.speed);
    if (bad != std::errc() || end != speed_.data() + speed_.size() || !(options.speed > 0 && options.speed <= 1e9))
      return fail(ErrorCode::usage, fmt::format("no speed\nexpected a number above 0 or max, got \"{}\"", speed_));
  }
  replayed_ = TRY(EventFile::open(replay_, dialect_));
  rows_ = std::make_unique<FileReplay>(*replayed_);
  return make_replay(*rows_, options);
}

Result<int> Simulate::run(Session& session) {
  StoppableClock clock(session.stop);
  Random random = Random::from_system();
  const Target target = TRY(parse_target(target_.empty() ? "lake:" + session.config.lake : target_));
  const bool live = target.kind == Target::Kind::lake || target.kind == Target::Kind::kafka;
  if (replay_.empty() && !speed_.empty())
    return fail(ErrorCode::usage, "--speed without --replay", "--rate sets the shoppers' pace");
  if (fast_ && replay_.empty() && count_ == 0 && duration_us_ == 0 && profile_ != "classic")
    return fail(ErrorCode::usage, "--fast without an end", "--count or --duration says how much is sent at once");
  if (!end_.empty() && (!replay_.empty() || (live && !fast_)))
    return fail(ErrorCode::usage, "--end without --fast", "events that are paced have the time at which they are sent");
  auto events = replay_.empty()
                    ? TRY(source(clock.now_us(), live && !fast_))
                    : TRY(replay(clock.now_us()));  // unpaced events end now, so that none lies ahead of its record

  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<EventSink> sink;
  const KafkaLogWriter* kafka = nullptr;
  if (target.kind == Target::Kind::kafka) {
    Config there = session.config;
    there.kafka.bootstrap = target.bootstrap;
    there.kafka.topic = target.topic;
    auto sender =
        TRY(open_kafka_writer(kafka_options(there, [&session](const std::string& text) { session.say(text); }),
                              there.bronze.partitions, [&session] { return session.stop.requested(); }));
    kafka = sender.get();
    writer = std::move(sender);
    sink = make_log_sink(*writer);
  } else if (live) {
    writer = TRY(open_lake_writer(session.config, target.path, clock, random, session));
    sink = make_log_sink(*writer);
  } else {
    sink = TRY(open_ndjson_sink(target.path));
  }
  int64_t first_due = 0;
  (void)events->next_due(first_due);
  Pacer pacer(clock, first_due);
  std::atomic<bool> stop{false};
  std::atomic<int64_t> sent{0};
  std::jthread watch([&](const std::stop_token& ended) {
    while (!ended.stop_requested() && !session.stop.wait_us(50'000)) {
    }
    stop = session.stop.requested();
  });
  const auto driven = drive(*events, *sink, live && !fast_ ? &pacer : nullptr, stop, &sent);
  if (!driven && kafka) session.say(delivery_text(kafka->delivery()));
  const DriveReport report = TRY(driven);
  // What a replayed file holds is not known here, only how many records it gave.
  Json truth = replay_.empty() ? events->truth().to_json() : Json::object().set("records", report.sent);
  truth.set("sent", report.sent).set("bytes", report.bytes);
  if (report.elapsed_us > 0)
    truth.set("elapsed_seconds", double(report.elapsed_us) / 1e6)
        .set("max_behind_ms", double(report.max_behind_us) / 1e3);
  if (kafka) {
    const Delivery d = kafka->delivery();
    truth.set("acknowledged", d.acknowledged).set("failed", d.failed);
    if (d.failed > 0) truth.set("first_failure", d.first_failure);
  }
  // Data on stdout may be the events themselves; the truth then goes to stderr with the other messages.
  if (target.kind == Target::Kind::standard_output)
    session.say(truth.dump());
  else
    session.out << truth.dump() << "\n";
  if (kafka && kafka->delivery().failed > 0) {
    session.say(delivery_text(kafka->delivery()));
    return kExitUndelivered;
  }
  return session.stop.requested() ? session.stop.exit_code() : 0;
}

}  // namespace

std::unique_ptr<Command> make_simulate() { return std::make_unique<Simulate>(); }

}  // namespace pactolus
