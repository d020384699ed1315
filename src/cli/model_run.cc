// `pactolus model run`: a day of a daily model, or many days of all of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "cli/command.h"
#include "cli/engine_watch.h"
#include "cli/model_report.h"
#include "cli/progress.h"

namespace pactolus {
namespace {

class ModelRunCommand final : public Command {
 public:
  CommandInfo info() const override {
    return {"model run", Group::pipeline, "make a day of a daily model, whole, from Silver",
            "pactolus model run daily_top_products --date 2025-11-29 --report top.html"};
  }
  void declare(Flags& flags) override {
    flags.date("--date", &date_, "the day, in the shop's time zone");
    flags.date("--from", &from_, "first of many days instead");
    flags.date("--to", &to_, "last of them");
    flags.toggle("--all", &all_, "every model that there is");
    flags.text("--report", "FILE", &report_, "also write the day as a page, .md or .html", Complete::files);
    flags.key("--models", "DIR", "models.folder", "where models of your own are", Complete::folders);
    flags.size("--memory", &options_.limits.memory_bytes, "most that it may take (a quarter of the machine's, 4GiB)");
    flags.argument("NAME", &name_, "of the model; `model list` has them", false);
  }

  Result<int> run(Session& session) override {
    TRY(check_flags());
    const std::vector<Model> models = TRY(chosen(session.config));
    const bool one_day = first_ == last_;
    SystemClock clock;
    Random random = Random::from_system();
    EngineWatch watch(session.stop);
    options_.engine_is = [&](SqlEngine* engine) { watch.engine_is(engine); };
    ProgressLine line(session);
    const int64_t began = clock.boot_us(), total = (last_ - first_ + 1) * int64_t(models.size());
    std::vector<ModelDay> pages;
    int64_t done = 0, without_events = 0;
    std::map<std::string, Error> failed;  // by model: the others go on
    for (int32_t day = first_; day <= last_; ++day) {
      for (const Model& model : models) {
        ++done;
        if (failed.contains(model.name)) continue;
        if (line.on() && total > 1)
          line.draw(fmt::format("{} {}: {}", model.name, date_text(day),
                                progress_text(done, total, clock.boot_us() - began)));
        const int64_t start = clock.boot_us();
        auto run = run_model(session.config, model, day, options_, clock, random);
        if (session.stop.requested()) return session.stop.exit_code();
        if (!run && run.error().code == ErrorCode::not_found && !one_day) {
          ++without_events;
          continue;
        }
        line.clear();
        if (!run && total == 1) return std::unexpected(std::move(run).error());
        if (!run) {
          tell_of_failure(session, model, day, run.error());
          failed.emplace(model.name, std::move(run).error());
          continue;
        }
        tell(session, model, day, *run, double((clock.boot_us() - start) / 1000) * 1e-3);
        if (!report_.empty()) pages.push_back({model, *run, TRY(first_rows(session.config, model, day))});
      }
    }
    if (without_events == total)
      return fail(ErrorCode::not_found, fmt::format("there are no events on {} to {} ({})", date_text(first_),
                                                    date_text(last_), session.config.shop.time_zone));
    if (!pages.empty()) {  // nothing is written of nothing
      const ReportHead head{date_text(first_), session.config.shop.time_zone, session.config.lake};
      TRY(replace_file(report_, report_.ends_with(".md") ? markdown_report(head, pages) : html_report(head, pages)));
    }
    return failed.empty() ? kExitOk : exit_code(failed.begin()->second.code);
  }

 private:
  static void tell_of_failure(Session& session, const Model& model, int32_t day, const Error& error) {
    print_error(error, session.message_terminal.colour);
    if (session.globals.json)
      session.out << Json::object()
                         .set("model", model.name)
                         .set("date", date_text(day))
                         .set("error", parts_of(error.message).what)
                         .dump()
                  << "\n";
  }

  Result<> check_flags() {
    if (date_ && (from_ || to_))
      return fail(ErrorCode::usage, "--date together with --from or --to", "--date is one day; leave one of them out");
    if (!date_ && !from_) return fail(ErrorCode::usage, "which day?", "--date 2025-11-29, or --from and --to");
    first_ = date_ ? *date_ : *from_;
    last_ = date_ ? *date_ : to_.value_or(first_);
    if (last_ < first_)
      return fail(ErrorCode::usage, fmt::format("the period ends before it begins\nexpected a date from {} on, got {}",
                                                date_text(first_), date_text(last_)));
    if (name_.empty() && !all_)
      return fail(ErrorCode::usage, "which model?", "a name, or --all; `pactolus model list`");
    if (!name_.empty() && all_) return fail(ErrorCode::usage, "--all together with a name", "leave one of them out");
    if (report_.empty()) return {};
    if (first_ != last_) return fail(ErrorCode::usage, "--report is of one day", "--date instead of --from and --to");
    if (!report_.ends_with(".md") && !report_.ends_with(".html"))
      return fail(ErrorCode::usage,
                  fmt::format("no kind of report\nexpected a file ending in .md or .html, got \"{}\"", report_));
    return {};
  }

  Result<std::vector<Model>> chosen(const Config& config) const {
    std::vector<Model> models = TRY(list_models(config.models.folder));
    if (!all_) {
      std::vector<std::string> all;
      for (const Model& model : models) all.push_back(model.name);
      const std::vector<std::string_view> names(all.begin(), all.end());
      std::erase_if(models, [&](const Model& model) { return model.name != name_; });
      if (models.empty())
        return fail(ErrorCode::usage,
                    fmt::format("there is no model {}\nexpected one of {}, got {}{}", name_, fmt::join(names, ", "),
                                name_, did_you_mean(name_, names)),
                    fmt::format("your own are files in {}", config.models.folder));
    }
    for (const Model& model : models)
      if (std::ranges::find(config.gold.views, model.name, &ViewDeclaration::name) != config.gold.views.end()) {
        auto error = fail(ErrorCode::usage, fmt::format("a view has the name {} too", model.name),
                          "give the model another name");
        error.error().where = model.file;
        return error;
      }
    return models;
  }

  static Result<SqlTable> first_rows(const Config& config, const Model& model, int32_t day) {
    auto table = delta::Snapshot::load(LakePaths{config.lake}.gold(model.name));
    if (!table && table.error().code == ErrorCode::not_found) return SqlTable();
    return TRY(model_rows(TRY(std::move(table)), day, kReportRows)).first;
  }

  static void tell(Session& session, const Model& model, int32_t day, const ModelRun& run, double seconds) {
    if (session.globals.json) {
      session.out << Json::object()
                         .set("model", model.name)
                         .set("date", date_text(day))
                         .set("time_zone", session.config.shop.time_zone)
                         .set("events", run.events)
                         .set("rows", run.rows)
                         .set("replaced_rows", run.replaced_rows)
                         .set("silver_version", run.silver_version.value)
                         .set("version", run.version.value < 0 ? Json() : Json(run.version.value))
                         .set("seconds", seconds)
                         .dump()
                  << "\n";
      return;
    }
    session.out << fmt::format(
        "{} {}: {} of {}{}\n", model.name, date_text(day), counted_text(run.rows, "row"),
        counted_text(run.events, "event"),
        run.replaced_rows > 0 ? fmt::format("; {} replaced", count_text(run.replaced_rows)) : "");
  }

  std::optional<int32_t> date_, from_, to_;
  int32_t first_ = 0, last_ = 0;
  bool all_ = false;
  std::string name_, report_;
  ModelOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_model_run() { return std::make_unique<ModelRunCommand>(); }

}  // namespace pactolus
