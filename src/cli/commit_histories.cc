#include "cli/commit_histories.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "ingest/ingest_topic.h"
#include "runtime/job.h"
#include "runtime/lake_lock.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

constexpr int64_t kLook_us = 200'000;  // how often one who waits looks at Silver

class Committing {
 public:
  Committing(Session& session, Clock& clock, const CommitHistories& how, const HistoryProgress& progress,
             std::span<AppendedHistory> histories)
      : session_(session),
        clock_(clock),
        how_(how),
        progress_(progress),
        histories_(histories),
        lake_{session.config.lake} {}

  Result<> run() {
    TRY(look());
    if (session_.stop.requested() || (all_committed() && !TRY(left_half_done()))) return {};
    const int64_t until = clock_.boot_us() + std::max<int64_t>(how_.lock_wait_us, 0);
    for (bool told = false; !session_.stop.requested();) {
      bool busy = TRY(lake_is_locked(lake_.lock()));
      if (!busy) {
        TRY(run_job_here(busy));
        if (!busy) return {};
      }
      if (all_committed()) return {};
      const auto holder = read_lock_holder(lake_.lock());
      const std::string who =
          holder ? fmt::format("pid {} ({})", holder->pid, holder->command) : std::string("another process");
      // Another ingest ends as soon as its own files are in, so nobody would take these: it is waited for, without a
      // limit when none is given.
      const bool takes_rows = holder && (holder->command == "run" || holder->command == "demo");
      if (!how_.wait && clock_.boot_us() >= until && takes_rows) {
        progress_.say(
            fmt::format("{} runs this lake and will take the rows; --wait waits for it\n"
                        "if it ends before: pactolus run --until-caught-up",
                        who));
        return {};
      }
      if (how_.lock_wait_us >= 0 && clock_.boot_us() >= until)
        return fail(ErrorCode::busy, fmt::format("another process runs this lake: {}", who),
                    "the rows are durable in the log; the next ingest or run takes them to Silver");
      if (!told) progress_.say(fmt::format("waiting for {}, which runs this lake", who));
      told = true;
      clock_.sleep_us(kLook_us);
      TRY(look());
    }
    return {};
  }

 private:
  bool all_committed() const {
    return std::ranges::all_of(histories_, [](const AppendedHistory& h) { return h.committed; });
  }
  Result<> look() {
    const delta::Snapshot silver = TRY(load_silver(lake_));
    for (AppendedHistory& h : histories_)
      if (!h.committed)
        h.committed =
            h.rows == 0 || committed_end(silver, session_.config.job, h.topic, h.topic_id).value_or(0) >= h.rows;
    return {};
  }

  // A run was killed between its Silver commit and what follows from it, and nobody has taken the lake since: the
  // rejects of these histories may be missing from the quarantine.
  Result<bool> left_half_done() const {
    const auto reached = [&](const fs::path& table) -> Result<int64_t> {
      const auto snapshot = delta::Snapshot::load(table);
      if (!snapshot && snapshot.error().code == ErrorCode::not_found) return 0;
      if (!snapshot) return std::unexpected(snapshot.error());
      return snapshot->txn_version(app_id(session_.config.job, "batch")).value_or(0);
    };
    if (TRY(reached(lake_.quarantine())) >= TRY(reached(lake_.silver()))) return false;
    return !TRY(lake_is_locked(lake_.lock()));
  }

  // Takes the job and steps until they are in Silver. `busy`: somebody else has taken it meanwhile.
  Result<> run_job_here(bool& busy) {
    JobOptions options;
    options.lock_wait_us = 0;
    options.command = how_.command;
    options.say = progress_.say;
    options.stop = [this] { return session_.stop.requested(); };
    auto opened = Job::open(session_.config, std::move(options), clock_, Random::from_system());
    busy = !opened && opened.error().code == ErrorCode::busy;
    if (busy) return {};
    const std::unique_ptr<Job> held = TRY(std::move(opened));
    Job& job = *held;
    TRY(look());  // by whoever held the lake a moment ago: such a topic is not read any more
    std::unordered_map<std::string_view, AppendedHistory*> waiting;
    int64_t rows = 0, done = 0;  // of those that wait
    for (AppendedHistory& h : histories_) {
      if (h.committed) continue;
      waiting.emplace(h.topic, &h);
      rows += h.rows;
    }
    while (!waiting.empty() && !session_.stop.requested()) {
      const Job::Step step = TRY(job.step());
      if (step.committed) TRY(write_status(job, clock_, true));
      int64_t reached = 0;
      for (const SourceAccount& a : job.view().sources) {
        const auto history = waiting.find(a.topic);
        if (history == waiting.end()) continue;
        if (a.end < history->second->rows) {
          reached += a.end;
          continue;
        }
        history->second->committed = true;
        done += a.end;
        waiting.erase(history);
      }
      progress_.rows(done + reached, rows);
      if (step.records == 0 && !step.committed) clock_.sleep_us(1'000);
    }
    TRY(job.finish(false));
    return write_status(job, clock_, false);
  }

  Session& session_;
  Clock& clock_;
  const CommitHistories& how_;
  const HistoryProgress& progress_;
  std::span<AppendedHistory> histories_;
  LakePaths lake_;
};

}  // namespace

std::string fates_text(const SourceAccount& a, std::string_view rejected) {
  std::string text = fmt::format("{} to Silver, {}", count_text(a.silver), counted_text(a.duplicates, "duplicate"));
  if (a.conflicting > 0) text += fmt::format(" ({} of them say something else)", count_text(a.conflicting));
  text += fmt::format(", {} {}", count_text(a.quarantined_total()), rejected);
  std::string_view before = " (";
  for (const auto& [reason, n] : a.quarantined) {
    text += fmt::format("{}{} {}", before, reason, count_text(n));
    before = ", ";
  }
  return before == ", " ? text + ")" : text;
}

Result<> commit_histories(Session& session, Clock& clock, const CommitHistories& how, const HistoryProgress& progress,
                          std::span<AppendedHistory> histories) {
  return Committing(session, clock, how, progress, histories).run();
}

}  // namespace pactolus
