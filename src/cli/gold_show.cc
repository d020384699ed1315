// `pactolus gold show VIEW`: a view on the terminal, of a running lake (its open window) or a stopped one (the newest
// final window).
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/interest_table.h"
#include "cli/terminal.h"
#include "runtime/interest_reader.h"
#include "runtime/lake_lock.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

struct Shown {
  std::vector<InterestRow> rows;  // of one window
  bool final_rows = true;
};

std::vector<InterestRow> rows_of_status(const Json& status) {
  std::vector<InterestRow> rows;
  for (const Json& j : status["product_interest"].as_array()) {
    InterestRow r;
    r.product_id = j["product_id"].as_string();
    r.window_start = parse_iso_time(j["window_start"].as_string()).value_or(0);
    r.window_end = parse_iso_time(j["window_end"].as_string()).value_or(0);
    r.views = j["views"].as_int(), r.carts = j["carts"].as_int(), r.purchases = j["purchases"].as_int(), r.viewers = j["viewers"].as_int();
    Money revenue = 0;
    if (parse_money(j["revenue"].as_string(), revenue) == DecimalError::none) r.revenue = revenue;
    rows.push_back(std::move(r));
  }
  return rows;
}

class GoldShow final : public Command {
 public:
  CommandInfo info() const override {
    return {"gold show", Group::look, "a Gold view: its newest window", "pactolus gold show product_interest --limit 20"};
  }
  void declare(Flags& flags) override {
    flags.argument("VIEW", {kProductInterest}, &view_, "name of the view");
    flags.count("--limit", "N", &limit_, "most viewed products (10)", 1);
    flags.toggle("--final", &final_only_, "final rows only, also while the lake is running");
  }
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    TRY(check_lake(lake));
    Shown shown;
    if (!final_only_ && TRY(lake_is_locked(lake.lock())))
      if (auto status = read_status(lake)) shown = {rows_of_status(*status), false};
    if (shown.rows.empty()) shown = {TRY(newest_final_window(lake)), true};
    std::stable_sort(shown.rows.begin(), shown.rows.end(), [](const InterestRow& a, const InterestRow& b) { return a.views > b.views; });
    ViewsAndPurchases totals;
    for (const InterestRow& r : shown.rows) totals.views += r.views, totals.purchases += r.purchases;
    if (shown.rows.size() > size_t(limit_)) shown.rows.resize(size_t(limit_));
    print(session, shown, totals);
    return kExitOk;
  }

 private:
  void print(Session& session, const Shown& shown, ViewsAndPurchases totals) {
    if (session.globals.json) {
      Json rows = Json::array();
      for (const InterestRow& r : shown.rows) {
        Json j = Json::object();
        j.set("product_id", r.product_id).set("window_start", iso_time(r.window_start)).set("window_end", iso_time(r.window_end));
        j.set("views", r.views).set("carts", r.carts).set("purchases", r.purchases).set("revenue", money_text(r.revenue)).set("viewers", r.viewers);
        if (const auto c = conversion_of(r.views, r.purchases))
          j.set("conversion_rate", c->rate).set("conversion_low", c->interval.low).set("conversion_high", c->interval.high);
        rows.push(std::move(j));
      }
      session.out << Json::object().set("view", view_).set("final", shown.final_rows).set("rows", std::move(rows)).dump() << "\n";
      return;
    }
    if (shown.rows.empty()) {
      session.say("no window of this view is final yet");
      return;
    }
    const bool colour = session.out_terminal.colour;
    session.out << fmt::format("{}, {} {} to {}\n", view_, date_text(window_date(shown.rows[0])), clock_text(shown.rows[0].window_start),
                               clock_text(shown.rows[0].window_end) + (shown.final_rows ? " UTC, final" : " UTC, still open"));
    session.out << interest_heading(colour) << "\n";
    for (const InterestRow& r : shown.rows)
      session.out << interest_line(r, low_conversion_mark({r.views, r.purchases}, totals), colour) << "\n";
  }
  std::string view_;
  int64_t limit_ = 10;
  bool final_only_ = false;
};

}  // namespace

std::unique_ptr<Command> make_gold_show() { return std::make_unique<GoldShow>(); }

}  // namespace pactolus
