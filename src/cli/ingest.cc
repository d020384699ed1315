// `pactolus ingest`: files as history. Every file becomes durable in a topic of its own first; then whoever has the job
// makes Silver of it: the process that runs the lake, or this one when there is none.
#include "ingest/ingest_topic.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/command.h"
#include "cli/progress.h"
#include "ingest/dry_run.h"
#include "runtime/job.h"
#include "runtime/lake_lock.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

constexpr int64_t kLook_us = 200'000;  // how often a waiting ingest looks at Silver

// One file of the command line, as it went.
struct FileReport {
  std::string path;
  IngestTopic topic;
  bool committed = false;
  std::optional<SourceAccount> account;  // of all its rows; empty when they are not committed yet, or long ago
};

std::string fates_text(const SourceAccount& a) {
  std::string text = fmt::format("{} to Silver, {} duplicates, {} quarantined", count_text(a.silver),
                                 count_text(a.duplicates), count_text(a.quarantined_total()));
  std::string_view before = " (";
  for (const auto& [reason, n] : a.quarantined) {
    text += fmt::format("{}{} {}", before, reason, count_text(n));
    before = ", ";
  }
  return before == ", " ? text + ")" : text;
}

void set_fates(Json& out, const SourceAccount& a) {
  Json quarantined = Json::object();
  for (const auto& [reason, n] : a.quarantined) quarantined.set(reason, n);
  out.set("silver", a.silver)
      .set("duplicates", a.duplicates)
      .set("conflicting_duplicates", a.conflicting)
      .set("quarantined", std::move(quarantined));
}

std::string text_of(const FileReport& file) {
  const IngestTopic& t = file.topic;
  std::string text = file.path + ": ";
  if (!t.complete) return text + fmt::format("stopped after {} rows, the next run goes on there", count_text(t.rows));
  text += t.appended == 0        ? fmt::format("{} rows, all there before, nothing added", count_text(t.rows))
          : t.appended == t.rows ? fmt::format("{} rows", count_text(t.rows))
                                 : fmt::format("{} rows, {} of them new", count_text(t.rows), count_text(t.appended));
  if (file.account) return text + "; " + fates_text(*file.account);
  return file.committed ? text : text + "; durable in the log, not in Silver yet";
}

Json json_of(const FileReport& file, const std::string& dialect) {
  Json out = Json::object()
                 .set("file", file.path)
                 .set("dialect", dialect)
                 .set("topic", file.topic.identity.topic)
                 .set("rows", file.topic.rows)
                 .set("appended", file.topic.appended)
                 .set("complete", file.topic.complete)
                 .set("committed", file.committed);
  if (file.account) set_fates(out, *file.account);
  return out;
}

class Progress {
 public:
  Progress(const Session& session, Clock& clock) : line_(session), clock_(clock) {}
  void file(const std::string& path) {
    path_ = path;
    started_us_ = clock_.boot_us();
    drawn_us_ = 0;
  }
  void bytes(int64_t done, int64_t of) {
    if (!due()) return;
    const int64_t elapsed = clock_.boot_us() - started_us_;
    std::string text = fmt::format("{}: {} of {}", path_, bytes_text(done), bytes_text(of));
    if (of > 0) text += " · " + percent_text(double(done) / double(of), 0);
    if (done > 0 && elapsed > 0) {
      text += fmt::format(" · {}/s", bytes_text(int64_t(double(done) * 1e6 / double(elapsed))));
      text += fmt::format(" · {} s left", int64_t(double(of - done) / double(done) * double(elapsed) / 1e6));
    }
    line_.draw(std::move(text));
  }
  void rows(int64_t done, int64_t of) {
    if (due()) line_.draw("to Silver: " + progress_text(done, of, clock_.boot_us() - started_us_));
  }
  void clear() { line_.clear(); }
  void say(const std::string& message) { line_.say(message); }

