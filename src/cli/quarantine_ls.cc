// `pactolus quarantine ls`: what waits in the quarantine, by reason.
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/quarantine_filter.h"

namespace pactolus {
namespace {

class QuarantineLs final : public Command {
 public:
  CommandInfo info() const override {
    return {"quarantine ls", Group::trust, "rejected records, by reason", "pactolus quarantine ls --since 24h"};
  }
  void declare(Flags& flags) override { which_.declare(flags); }

  Result<int> run(Session& session) override {
    Quarantine quarantine = TRY(Quarantine::open({session.config.lake}, session.config.job));
    const auto reasons = TRY(quarantine.by_reason(TRY(which_.filter(SystemClock().now_us()))));
    if (session.globals.json) {
      Json list = Json::array();
      for (const QuarantineReason& r : reasons)
        list.push(Json::object()
                      .set("reason", r.reason)
                      .set("waiting", r.waiting)
                      .set("in_flight", r.in_flight)
                      .set("first", iso_time(r.first_us))
                      .set("last", iso_time(r.last_us))
                      .set("sample", Json::object().set("position", r.sample_position).set("detail", r.sample_detail)));
      session.out << Json::object().set("reasons", std::move(list)).dump() << "\n";
      return kExitOk;
    }
    if (reasons.empty()) {
      session.say(which_.given() ? "nothing of that waits in the quarantine" : "nothing waits in the quarantine");
      return kExitOk;
    }
    session.out << paint(Paint::strong,
                         fmt::format("{:<20} {:>10}  {:<20}  {:<20}  sample", "reason", "records", "first", "last"),
                         session.out_terminal.colour)
                << "\n";
    for (const QuarantineReason& r : reasons) {
      session.out << fmt::format("{:<20} {:>10}  {:<20}  {:<20}  {}", r.reason, count_text(r.waiting + r.in_flight),
                                 second_text(r.first_us), second_text(r.last_us), bytes_as_text(r.sample_detail, 60));
      if (r.in_flight > 0) session.out << fmt::format("  ({} being replayed)", count_text(r.in_flight));
      session.out << "\n";
    }
    return kExitOk;
  }

 private:
  static std::string second_text(int64_t time_us) { return iso_time(time_us).substr(0, 19) + "Z"; }
  QuarantineFlags which_;
};

}  // namespace

std::unique_ptr<Command> make_quarantine_ls() { return std::make_unique<QuarantineLs>(); }

}  // namespace pactolus
