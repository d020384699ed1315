// `pactolus demo`: a shop, its pipeline and its lake in one process, with a live table. Nothing here is faked: the
// events go through the log and come out of the job, and the lake stays for every other command.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/interest_table.h"
#include "cli/job_loop.h"
#include "cli/stop_signal.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "runtime/status.h"
#include "simulate/drive.h"
#include "simulate/shop.h"

namespace pactolus {
namespace {

constexpr int64_t kPreload_us = 30 * kMicrosPerMinute;  // back-dated events, so that windows are final at once
constexpr size_t kProducts = 4;

class Demo final : public Command {
 public:
  CommandInfo info() const override {
    return {"demo", Group::start, "a simulated shop, its pipeline and a live table in one process", "pactolus demo"};
  }
  void declare(Flags& flags) override {
    flags.number("--rate", "N", &rate_, "events a second (200)", 1, 1e6);
    flags.duration("--duration", &duration_us_, "end by itself after so long");
    flags.count("--seed", "N", &seed_, "same seed, same shop");
  }
  Result<int> run(Session& session) override;

 private:
  double rate_ = 200;
  int64_t duration_us_ = 0, seed_ = 1;
};

std::string minute_text(int64_t time) { return clock_text(time).substr(0, 5); }

std::string alert_line(const JobView& v, bool colour) {
  if (v.open_alerts.empty()) return "alert      none";
  const AlertTransition& a = v.open_alerts.front();
  const std::string more = v.open_alerts.size() == 1 ? "" : fmt::format(", and {} more", v.open_alerts.size() - 1);
  return paint(Paint::warning,
               fmt::format("alert      {}: {} views, {} sold, {} to {} UTC{}", a.product_id, count_text(a.views),
                           a.purchases, minute_text(a.window_start), minute_text(a.window_end), more),
               colour);
}

std::string ledger_line(const JobView& v) {
  int64_t rejected = 0;
  for (const auto& [reason, n] : v.totals.quarantined) rejected += n;
  const bool closes = v.totals.records == v.totals.silver + v.totals.duplicates + rejected;
  return fmt::format("ledger     {} records = {} silver + {} duplicates + {} quarantined{}",
                     count_text(v.totals.records), count_text(v.totals.silver), count_text(v.totals.duplicates),
                     count_text(rejected), closes ? "" : "  DOES NOT CLOSE");
}

std::vector<std::string> screen(const Job& job, double events_per_second, bool colour) {
  const JobView v = job.view();
  const ViewsAndPurchases totals = job.provisional_totals();
  const std::vector<InterestRow> rows = job.provisional(kProducts);
  const std::string window = rows.empty() ? ""
                                          : fmt::format(" · window {} to {}", minute_text(rows[0].window_start),
                                                        minute_text(rows[0].window_end));
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}  {} · batch {} · watermark {}{}", paint(Paint::strong, "pactolus", colour),
                              rate_text(events_per_second), v.batch,
                              v.watermark == kNoTime ? "not yet" : clock_text(v.watermark) + " UTC", window));
  lines.push_back(interest_heading(colour));
  for (const InterestRow& row : rows)
    lines.push_back(interest_line(row, low_conversion_mark({row.views, row.purchases}, totals), colour));
  lines.push_back(alert_line(v, colour));
  lines.push_back(ledger_line(v));
  return lines;
}

