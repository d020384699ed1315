// `pactolus tables optimize`: small files become large ones.
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

class TablesOptimize final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables optimize", Group::trust, "merge small files; the rows stay", "pactolus tables optimize silver"};
  }
  void declare(Flags& flags) override {
    flags.size("--target", &options_.target_bytes, "size of the merged files (256MiB)");
    flags.date("--from", &options_.from_day, "only partitions of this date and later");
    flags.date("--to", &options_.to_day, "only partitions up to this date");
    flags.argument("TABLE", &table_, kTableHelp, false);
  }
  Result<int> run(Session& session) override {
    if (options_.from_day && options_.to_day && *options_.to_day < *options_.from_day)
      return fail(ErrorCode::usage, fmt::format("the period ends before it begins\nexpected a date from {} on, got {}",
                                                date_text(*options_.from_day), date_text(*options_.to_day)));
    SystemClock clock;
    Random random = Random::from_system();
    ProgressLine line(session);
    const int64_t began = clock.boot_us();
    options_.stop = [&] { return session.stop.requested(); };
    options_.progress = [&](int64_t done, int64_t of) {
      if (line.on()) line.draw("files merged: " + progress_text(done, of, clock.boot_us() - began));
    };
    Json list = Json::array();
    for (const LakeTable& table : TRY(tables_named({session.config.lake}, table_))) {
      const Optimized done = TRY(optimize_table({session.config.lake}, table, options_, clock, random));
      line.clear();
      if (session.globals.json)
        list.push(Json::object()
                      .set("table", table.name)
                      .set("merges", done.merges)
                      .set("files_before", done.files_before)
                      .set("files_after", done.files_after)
                      .set("rows", done.rows)
                      .set("bytes", done.bytes)
                      .set("given_up", done.given_up));
      else
        session.out << fmt::format("{}: {} files became {}, {} rows, {}{}\n", table.name, count_text(done.files_before),
                                   count_text(done.files_after), count_text(done.rows), bytes_text(done.bytes),
                                   done.given_up == 0 ? ""
                                                      : fmt::format("; {} merges were given up: others were first",
                                                                    count_text(done.given_up)));
      if (session.stop.requested()) break;
    }
    if (session.globals.json) session.out << Json::object().set("tables", std::move(list)).dump() << "\n";
    return session.stop.requested() ? session.stop.exit_code() : kExitOk;
  }

 private:
  std::string table_;
  OptimizeOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_tables_optimize() { return std::make_unique<TablesOptimize>(); }

}  // namespace pactolus
