// `pactolus alerts silence`: nobody wants to hear of a product for a while.
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "runtime/alert_notes.h"

namespace pactolus {
namespace {

class AlertsSilence final : public Command {
 public:
  CommandInfo info() const override {
    return {"alerts silence", Group::look, "mark a product's alerts as not wanted for a while",
            "pactolus alerts silence prod_0042 --for 24h"};
  }
  void declare(Flags& flags) override {
    flags.duration("--for", &for_us_, "how long from now on");
    flags.toggle("--off", &off_, "end the silence");
    flags.text("--note", "TEXT", &note_, "why");
    flags.arguments("PRODUCT", &products_, "also one without an alert", true, Complete::nothing);
  }
  Result<int> run(Session& session) override {
    if (off_ == (for_us_ > 0))
      return fail(ErrorCode::usage, off_ ? "--off together with --for" : "for how long?", "--for 24h, or --off");
    const LakePaths lake{session.config.lake};
    SystemClock clock;
    const int64_t now = clock.now_us(), until = now + for_us_;
    const std::vector<AlertRow> open = TRY(open_alerts(lake));
    TRY(change_alert_notes(lake, now, open, [&](AlertNotes& notes) {
      for (const std::string& product : products_) {
        std::erase_if(notes.silences, [&](const AlertNotes::Silence& s) { return s.product_id == product; });
        if (!off_) notes.silences.push_back({product, until, note_});
      }
    }));
    if (session.globals.json)
      session.out << Json::object()
                         .set("products", int64_t(products_.size()))
                         .set("silenced_until", off_ ? Json() : Json(iso_time(until)))
                         .dump()
                  << "\n";
    else
      session.out << (off_ ? fmt::format("{} heard again\n", counted_text(int64_t(products_.size()), "product"))
                           : fmt::format("{} silenced until {}\n", counted_text(int64_t(products_.size()), "product"),
                                         iso_time_ms(until)));
    return kExitOk;
  }

 private:
  int64_t for_us_ = 0;
  bool off_ = false;
  std::string note_;
  std::vector<std::string> products_;
};

}  // namespace

std::unique_ptr<Command> make_alerts_silence() { return std::make_unique<AlertsSilence>(); }

}  // namespace pactolus