Result<int> Demo::run(Session& session) {
  StoppableClock clock(session.stop);
  Random random = Random::from_system();
  auto writer = TRY(open_lake_writer(session.config, session.config.lake, clock, random, session));
  JobOptions options;
  options.command = "demo";
  options.say = [&session](const std::string& line) { session.say(line); };
  options.stop = [&session] { return session.stop.requested(); };
  // A shorter tick than usual, so that the first screen is there soon; a configured one is obeyed.
  Config config = session.config;
  if (!session.loaded.origins.contains("run.commit_interval")) config.run.commit_interval_us = 300'000;
  auto job = TRY(Job::open(config, std::move(options), clock, random));

  const int64_t start = clock.now_us();
  // A lake that has events goes on behind the newest of them.
  int64_t newest = kNoTime;
  for (const SourceAccount& source : job->view().sources) newest = std::max(newest, source.max_event_time);
  const int64_t back = newest == kNoTime ? kPreload_us : std::clamp<int64_t>(start - newest, 0, kPreload_us);
  if (newest != kNoTime)
    session.say(fmt::format("goes on with the lake in {}, whose newest event is of {}; --lake names another",
                            session.config.lake, iso_time_ms(newest)));
  tell_of_closed_windows(*job, session, start);
  ShopOptions shop{.seed = uint64_t(seed_),
                   .schedule = {.start_us = start - back, .rate = rate_},
                   .run = digits_of_run(start, ::getpid()),
                   .currency = session.config.shop.currency,
                   .late_ratio = 0.01,
                   .dup_ratio = 0.01,
                   .bad_ratio = 0.002};
  if (duration_us_ > 0) shop.schedule.duration_us = back + duration_us_;
  auto source = make_shop(shop);
  auto sink = make_log_sink(*writer);
  Pacer pacer(clock, start);
  std::atomic<bool> stop{false}, sent_all{false};
  Result<DriveReport> sent = DriveReport{};
  std::jthread shoppers([&] {
    sent = drive(*source, *sink, &pacer, stop);
    sent_all = true;
  });

  LiveTable table(session.out, session.out_terminal);
  int64_t drawn_at = 0, counted_at = clock.boot_us(), counted = 0, wait_us = 500;
  double per_second = 0;
  Result<> outcome;
  while (outcome) {
    if (session.stop.requested()) stop = true;
    const bool ended = sent_all;  // before the step: what was sent by now, the step can see
    auto step = job->step();
    if (!step) {
      outcome = std::unexpected(step.error());
      break;
    }
    const int64_t now = clock.boot_us();
    if (now - counted_at >= kMicrosPerSecond || counted == 0) {
      const int64_t records = job->view().totals.records;
      per_second = double(records - counted) * 1e6 / double(now - counted_at);
      counted = records;
      counted_at = now;
    }
    const int64_t redraw = session.out_terminal.is_terminal ? 250'000 : 5 * kMicrosPerSecond;
    if (job->view().totals.batches > 0 && (drawn_at == 0 || now - drawn_at >= redraw)) {
      drawn_at = now;
      table.draw(screen(*job, per_second, session.out_terminal.colour));
      outcome = session.out.flush();
      if (outcome) outcome = write_status(*job, clock, true);
      if (session.out.reader_gone()) stop = true;
    }
    if (step->records > 0) {
      wait_us = 500;
    } else if (ended && step->caught_up) {
      break;
    } else {
      clock.sleep_us(wait_us);
      wait_us = std::min<int64_t>(wait_us * 2, 5'000);
    }
  }
  stop = true;
  shoppers.join();
  if (outcome) outcome = job->finish(false);
  TRY(std::move(outcome));
  TRY(std::move(sent));
  TRY(write_status(*job, clock, false));
  table.draw(screen(*job, per_second, session.out_terminal.colour));
  table.finish();
  const JobView v = job->view();
  session.say(fmt::format("committed {} records in {} batches; the lake stays in {}", count_text(v.totals.records),
                          v.totals.batches, session.config.lake));
  session.say(
      fmt::format("next: pactolus verify --lake {0}   proves that none was lost or doubled\n      pactolus gold show "
                  "product_interest --lake {0}",
                  session.config.lake));
  return session.stop.requested() && session.stop.signal() != 2 ? session.stop.exit_code() : kExitOk;
}

}  // namespace

std::unique_ptr<Command> make_demo() { return std::make_unique<Demo>(); }

}  // namespace pactolus
