// `pactolus ingest`: files as history. Every file becomes durable in a topic of its own first; then whoever has the job
// makes Silver of it: the process that runs the lake, or this one when there is none.
#include "ingest/ingest_topic.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "cli/command.h"
#include "cli/commit_histories.h"
#include "cli/error_report.h"
#include "cli/progress.h"
#include "ingest/dry_run.h"
#include "ingest/input_paths.h"

namespace pactolus {
namespace {

// One file of the command line, as it went.
struct FileReport {
  std::string path;
  IngestTopic topic;
  bool committed = false;
  std::optional<SourceAccount> account;  // of all its rows; empty when they are not committed yet, or long ago
  std::optional<Error> error;            // nothing of it was taken
};

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
  if (file.error) return text + "not taken";
  if (!t.complete)
    return text + fmt::format("stopped after {}, the next run goes on there", counted_text(t.rows, "row"));
  text += counted_text(t.rows, "row");
  if (t.appended == 0 && t.rows > 0)
    text += t.in_silver ? ", all there before, nothing added" : ", all in the log before";
  else if (t.appended < t.rows)
    text += fmt::format(", {} of them new", count_text(t.appended));
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
  if (file.error) out.set("error", file.error->message);
  if (file.account) set_fates(out, *file.account);
  return out;
}

class Progress {
 public:
  Progress(const Session& session, Clock& clock) : line_(session), clock_(clock), started_us_(clock.boot_us()) {}
  // All bytes that are to be read, and what reads them.
  void begin(size_t files, int64_t bytes) { files_ = files, bytes_ = bytes; }
  void file(const std::string& path) { path_ = path; }
  void file_done(int64_t bytes) {
    bytes_done_ += bytes;
    if (++files_done_ < files_) this->bytes(0);  // small files are not heard of otherwise
  }
  void bytes(int64_t of_this_file) {
    if (!due()) return;
    const int64_t done = bytes_done_ + of_this_file, elapsed = clock_.boot_us() - started_us_;
    std::string text = files_ == 1 ? path_ : fmt::format("{} of {} files", files_done_ + 1, files_);
    text += fmt::format(": {} of {}", bytes_text(done), bytes_text(bytes_));
    if (bytes_ > 0) text += " · " + percent_text(double(done) / double(bytes_), 0);
    if (done > 0 && elapsed > 0) {
      text += fmt::format(" · {}/s", bytes_text(int64_t(double(done) * 1e6 / double(elapsed))));
      text += fmt::format(" · {} s left", int64_t(double(bytes_ - done) / double(done) * double(elapsed) / 1e6));
    }
    line_.draw(std::move(text));
  }
  void begin_rows() {
    started_us_ = clock_.boot_us();
    drawn_us_ = 0;
  }
  void rows(int64_t done, int64_t of) {
    if (due()) line_.draw("to Silver: " + progress_text(done, of, clock_.boot_us() - started_us_));
  }
  void clear() { line_.clear(); }
  void say(const std::string& message) { line_.say(message); }
  void tell(const Error& error) {
    const std::string text = error_text(error, false);
    line_.say(text.substr(0, text.size() - 1));
  }

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
  size_t files_ = 0, files_done_ = 0;
  int64_t bytes_ = 0, bytes_done_ = 0;
  int64_t started_us_, drawn_us_ = 0;
};

// What is said about the files, on the screen or as JSON. Of many files people get the first ones and the sum.
class Report {
 public:
  explicit Report(Session& session) : session_(session) {}
  void add(const std::string& line, Json json) {
    if (session_.globals.json)
      files_.push(std::move(json));
    else if (++lines_ <= kLines)
      session_.out << line << "\n";
  }
  void sum(std::string_view verb, int64_t files, int64_t rows, const SourceAccount* fates) {
    if (session_.globals.json) {
      session_.out << Json::object().set("files", std::move(files_)).dump() << "\n";
      return;
    }
    if (lines_ > kLines) session_.out << fmt::format("… and {} more files\n", count_text(lines_ - kLines));
    if (files > 1)
      session_.out << fmt::format("{} files, {}{}{}\n", count_text(files), counted_text(rows, "row"), fates ? verb : "",
                                  fates ? fates_text(*fates) : "");
  }

