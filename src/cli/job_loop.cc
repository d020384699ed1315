#include "cli/job_loop.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "base/time_text.h"
#include "runtime/status.h"

namespace pactolus {
namespace {
// Of a log that tells when it has more: what comes in so short a time is taken at once.
constexpr int64_t kGather_us = 5'000;
// Of one that cannot tell: from wait to wait longer. An empty poll of all partitions costs a few microseconds.
constexpr int64_t kShortWait_us = 500, kLongWait_us = 20'000;
// A status costs some milliseconds, most of them for counting viewers.
constexpr int64_t kTick_us = 1'000'000, kDraw_us = 250'000;

// True when there was anything.
bool read_empty(int descriptor) {
  char bytes[4096];
  bool any = false;
  while (::read(descriptor, bytes, sizeof bytes) > 0) any = true;
  return any;
}
}  // namespace

JobOptions job_options(Session& session, ProgressLine& line, std::string command, int64_t lock_wait_us) {
  JobOptions options;
  options.command = std::move(command);
  options.lock_wait_us = lock_wait_us;
  options.say = [&line](const std::string& text) { line.say(text); };
  options.stop = [&session] { return session.stop.requested(); };
  return options;
}

Json summary_json(const JobView& v) {
  Json rejected = Json::object();
  for (const auto& [reason, n] : v.totals.quarantined) rejected.set(reason, n);
  return Json::object()
      .set("batch", v.batch)
      .set("batches", v.totals.batches)
      .set("records", v.totals.records)
      .set("silver", v.totals.silver)
      .set("duplicates", v.totals.duplicates)
      .set("quarantined", std::move(rejected))
      .set("late", v.totals.late)
      .set("watermark", v.watermark == kNoTime ? Json() : Json(iso_time(v.watermark)));
}

void tell_of_closed_windows(const Job& job, const Session& session, int64_t now_us) {
  const int64_t watermark = job.view().watermark;
  if (watermark != kNoTime && watermark > now_us)
    session.say(fmt::format("windows up to {} UTC were closed: events before that come too late for them",
                            clock_text(watermark)));
}

Result<> run_job(Job& job, Session& session, Clock& clock, const JobLoop& loop) {
  tell_of_closed_windows(job, session, clock.now_us());
  int64_t wait_us = kShortWait_us, told_us = 0;
  int64_t drawn_us = 0, records = 0;
  CatchUp catch_up;
  const auto wait = [&] {
    const Job::Rest rest = job.rest();
    if (rest.wake_descriptor < 0) {
      clock.sleep_us(std::min(wait_us, rest.us));
      wait_us = std::min(wait_us * 2, kLongWait_us);
      return;
    }
    session.stop.wait_us(rest.us, rest.wake_descriptor);
    if (read_empty(rest.wake_descriptor)) clock.sleep_us(std::min(kGather_us, rest.us));
  };
  const auto deliver = [&] {
    if (!loop.deliveries) return Json::array();
    for (const std::string& text : loop.deliveries->messages()) {
      if (loop.progress)
        loop.progress->say(text);
      else
        session.say(text);
    }
    return loop.deliveries->status();
  };
  if (loop.deliveries) loop.deliveries->follow(job, clock.boot_us());
  while (!session.stop.requested()) {
    const Job::Step step = TRY(job.step());
    if (step.committed && loop.deliveries) loop.deliveries->follow(job, clock.boot_us());
    const int64_t now = clock.boot_us();
    records += step.records;
    if (step.committed || now - told_us >= kTick_us) {
      TRY(write_status(job, clock, true, deliver()));
      told_us = now;
    }
    if (loop.progress && loop.progress->on() && now - drawn_us >= kDraw_us) {
      const LogPosition position = TRY(job.position());
      catch_up.see(position, records, now);
      loop.progress->draw(job_progress_text(catch_up, position, job.view(), clock.now_us(), loop.progress->colour()));
      drawn_us = now;
    }
    if (step.records > 0 || step.committed) {
      wait_us = std::max(kShortWait_us, wait_us / 4);  // a few events a second are no reason to hurry
      continue;
    }
    if (loop.until_caught_up && step.caught_up) break;
    wait();
  }
  TRY(job.finish(loop.close_windows && !session.stop.requested()));
  if (loop.progress) loop.progress->clear();
  if (loop.deliveries) loop.deliveries->follow(job, clock.boot_us(), true);
  return write_status(job, clock, false, deliver());
}

}  // namespace pactolus