 private:
  bool due() {
    const int64_t now = clock_.boot_us();
    if (!line_.on() || now - drawn_us_ < 100'000) return false;
    drawn_us_ = now;
    return true;
  }
  ProgressLine line_;
  Clock& clock_;
  std::string path_;
  int64_t started_us_ = 0, drawn_us_ = 0;
};

class Ingest final : public Command {
 public:
  CommandInfo info() const override {
    return {"ingest", Group::data_in, "files as history, each of them once",
            "pactolus ingest --dialect rees46 2019-Oct.csv"};
  }
  void declare(Flags& flags) override {
    flags.choice("--dialect", dialect_names(), &dialect_,
                 "what the files hold: native events as NDJSON (default), rees46 as CSV");
    flags.toggle("--dry-run", &dry_run_, "say what would become of the rows, and write nothing");
    flags.toggle("--wait", &wait_, "when another process runs the lake: wait until it has taken the rows");
    flags.duration("--lock-wait", &lock_wait_us_,
                   "how long to wait for the lake before its rows are left to that process (0s)");
    flags.arguments("FILE", &files_, "NDJSON or CSV");
  }
  Result<int> run(Session& session) override;

 private:
  Result<int> dry_run(Session& session, Clock& clock);
  Result<> see_what_is_committed(const Session& session);
  bool all_committed() const {
    return std::ranges::all_of(reports_, [](const FileReport& f) { return f.committed; });
  }
  Result<bool> left_half_done(const Session& session) const;
  Result<> run_job_here(Session& session, Clock& clock, Progress& progress, bool& busy);
  Result<> bring_to_silver(Session& session, Clock& clock, Progress& progress);