 private:
  static constexpr int64_t kLines = 40;
  Session& session_;
  Json files_ = Json::array();
  int64_t lines_ = 0;
};

class Ingest final : public Command {
 public:
  CommandInfo info() const override {
    return {"ingest", Group::data_in, "files as history, each of them once",
            "pactolus ingest --dialect rees46 2019-Oct.csv"};
  }
  void declare(Flags& flags) override {
    flags.choice("--dialect", dialect_names(), &dialect_,
                 fmt::format("what the files hold: {} (native)", fmt::join(dialect_names(), ", ")));
    flags.toggle("--dry-run", &dry_run_, "say what would become of the rows, and write nothing");
    flags.toggle("--wait", &wait_, "when another process runs the lake: wait until it has taken the rows");
    flags.duration("--lock-wait", &lock_wait_us_,
                   "how long to wait for the lake before its rows are left to that process (0s)");
    flags.arguments("FILE", &arguments_,
                    "files, folders or patterns: NDJSON, CSV, Parquet, also packed with gzip or zstd");
  }
  Result<int> run(Session& session) override;

 private:
  Result<int> dry_run(Session& session, Clock& clock, Progress& progress);
  Result<int64_t> look_at_files(Progress& progress) const;
  Result<> report(Session& session);
  Result<> bring_to_silver(Session& session, Clock& clock, Progress& progress);

