// `pactolus gold rebuild`: closed windows of a period once more, from Silver.
#include "runtime/gold_rebuild.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "cli/command.h"

namespace pactolus {
namespace {

class GoldRebuildCommand final : public Command {
 public:
  CommandInfo info() const override {
    return {"gold rebuild", Group::trust, "closed windows of some days once more, from Silver",
            "pactolus gold rebuild --from 2025-11-01 --to 2025-11-30"};
  }
  void declare(Flags& flags) override {
    flags.date("--from", &from_, "first day, UTC, of window starts");
    flags.date("--to", &to_, "last day (the first)");
    flags.text("--view", "NAME", &view_, "of one view only");
  }

  Result<int> run(Session& session) override {
    if (!from_) return fail(ErrorCode::usage, "which days?", "--from 2025-11-01 --to 2025-11-30");
    const std::vector<ViewDeclaration> views = TRY(chosen(session.config));
    SystemClock clock;
    Random random = Random::from_system();
    const int32_t last = to_.value_or(*from_);
    Json done = Json::array();
    int code = kExitOk;
    for (const ViewDeclaration& view : views) {
      if (session.stop.requested()) return session.stop.exit_code();
      const auto one = rebuild_view(session.config, view, *from_, last, clock, random);
      if (!one && (views.size() == 1 || one.error().code == ErrorCode::usage)) return std::unexpected(one.error());
      if (!one) {  // no reason to leave the others as they are
        print_error(one.error(), session.message_terminal.colour);
        if (code == kExitOk) code = exit_code(one.error().code);
        done.push(Json::object().set("view", view.name).set("error", parts_of(one.error().message).what));
      } else if (session.globals.json) {
        done.push(json_of(view, *one));
      } else {
        session.out << text_of(view, *one) << "\n";
      }
    }
    if (session.globals.json)
      session.out << Json::object()
                         .set("from", date_text(*from_))
                         .set("to", date_text(last))
                         .set("views", std::move(done))
                         .dump()
                  << "\n";
    return code;
  }

 private:
  Result<std::vector<ViewDeclaration>> chosen(const Config& config) const {
    if (view_.empty()) return config.gold.views;
    std::vector<std::string_view> names;
    for (const ViewDeclaration& view : config.gold.views) {
      if (view.name == view_) return std::vector{view};
      names.push_back(view.name);
    }
    return fail(ErrorCode::usage, fmt::format("there is no view {}\nexpected one of {}, got {}{}", view_,
                                              fmt::join(names, ", "), view_, did_you_mean(view_, names)));
  }

  static Json json_of(const ViewDeclaration& view, const GoldRebuild& done) {
    Json out = Json::object()
                   .set("view", view.name)
                   .set("from", date_text(done.first_day))
                   .set("to", date_text(done.last_day))
                   .set("events", done.events)
                   .set("windows", done.windows)
                   .set("rows", done.rows)
                   .set("removed_rows", done.removed_rows)
                   .set("silver_version", done.silver_version.value)
                   .set("version", done.version.value);
    if (done.watermark != kNoTime) out.set("watermark", iso_time(done.watermark));
    if (done.stream_from != kNoTime) out.set("stream_from", iso_time(done.stream_from));
    return out;
  }

  std::string text_of(const ViewDeclaration& view, const GoldRebuild& done) const {
    if (done.version.value < 0) return fmt::format("{}: no closed window in these days", view.name);
    std::string out = fmt::format("{}: {} rows in {} windows, of {} events", view.name, count_text(done.rows),
                                  count_text(done.windows), count_text(done.events));
    if (done.first_day < *from_ || done.last_day > to_.value_or(*from_))
      out +=
          fmt::format("; of {} to {}, since sessions reach there", date_text(done.first_day), date_text(done.last_day));
    if (done.removed_rows > 0) out += fmt::format("; {} rows replaced", count_text(done.removed_rows));
    if (done.stream_from != kNoTime)
      out += fmt::format("; a stream makes windows that begin after {}", iso_time(done.stream_from - 1));
    return out;
  }

  std::optional<int32_t> from_, to_;
  std::string view_;
};

}  // namespace

std::unique_ptr<Command> make_gold_rebuild() { return std::make_unique<GoldRebuildCommand>(); }

}  // namespace pactolus
