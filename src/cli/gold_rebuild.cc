// `pactolus gold rebuild`: closed windows of a period once more, from Silver.
#include "runtime/gold_rebuild.h"

#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/command.h"
#include "runtime/stream_view.h"

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
  }

  Result<int> run(Session& session) override {
    if (!from_) return fail(ErrorCode::usage, "which days?", "--from 2025-11-01 --to 2025-11-30");
    SystemClock clock;
    Random random = Random::from_system();
    const int32_t last = to_.value_or(*from_);
    const GoldRebuild done =
        TRY(rebuild_view(session.config, declared_views(session.config).front(), *from_, last, clock, random));
    if (session.globals.json) {
      Json out = Json::object()
                     .set("view", kProductInterest)
                     .set("from", date_text(*from_))
                     .set("to", date_text(last))
                     .set("events", done.events)
                     .set("windows", done.windows)
                     .set("rows", done.rows)
                     .set("removed_rows", done.removed_rows)
                     .set("silver_version", done.silver_version.value)
                     .set("version", done.version.value);
      if (done.watermark != kNoTime) out.set("watermark", iso_time(done.watermark));
      session.out << out.dump() << "\n";
      return kExitOk;
    }
    if (done.version.value < 0) {
      session.out << fmt::format("{}: no closed window in these days\n", kProductInterest);
      return kExitOk;
    }
    session.out << fmt::format("{}: {} rows in {} windows, of {} events", kProductInterest, count_text(done.rows),
                               count_text(done.windows), count_text(done.events));
    if (done.removed_rows > 0) session.out << fmt::format("; {} rows replaced", count_text(done.removed_rows));
    session.out << "\n";
    return kExitOk;
  }

 private:
  std::optional<int32_t> from_, to_;
};

}  // namespace

std::unique_ptr<Command> make_gold_rebuild() { return std::make_unique<GoldRebuildCommand>(); }

}  // namespace pactolus
