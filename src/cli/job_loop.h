// Driving a job from a command: steps until it is done or asked to stop, with status and progress on the way.
#pragma once

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/stop_signal.h"
#include "runtime/deliveries.h"
#include "runtime/job.h"

namespace pactolus {

struct JobLoop {
  bool until_caught_up = false;
  bool close_windows = false;
  ProgressLine* progress = nullptr;  // null: nobody is told
  Deliveries* deliveries = nullptr;  // null: nothing leaves the lake
};

// Of a command that takes the lake: what the job says goes above the line, a stop ends its waiting. Both must outlive
// it.
JobOptions job_options(Session& session, ProgressLine& line, std::string command, int64_t lock_wait_us);

// After --close-windows the watermark may be ahead of the clock: says so, since nearly all that comes is late then.
void tell_of_closed_windows(const Job& job, const Session& session, int64_t now_us);

// Ends after a clean finish (commit, Gold brought up), also when asked to stop. Whom the deliveries have not reached
// yet is not waited for.
Result<> run_job(Job& job, Session& session, Clock& clock, const JobLoop& loop);
Json summary_json(const JobView& view);

}  // namespace pactolus
