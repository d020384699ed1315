// `pactolus run`: Bronze to Silver to Gold, streaming or until caught up.
#include <fmt/core.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/job_loop.h"
#include "cli/stop_signal.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "runtime/deliveries.h"
#include "runtime/job.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

constexpr int64_t kPatienceStopped_us = kMicrosPerSecond;

class Run final : public Command {
 public:
  CommandInfo info() const override {
    return {"run", Group::pipeline, "Bronze to Silver to Gold, streaming",
            "pactolus run --until-caught-up --close-windows"};
  }
  void declare(Flags& flags) override {
    flags.toggle("--until-caught-up", &until_caught_up_, "end when everything that is there has been committed");
    flags.toggle("--close-windows", &close_windows_,
                 "with --until-caught-up: make all windows final, what comes earlier later is late");
    declare_from(flags);
    flags.key("--start", "WHERE", "run.start", "start of a topic that was never read: earliest, latest, a time");
    flags.toggle("--take-over", &take_over_, "take the lake from a process that hangs");
    flags.duration("--lock-wait", &lock_wait_us_, "how long to wait for another process that runs the lake (10s)");
    flags.duration("--deliver-within", &deliver_within_us_, "how long to wait at the end for receivers of Gold (30s)");
    flags.key("--batch-records", "N", "run.batch_records",
              "cut at so many records, so that the same log gives the same batches");
    flags.key("--commit-interval", "TIME", "run.commit_interval", "how often a batch is committed (1s)");
  }
  Result<int> run(Session& session) override {
    if (close_windows_ && !until_caught_up_)
      return fail(ErrorCode::usage, "--close-windows without --until-caught-up",
                  "a stream that goes on closes its windows by itself");
    StoppableClock clock(session.stop);
    ProgressLine progress(session);
    JobOptions options = job_options(session, progress, "run", lock_wait_us_);
    options.take_over = take_over_;
    options.first_batch_at_once = session.config.run.batch_records == 0;
    const auto origin = session.loaded.origins.find("run.start");
    options.start_given = origin != session.loaded.origins.end() && origin->second.starts_with("flag ");
    auto job = TRY(Job::open(session.config, std::move(options), clock, Random::from_system()));
    const auto deliveries = TRY(Deliveries::start(session.config, *job));
    const JobLoop loop{.until_caught_up = until_caught_up_,
                       .close_windows = close_windows_,
                       .progress = &progress,
                       .deliveries = deliveries.get()};
    TRY(run_job(*job, session, clock, loop));
    const bool stopped = session.stop.requested();
    const std::vector<std::string> behind =
        deliveries->finish(stopped ? std::min(kPatienceStopped_us, deliver_within_us_) : deliver_within_us_,
                           [&] { return !stopped && session.stop.requested(); });
    for (const std::string& text : deliveries->messages()) session.say(text);
    TRY(write_status(*job, clock, false, deliveries->status()));
    session.out << summary_json(job->view()).dump() << "\n";
    for (const std::string& name : behind)
      session.say(fmt::format("{} has not taken everything; the lake has it, and the next run delivers it", name));
    if (stopped) return session.stop.exit_code();
    return behind.empty() ? 0 : kExitUndelivered;
  }

 private:
  bool until_caught_up_ = false, close_windows_ = false, take_over_ = false;
  int64_t lock_wait_us_ = JobOptions().lock_wait_us, deliver_within_us_ = 30 * kMicrosPerSecond;
};

}  // namespace

std::unique_ptr<Command> make_run() { return std::make_unique<Run>(); }

}  // namespace pactolus