  static constexpr size_t kToldFiles = 10;
  std::string dialect_ = "native";
  std::vector<std::string> arguments_, files_;
  bool dry_run_ = false, wait_ = false;
  int64_t lock_wait_us_ = -1;  // -1: not given
  std::vector<FileReport> reports_;
};

Result<int> Ingest::run(Session& session) {
  if (wait_ && lock_wait_us_ >= 0)
    return fail(ErrorCode::usage, "--lock-wait together with --wait", "--wait has no limit; leave out one of them");
  StoppableClock clock(session.stop);
  Progress progress(session, clock);
  InputPaths found = TRY(find_input_files(arguments_));
  files_ = std::move(found.files);
  if (found.passed_over > 0)
    progress.say(fmt::format("{} in folders {} passed over: by {} no events", counted_text(found.passed_over, "file"),
                             found.passed_over == 1 ? "is" : "are",
                             found.passed_over == 1 ? "its name it holds" : "their names they hold"));
  progress.begin(files_.size(), TRY(look_at_files(progress)));
  if (dry_run_) return dry_run(session, clock, progress);

  const LakePaths lake{session.config.lake};
  TRY(prepare_lake(lake));
  AppendOptions options{.job = session.config.job};
  options.stop = [&session] { return session.stop.requested(); };
  options.progress = [&progress](int64_t done) { progress.bytes(done); };
  const delta::Snapshot silver = TRY(load_silver(lake));
  // A damaged file is told and left out. After any other error what was taken before it counts all the same.
  std::optional<Error> stopped;
  for (const std::string& path : files_) {
    progress.file(path);
    FileReport file{path, {}, false, {}, {}};
    if (auto topic = append_file(path, dialect_, lake, silver, clock, options))
      file.topic = std::move(*topic);
    else
      file.error = std::move(topic).error();
    const bool go_on = !file.error || file.error->code == ErrorCode::invalid;
    if (file.error && go_on && files_.size() > 1) progress.tell(*file.error);
    if (!go_on) stopped = file.error;
    reports_.push_back(std::move(file));
    if (!go_on || session.stop.requested()) break;
    if (const auto size = size_of_file(path)) progress.file_done(*size);
  }
  if (files_.size() == 1 && reports_[0].error) return std::unexpected(*reports_[0].error);
  TRY(bring_to_silver(session, clock, progress));
  progress.clear();
  TRY(report(session));
  if (stopped) return std::unexpected(*stopped);
  if (const auto bad = std::ranges::count_if(reports_, [](const FileReport& f) { return f.error.has_value(); }))
    return fail(ErrorCode::invalid, fmt::format("{} of {} files {} not taken", bad, count_text(int64_t(files_.size())),
                                                bad == 1 ? "was" : "were"));
  return session.stop.requested() ? session.stop.exit_code() : 0;
}

// How many bytes they have. A name that is not there, or nothing that can be read, stops before the first row is
// written; a file that cannot be read among others is left out when its turn comes.
Result<int64_t> Ingest::look_at_files(Progress& progress) const {
  int64_t bytes = 0;
  std::vector<Error> wrong;
  for (const std::string& path : files_) {
    auto file = EventFile::open(path, dialect_);
    if (file)
      bytes += (*file)->input().size();
    else if (file.error().code != ErrorCode::invalid)
      return std::unexpected(std::move(file).error());
    else
      wrong.push_back(std::move(file).error());
  }
  if (wrong.size() < files_.size()) return bytes;
  if (wrong.size() == 1) return std::unexpected(wrong[0]);
  for (size_t i = 0; i < std::min(wrong.size(), kToldFiles); ++i) progress.tell(wrong[i]);
  return fail(ErrorCode::invalid, fmt::format("none of these {} files can be read", count_text(int64_t(wrong.size()))));
}

Result<> Ingest::report(Session& session) {
  const LakePaths lake{session.config.lake};
  std::vector<const FileIdentity*> topics;
  for (const FileReport& file : reports_)
    if (file.committed && file.topic.rows > 0) topics.push_back(&file.topic.identity);
  const auto accounts = TRY(accounts_of(lake, TRY(load_silver(lake)), session.config.job, topics));
  Report out(session);
  SourceAccount sum;
  int64_t rows = 0;
  bool known = true;  // what became of every row
  for (FileReport& file : reports_) {
    const auto account = accounts.find(file.topic.identity.topic);
    if (account != accounts.end() && account->second.end == file.topic.rows) file.account = account->second;
    out.add(text_of(file), json_of(file, dialect_));
    rows += file.topic.rows;
    known = known && (file.account || file.topic.rows == 0);  // a file that was not taken has none
    if (file.account) add_up(sum, *file.account);
  }
  out.sum("; ", int64_t(reports_.size()), rows, known ? &sum : nullptr);
  return {};
}

Result<int> Ingest::dry_run(Session& session, Clock& clock, Progress& progress) {
  auto run = TRY(DryRun::open(session.config));
  Report out(session);
  SourceAccount sum;
  int64_t rows = 0, not_taken = 0;
  const LakePaths lake{session.config.lake};
  const delta::Snapshot silver = TRY(load_silver(lake));
  for (const std::string& path : files_) {
    progress.file(path);
    Json json = Json::object().set("file", path).set("dialect", dialect_).set("dry_run", true);
    std::optional<ThereBefore> there;
    const auto judged = [&]() -> Result<SourceAccount> {
      auto file = TRY(EventFile::open(path, dialect_));
      there = TRY(there_before(*file, lake, silver, session.config.job));
      if (there && there->in_silver) return SourceAccount{};
      return run->judge(*file, clock.now_us(), [&] {
        progress.bytes(int64_t(file->progress() * double(file->input().size())));
        return !session.stop.requested();
      });
    }();
    if (session.stop.requested()) break;
    if (!judged && (judged.error().code != ErrorCode::invalid || files_.size() == 1))
      return std::unexpected(judged.error());
    if (const auto size = size_of_file(path)) progress.file_done(*size);
    progress.clear();
    if (!judged) {  // as the ingest would do
      ++not_taken;
      progress.tell(judged.error());
      out.add(fmt::format("{}: would not be taken", path), std::move(json.set("error", judged.error().message)));
      continue;
    }
    const int64_t here = there && there->in_silver ? there->rows : judged->consumed;
    rows += here;
    json.set("rows", here);
    std::string text = fmt::format("{}: {}", path, counted_text(here, "row"));
    if (there && there->in_silver) {
      json.set("there_before", true);
      text += ", all there before, nothing would be added";
    } else {
      if (there) json.set("in_log", true), text += ", all in the log before";
      add_up(sum, *judged);
      set_fates(json, *judged);
      text += fmt::format("; would be {}", fates_text(*judged));
    }
    out.add(text, std::move(json));
  }
  progress.clear();
  out.sum("; would be ", int64_t(files_.size()), rows, &sum);
  if (session.stop.requested()) return session.stop.exit_code();
  if (not_taken > 0)
    return fail(ErrorCode::invalid,
                fmt::format("{} of {} files would not be taken", not_taken, count_text(int64_t(files_.size()))));
  return 0;
}

Result<> Ingest::bring_to_silver(Session& session, Clock& clock, Progress& progress) {
  std::vector<AppendedHistory> histories;
  std::vector<FileReport*> files;
  for (FileReport& file : reports_) {
    if (!file.topic.complete) continue;
    histories.push_back({file.topic.identity.topic, file.topic.identity.topic_id, file.topic.rows});
    files.push_back(&file);
  }
  progress.begin_rows();
  const HistoryProgress told{[&](int64_t done, int64_t of) { progress.rows(done, of); },
                             [&](const std::string& line) { progress.say(line); }};
  TRY(commit_histories(session, clock, {"ingest", wait_, lock_wait_us_}, told, histories));
  for (size_t i = 0; i < files.size(); ++i) files[i]->committed = histories[i].committed;
  return {};
}

}  // namespace

std::unique_ptr<Command> make_ingest() { return std::make_unique<Ingest>(); }

}  // namespace pactolus
