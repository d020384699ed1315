// `pactolus alerts ls`: the alerts that are open, or everything that was told.
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "gold/conversion.h"
#include "runtime/alert_notes.h"

namespace pactolus {
namespace {

class AlertsLs final : public Command {
 public:
  CommandInfo info() const override {
    return {"alerts ls", Group::look, "products of high interest and low conversion: the alerts that are open",
            "pactolus alerts ls --all --limit 20"};
  }
  void declare(Flags& flags) override {
    flags.toggle("--all", &all_, "every transition, the newest first, also of alerts that are over");
    flags.count("--limit", "N", &limit_, "so many (50)", 1);
  }
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    SystemClock clock;
    std::vector<AlertRow> rows = TRY(all_ ? told_alerts(lake) : open_alerts(lake));
    if (all_) std::ranges::reverse(rows);
    const int64_t found = int64_t(rows.size());
    if (found > limit_) rows.resize(size_t(limit_));
    const AlertNotes notes = TRY(read_alert_notes(lake));
    if (session.globals.json)
      session.out << json_of(rows, notes, clock.now_us(), found).dump() << "\n";
    else
      print(session, rows, notes, clock.now_us(), found);
    return kExitOk;
  }

 private:
  static Json json_of(std::span<const AlertRow> rows, const AlertNotes& notes, int64_t now_us, int64_t found) {
    Json list = Json::array();
    for (const AlertRow& row : rows) {
      Json alert = alert_json(row).set("alert_time", iso_time(row.told_us));
      const AlertNotes::Ack* ack = notes.ack_of(row);
      const AlertNotes::Silence* silence = notes.silence_of(row, now_us);
      alert.set("acknowledged", ack ? Json(iso_time(ack->time_us)) : Json());
      alert.set("silenced_until", silence ? Json(iso_time(silence->until_us)) : Json());
      alert.set("note", ack && !ack->note.empty() ? Json(ack->note) : Json());
      list.push(std::move(alert));
    }
    return Json::object().set("found", found).set("alerts", std::move(list));
  }

  void print(Session& session, std::span<const AlertRow> rows, const AlertNotes& notes, int64_t now_us,
             int64_t found) const {
    if (rows.empty()) {
      session.say(all_ ? "no alert has been told" : "no alert is open");
      return;
    }
    for (const AlertRow& row : rows) {
      const AlertTransition& t = row.transition;
      std::string line = fmt::format("{:<12} {:<28} {:>7} views {:>4} sold", cut_to_width(t.product_id, 12), row.rule,
                                     count_text(t.views), count_text(t.purchases));
      if (const auto c = conversion_of(t.views, t.purchases))
        line += fmt::format("  {:.2f} .. {:.2f} %", c->interval.low * 100, c->interval.high * 100);
      line += fmt::format("  {} {} to {}", date_text(int32_t(floor_div(t.window_start, kMicrosPerDay))),
                          clock_text(t.window_start), clock_text(t.window_end));
      if (all_) line += fmt::format("  {}", name_of(t.state));
      if (t.opened_window != t.window_start) line += fmt::format(", since {}", clock_text(t.opened_window));
      if (const auto* ack = notes.ack_of(row))
        line += fmt::format("  acknowledged{}", ack->note.empty() ? "" : ": " + ack->note);
      if (const auto* silence = notes.silence_of(row, now_us))
        line += fmt::format("  silenced until {}", iso_time_ms(silence->until_us));
      session.out << line << "\n";
    }
    if (found > int64_t(rows.size()))
      session.say(fmt::format("{} more; --limit shows them", count_text(found - int64_t(rows.size()))));
  }

  bool all_ = false;
  int64_t limit_ = 50;
};

}  // namespace

std::unique_ptr<Command> make_alerts_ls() { return std::make_unique<AlertsLs>(); }

}  // namespace pactolus
