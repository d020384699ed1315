// `pactolus sql`: SQL over Silver, Gold, quarantine and ledger; a query, or a prompt.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/time_text.h"
#include "cli/command.h"
#include "cli/engine_watch.h"
#include "cli/quarantine_filter.h"
#include "cli/sql_format.h"
#include "cli/sql_prompt.h"
#include "runtime/lake_sql.h"

namespace pactolus {
namespace {

constexpr const char* kPromptHelp =
    "SQL ends with a semicolon, Ctrl-C takes it back. Each statement sees the lake as it is when it starts.\n"
    "  .tables            what there is\n"
    "  .schema NAME       the columns of one\n"
    "  .format NAME       box, json, csv, markdown\n"
    "  .as-of TIME        the lake as it was then; without a time as it is\n"
    "  .help  .exit       Ctrl-D ends too, Ctrl-C ends a query\n";

// "silver=12"
Result<std::pair<std::string, Version>> parse_version(std::string_view text) {
  const size_t equals = text.find('=');
  int64_t version = -1;
  if (equals != text.npos && equals > 0) {
    const std::string_view number = text.substr(equals + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
    if (error != std::errc() || end != number.data() + number.size()) version = -1;
  }
  if (version < 0)
    return fail(ErrorCode::usage, fmt::format("no table and version\nexpected TABLE=N, got \"{}\"", text));
  return std::pair(std::string(text.substr(0, equals)), Version(version));
}

Result<int64_t> parse_moment(std::string_view text, int64_t now_us) {
  const auto time = parse_since(text, now_us);
  if (!time)
    return fail(ErrorCode::usage,
                fmt::format("no time\nexpected 2025-11-29T10:15:30Z, 2025-11-29 or 24h, got \"{}\"", text));
  return *time;
}

Result<std::string> read_stdin() {
  std::string text;
  char buffer[1 << 16];
  for (ssize_t n; (n = ::read(0, buffer, sizeof buffer)) != 0;) {
    if (n < 0) return fail_errno("cannot read", "stdin");
    text.append(buffer, size_t(n));
    if (text.size() > size_t(16) << 20) return fail(ErrorCode::usage, "a query of more than 16 MiB");
  }
  return text;
}

class Sql final : public Command {
 public:
  CommandInfo info() const override {
    return {"sql", Group::look, "SQL over Silver, Gold, quarantine and ledger",
            "pactolus sql \"SELECT event_type, count(*) FROM silver GROUP BY ALL\""};
  }
  void declare(Flags& flags) override {
    flags.choice("--format", {"box", "json", "csv", "markdown", "parquet"}, &format_, "how rows are written (box)");
    flags.text("--as-of", "TIME", &as_of_, "the lake as it was then: a time, a date, or so long ago (24h)");
    flags.texts("--at", "TABLE=N", &versions_, "this version of a table (tables history shows them)");
    flags.size("--memory", &limits_.memory_bytes,
               "most that joins, groups and sorts may hold (a quarter of the machine's, 4GiB)");
    flags.duration("--timeout", &timeout_us_, "most that the query may last (no limit)");
    flags.argument("QUERY", &query_, "without one: from stdin, on a terminal a prompt", false);
  }

  Result<int> run(Session& session) override {
    if (session.globals.json) {
      if (!format_.empty() && format_ != "json")
        return fail(ErrorCode::usage, fmt::format("--json together with --format {}", format_),
                    "leave one of them out");
      format_ = "json";
    }
    if (format_.empty()) format_ = "box";
    SystemClock clock;
    if (!as_of_.empty()) moment_.as_of_us = TRY(parse_moment(as_of_, clock.now_us()));
    for (const std::string& text : versions_)
      if (const auto version = TRY(parse_version(text)); !moment_.versions.insert(version).second)
        return fail(ErrorCode::usage,
                    fmt::format("two versions of {}\nexpected one, got --at {} too", version.first, text));
    if (format_ == "parquet" && ::isatty(1))
      return fail(ErrorCode::usage, "Parquet is not for a terminal", "send it to a file: > rows.parquet");
    EngineWatch watch(session.stop);
    if (query_.empty() && ::isatty(0) && ::isatty(1)) return prompt(session, watch);
    if (query_.empty() || query_ == "-") query_ = TRY(read_stdin());
    TRY(answer(session, watch, query_));
    return session.stop.requested() ? session.stop.exit_code() : kExitOk;
  }

 private:
  Result<> answer(Session& session, EngineWatch& watch, const std::string& query) {
    bool left_out = false;
    auto done = answer_from(session, watch, query, query, left_out);
    // A name that was not found; anything else would be the same once more.
    if (!done && left_out && done.error().message.starts_with("Catalog Error"))
      done = answer_from(session, watch, query, std::nullopt, left_out);
    if (!done && watch.time_was_over())
      return fail(ErrorCode::io, fmt::format("the query took longer than {}", duration_text(timeout_us_)),
                  "--timeout gives it more");
    if (!done && session.stop.requested()) return {};
    if (!done && done.error().message.starts_with("Out of Memory"))
      return fail(ErrorCode::io, std::string(parts_of(done.error().message).what), "--memory gives it more");
    return done;
  }

  Result<> answer_from(Session& session, EngineWatch& watch, const std::string& query,
                       std::optional<std::string_view> named_in, bool& left_out) {
    LakeSql lake = TRY(LakeSql::open({session.config.lake}, moment_, limits_, named_in));
    left_out = lake.left_out();
    watch.engine_is(&lake.engine(), timeout_us_);
    auto done = format_ == "parquet" ? write_parquet(session, lake, query) : write_rows(session, lake, query);
    watch.engine_is(nullptr);
    return done;
  }

  Result<> write_rows(Session& session, LakeSql& lake, const std::string& query) {
    const auto rows = make_row_format(format_, session.out);
    const auto done = lake.engine().stream(query, nested_as(format_), [&](const SqlTable& part) -> Result<> {
      TRY(rows->add(part));
      return session.out.reader_gone() ? fail(ErrorCode::io, "nobody reads on") : Result<>();
    });
    if (session.out.reader_gone()) return {};  // `| head` has what it wanted
    TRY(done);
    TRY(rows->end());
    if (rows->left_out() > 0)
      session.say(fmt::format("{} more rows are not shown; csv and json have no limit", count_text(rows->left_out())));
    return {};
  }

  static Result<> write_parquet(Session& session, LakeSql& lake, const std::string& query) {
    const fs::path file = lake.temporary() / "rows.parquet";
    TRY(make_folders(lake.temporary()));
    TRY(lake.engine().write_parquet(query, file));
    for (int64_t at = 0;;) {
      const std::string bytes = TRY(read_file_part(file, at, 1 << 20));
      if (bytes.empty()) return {};
      session.out << bytes;
      at += int64_t(bytes.size());
    }
  }

  Result<int> prompt(Session& session, EngineWatch& watch) {
    // What is wrong with the lake or the flags is an error of the command; what is wrong with a statement is told.
    (void)TRY(LakeSql::open({session.config.lake}, moment_, limits_));
    session.say(fmt::format("SQL over {}. .help tells more, .exit ends.", session.config.lake));
    SqlPrompt lines(session.stop, sql_history_path());
    std::string statement;
    while (true) {
      TRY(session.out.flush());
      const auto line = lines.line(statement.empty() ? "pactolus> " : "     ...> ");
      if (session.stop.requested()) return session.stop.exit_code();
      if (!line) break;
      if (line->given_up) {
        statement.clear();
        continue;
      }
      const std::string& text = line->text;
      if (statement.empty() && text.starts_with('.')) {
        lines.remember(text);
        if (text == ".exit" || text == ".quit") break;
        if (auto done = told(session, text); !done) print_error(done.error(), session.message_terminal.colour);
        continue;
      }
      statement += (statement.empty() ? "" : "\n") + text;
      const SqlStatement typed = take_statement(statement);
      if (typed.text.empty()) statement.clear();  // blanks and comments
      if (typed.text.empty() || !typed.ended) continue;
      lines.remember(statement);
      if (auto done = answer(session, watch, std::exchange(statement, "")); !done)
        print_error(done.error(), session.message_terminal.colour);
      if (session.stop.requested() && session.stop.signal() == SIGINT) session.stop.take_back();
    }
    session.out << "\n";
    return kExitOk;
  }

  // A line that begins with a dot.
  Result<> told(Session& session, const std::string& line) {
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest =
        space == line.npos ? "" : line.substr(std::min(line.size(), line.find_first_not_of(' ', space)));
    SystemClock clock;
    if (word == ".help") {
      session.out << kPromptHelp;
    } else if (word == ".tables") {
      const LakeSql lake = TRY(LakeSql::open({session.config.lake}, moment_, limits_));
      for (const SqlLakeTable& table : lake.tables())
        session.out << fmt::format("{:<28} version {:>6}  {}  {} rows\n", table.name, table.version.value,
                                   iso_time_ms(table.time_ms * 1000), count_text(table.rows));
    } else if (word == ".schema") {
      LakeSql lake = TRY(LakeSql::open({session.config.lake}, moment_, limits_));
      const auto rows = make_row_format("box", session.out);
      TRY(lake.engine().stream(fmt::format("SELECT column_name, column_type FROM (DESCRIBE {})", rest),
                               NestedAs::duckdb_text, [&](const SqlTable& part) { return rows->add(part); }));
      TRY(rows->end());
    } else if (word == ".format") {
      constexpr std::string_view kNames[] = {"box", "json", "csv", "markdown"};
      if (std::ranges::find(kNames, rest) == std::end(kNames))
        return fail(ErrorCode::usage, fmt::format("no format\nexpected {}, got \"{}\"", fmt::join(kNames, ", "), rest));
      format_ = rest;
    } else if (word == ".as-of") {
      moment_.as_of_us.reset();
      if (!rest.empty()) moment_.as_of_us = TRY(parse_moment(rest, clock.now_us()));
    } else {
      return fail(ErrorCode::usage, fmt::format("no such command: {}", word), ".help lists them");
    }
    return {};
  }

  std::string format_, as_of_, query_;
  std::vector<std::string> versions_;
  LakeMoment moment_;
  SqlLimits limits_;
  int64_t timeout_us_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_sql() { return std::make_unique<Sql>(); }

}  // namespace pactolus