  std::string dialect_ = "native";
  std::vector<std::string> files_;
  bool dry_run_ = false, wait_ = false;
  int64_t lock_wait_us_ = -1;  // -1: not given
  std::vector<FileReport> reports_;
};

Result<int> Ingest::run(Session& session) {
  if (wait_ && lock_wait_us_ >= 0)
    return fail(ErrorCode::usage, "--lock-wait together with --wait", "--wait has no limit; leave out one of them");
  StoppableClock clock(session.stop);
  // A wrong name or dialect anywhere stops before the first row is written.
  for (const std::string& path : files_) TRY(EventFile::open(path, dialect_));
  if (dry_run_) return dry_run(session, clock);

  const LakePaths lake{session.config.lake};
  TRY(prepare_lake(lake));
  Progress progress(session, clock);
  AppendOptions options{.job = session.config.job};
  options.stop = [&session] { return session.stop.requested(); };
  options.progress = [&progress](int64_t done, int64_t of) { progress.bytes(done, of); };
  for (const std::string& path : files_) {
    progress.file(path);
    reports_.push_back({path, TRY(append_file(path, dialect_, lake, clock, options)), false, {}});
    if (session.stop.requested()) break;
  }
  TRY(see_what_is_committed(session));
  if (!session.stop.requested() && (!all_committed() || TRY(left_half_done(session))))
    TRY(bring_to_silver(session, clock, progress));
  progress.clear();

  Json files = Json::array();
  for (FileReport& file : reports_) {
    if (file.committed && file.topic.rows > 0) {
      auto account = account_of(lake, session.config.job, file.topic.identity);
      if (!account) return std::unexpected(account.error());
      if (*account && (*account)->end == file.topic.rows) file.account = std::move(**account);
    }
    if (session.globals.json)
      files.push(json_of(file, dialect_));
    else
      session.out << text_of(file) << "\n";
  }
  if (session.globals.json) session.out << Json::object().set("files", std::move(files)).dump() << "\n";
  return session.stop.requested() ? session.stop.exit_code() : 0;
}

Result<int> Ingest::dry_run(Session& session, Clock& clock) {
  auto run = TRY(DryRun::open(session.config));
  Json files = Json::array();
  for (const std::string& path : files_) {
    auto file = TRY(EventFile::open(path, dialect_));
    const SourceAccount account = TRY(run->judge(*file, clock.now_us()));
    if (session.globals.json) {
      Json out =
          Json::object().set("file", path).set("dialect", dialect_).set("rows", account.consumed).set("dry_run", true);
      set_fates(out, account);
      files.push(std::move(out));
    } else {
      session.out << fmt::format("{}: {} rows; would be {}\n", path, count_text(account.consumed), fates_text(account));
    }
  }
  if (session.globals.json) session.out << Json::object().set("files", std::move(files)).dump() << "\n";
  return 0;
}

Result<> Ingest::see_what_is_committed(const Session& session) {
  const LakePaths lake{session.config.lake};
  for (FileReport& file : reports_)
    if (!file.committed)
      file.committed =
          file.topic.complete &&
          (file.topic.rows == 0 ||
           TRY(committed_end(lake, session.config.job, file.topic.identity)).value_or(0) >= file.topic.rows);
  return {};
}

// A run was killed between its Silver commit and what follows from it, and nobody has taken the lake since: the rejects
// of these files may be missing from the quarantine.
Result<bool> Ingest::left_half_done(const Session& session) const {
  const LakePaths lake{session.config.lake};
  const auto reached = [&](const fs::path& table) -> Result<int64_t> {
    const auto snapshot = delta::Snapshot::load(table);
    if (!snapshot && snapshot.error().code == ErrorCode::not_found) return 0;
    if (!snapshot) return std::unexpected(snapshot.error());
    return snapshot->txn_version(app_id(session.config.job, "batch")).value_or(0);
  };
  if (TRY(reached(lake.quarantine())) >= TRY(reached(lake.silver()))) return false;
  return !TRY(lake_is_locked(lake.lock()));
}

// Takes the job and steps until the files are in Silver. `busy`: somebody else has taken it meanwhile.
Result<> Ingest::run_job_here(Session& session, Clock& clock, Progress& progress, bool& busy) {
  JobOptions options;
  options.lock_wait_us = 0;
  options.command = "ingest";
  options.say = [&progress](const std::string& line) { progress.say(line); };
  options.stop = [&session] { return session.stop.requested(); };
  auto opened = Job::open(session.config, std::move(options), clock, Random::from_system());
  busy = !opened && opened.error().code == ErrorCode::busy;
  if (busy) return {};
  const std::unique_ptr<Job> held = TRY(std::move(opened));
  Job& job = *held;
  TRY(see_what_is_committed(session));  // by whoever held the lake a moment ago: such a topic is not read any more
  int64_t rows = 0;
  for (const FileReport& file : reports_) rows += file.topic.rows;
  progress.file("");
  while (!all_committed() && !session.stop.requested()) {
    const Job::Step step = TRY(job.step());
    if (step.committed) TRY(write_status(job, clock, true));
    int64_t done = 0;
    const JobView view = job.view();
    for (FileReport& file : reports_)
      for (const SourceAccount& a : view.sources)
        if (a.topic == file.topic.identity.topic) {
          done += a.end;
          file.committed |= file.topic.complete && a.end >= file.topic.rows;
        }
    progress.rows(done, rows);
    if (step.records == 0 && !step.committed) clock.sleep_us(1'000);
  }
  TRY(job.finish(false));
  return write_status(job, clock, false);
}

Result<> Ingest::bring_to_silver(Session& session, Clock& clock, Progress& progress) {
  const LakePaths lake{session.config.lake};
  const int64_t until = clock.boot_us() + std::max<int64_t>(lock_wait_us_, 0);
  for (bool told = false; !session.stop.requested();) {
    bool busy = TRY(lake_is_locked(lake.lock()));
    if (!busy) {
      TRY(run_job_here(session, clock, progress, busy));
      if (!busy) return {};
    }
    if (all_committed()) return {};
    const auto holder = read_lock_holder(lake.lock());
    const std::string who =
        holder ? fmt::format("pid {} ({})", holder->pid, holder->command) : std::string("another process");
    // Another ingest ends as soon as its own files are in, so nobody would take these: it is waited for, without a
    // limit when none is given.
    const bool takes_rows = holder && holder->command != "ingest";
    if (!wait_ && clock.boot_us() >= until && takes_rows) {
      progress.say(
          fmt::format("{} runs this lake and will take the rows; --wait waits for it\n"
                      "if it ends before: pactolus run --until-caught-up",
                      who));
      return {};
    }
    if (lock_wait_us_ >= 0 && clock.boot_us() >= until)
      return fail(ErrorCode::busy, fmt::format("another process runs this lake: {}", who),
                  "the rows are durable in the log; the next ingest or run takes them to Silver");
    if (!told) progress.say(fmt::format("waiting for {}, which runs this lake", who));
    told = true;
    clock.sleep_us(kLook_us);
    TRY(see_what_is_committed(session));
  }
  return {};
}

}  // namespace

std::unique_ptr<Command> make_ingest() { return std::make_unique<Ingest>(); }

}  // namespace pactolus
