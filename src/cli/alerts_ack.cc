// `pactolus alerts ack`: somebody has seen it.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "runtime/alert_notes.h"

namespace pactolus {
namespace {

class AlertsAck final : public Command {
 public:
  CommandInfo info() const override {
    return {"alerts ack", Group::look, "say that somebody looks after an open alert",
            "pactolus alerts ack prod_0042 --note \"price was wrong\""};
  }
  void declare(Flags& flags) override {
    flags.text("--note", "TEXT", &note_, "what there is to say about it");
    flags.arguments("PRODUCT", &products_, "whose open alerts", true, Complete::nothing);
  }
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    SystemClock clock;
    const int64_t now = clock.now_us();
    const std::vector<AlertRow> open = TRY(open_alerts(lake));
    std::vector<const AlertRow*> meant;
    for (const std::string& product : products_) {
      const size_t before = meant.size();
      for (const AlertRow& alert : open)
        if (alert.transition.product_id == product) meant.push_back(&alert);
      if (meant.size() == before)
        return fail(ErrorCode::not_found, fmt::format("no alert of {} is open", product), "pactolus alerts ls");
    }
    TRY(change_alert_notes(lake, now, open, [&](AlertNotes& notes) {
      for (const AlertRow* alert : meant) {
        const AlertTransition& t = alert->transition;
        std::string note = note_;
        std::erase_if(notes.acks, [&](const AlertNotes::Ack& a) {
          const bool same = a.rule == alert->rule && a.product_id == t.product_id && a.opened_window == t.opened_window;
          if (same && note.empty()) note = a.note;  // said again, with nothing new
          return same;
        });
        notes.acks.push_back({alert->rule, t.product_id, t.opened_window, now, std::move(note)});
      }
    }));
    if (session.globals.json)
      session.out << Json::object().set("acknowledged", int64_t(meant.size())).dump() << "\n";
    else
      session.out << fmt::format("{} acknowledged\n", counted_text(int64_t(meant.size()), "alert"));
    return kExitOk;
  }

 private:
  std::string note_;
  std::vector<std::string> products_;
};

}  // namespace

std::unique_ptr<Command> make_alerts_ack() { return std::make_unique<AlertsAck>(); }

}  // namespace pactolus
