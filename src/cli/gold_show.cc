// `pactolus gold show VIEW`: a view on the terminal, of a running lake (its open window) or a stopped one (the newest
// final window).
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/interest_table.h"
#include "cli/terminal.h"
#include "gold/interest_json.h"
#include "runtime/interest_reader.h"
#include "runtime/lake_lock.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

struct Shown {
  std::vector<InterestRow> rows;  // of one window, most viewed first
  InterestTotals totals;          // of all its products, also of those that are not among the rows
  bool final_rows = true;
};

InterestTotals totals_of(const std::vector<InterestRow>& rows) {
  InterestTotals totals;
  totals.products = int64_t(rows.size());
  for (const InterestRow& r : rows) totals.views += r.views, totals.purchases += r.purchases;
  return totals;
}

std::vector<InterestRow> rows_of_status(const Json& status) {
  std::vector<InterestRow> rows;
  for (const Json& j : status["product_interest"].as_array()) {
    InterestRow r;
    r.product_id = j["product_id"].as_string();
    r.window_start = parse_iso_time(j["window_start"].as_string()).value_or(0);
    r.window_end = parse_iso_time(j["window_end"].as_string()).value_or(0);
    r.views = j["views"].as_int(), r.carts = j["carts"].as_int(), r.purchases = j["purchases"].as_int(),
    r.viewers = j["viewers"].as_int();
    Money revenue = 0;
    if (parse_money(j["revenue"].as_string(), revenue) == DecimalError::none) r.revenue = revenue;
    rows.push_back(std::move(r));
  }
  return rows;
}

class GoldShow final : public Command {
 public:
  CommandInfo info() const override {
    return {"gold show", Group::look, "a Gold view: its newest window",
            "pactolus gold show product_interest --limit 20"};
  }
  void declare(Flags& flags) override {
    flags.argument("VIEW", {kProductInterest}, &view_, "name of the view; the others are read with any reader of Delta");
    flags.count("--limit", "N", &limit_, "most viewed products (10)", 1);
    flags.toggle("--final", &final_only_, "final rows only, also while the lake is running");
  }
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    TRY(check_lake(lake));
    Shown shown = TRY(look(lake));
    const int64_t wanted = std::min(limit_, shown.totals.products);
    if (int64_t(shown.rows.size()) < wanted)
      session.say(
          fmt::format("the process that runs the lake tells of the {} most viewed products of its open window, of {}; "
                      "--final has no such limit",
                      count_text(int64_t(shown.rows.size())), count_text(shown.totals.products)));
    if (shown.rows.size() > size_t(limit_)) shown.rows.resize(size_t(limit_));
    print(session, shown);
    return kExitOk;
  }

 private:
  Result<Shown> look(const LakePaths& lake) const {
    const auto holder = TRY(lake_holder(lake.lock()));
    if (const auto status = read_status(lake); !final_only_ && holder && status && is_status_of(*status, *holder)) {
      Shown open{rows_of_status(*status), {}, false};
      open.totals = totals_of(open.rows);
      if (const Json* told = status->find("product_interest_totals")) {  // a process of an older release tells none
        open.totals.products = (*told)["products"].as_int();
        open.totals.views = (*told)["views"].as_int();
        open.totals.purchases = (*told)["purchases"].as_int();
      }
      if (!open.rows.empty()) return open;
    }
    Shown done{TRY(newest_final_window(lake)), {}, true};
    done.totals = totals_of(done.rows);
    std::stable_sort(done.rows.begin(), done.rows.end(),
                     [](const InterestRow& a, const InterestRow& b) { return a.views > b.views; });
    return done;
  }

  void print(Session& session, const Shown& shown) const {
    const InterestTotals& totals = shown.totals;
    if (session.globals.json) {
      session.out << Json::object()
                         .set("view", view_)
                         .set("final", shown.final_rows)
                         .set("totals", interest_totals_json(totals))
                         .set("rows", interest_rows_json(shown.rows, totals))
                         .dump()
                  << "\n";
      return;
    }
    if (shown.rows.empty()) {
      session.say(
          "no window of this view is final yet: one is when the watermark has passed its end\n"
          "hint: `pactolus run --until-caught-up --close-windows` makes all windows of the stream final; of files that "
          "were ingested `pactolus gold rebuild --from DATE --to DATE` makes them");
      return;
    }
    const bool colour = session.out_terminal.colour;
    session.out << fmt::format(
        "{}, {} {} to {}\n", view_, date_text(window_date(shown.rows[0])), clock_text(shown.rows[0].window_start),
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
