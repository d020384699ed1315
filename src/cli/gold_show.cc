// `pactolus gold show VIEW`: a view on the terminal: its newest final window, or, of product_interest on a running
// lake, the open one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/interest_table.h"
#include "cli/sql_format.h"
#include "cli/terminal.h"
#include "gold/interest_json.h"
#include "runtime/declared_view.h"
#include "runtime/interest_reader.h"
#include "runtime/lake_lock.h"
#include "runtime/lake_sql.h"
#include "runtime/model.h"
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
    flags.argument("VIEW", &view_, "name of a view (`config show`) or of a daily model (`model list`)");
    flags.count("--limit", "N", &limit_, "rows, those with most in the first measure (10)", 1);
    flags.toggle("--final", &final_only_, "of product_interest: the final window, also while the lake is running");
  }
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    TRY(check_lake(lake));
    if (view_ != kProductInterest) return show_table(session, lake);
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

  Result<int> show_table(Session& session, const LakePaths& lake) const {
    const std::vector<std::string> there = gold_tables(lake);
    if (std::ranges::find(there, view_) == there.end())
      return fail(
          ErrorCode::usage,
          fmt::format("there is no view {} in this lake\nexpected one of {}, got {}{}", view_, fmt::join(there, ", "),
                      view_, did_you_mean(view_, std::vector<std::string_view>(there.begin(), there.end()))));
    const auto table = TRY(delta::Snapshot::load(lake.gold(view_)));
    if (is_model_table(table)) return show_model(session, table);
    const auto view = DeclaredView::read(table.metadata().configuration).declaration(view_);
    return view && view->shape.is_session() ? show_sessions(session, lake, *view) : show_view(session, lake);
  }

  // Each has a window of its own: those that were over last.
  Result<int> show_sessions(Session& session, const LakePaths& lake, const ViewDeclaration& view) const {
    LakeSql sql = TRY(LakeSql::open(lake, {}, {}));
    const std::string table = "gold." + sql_name(view_);
    const SqlTable all = TRY(sql.engine().query("SELECT count(*) AS rows FROM " + table));
    if (all.int_at(0, "rows") == 0 && !session.globals.json) {
      say_that_nothing_is_final(session);
      return kExitOk;
    }
    if (session.globals.json)
      session.out << fmt::format("{{\"view\":{},\"final\":true,\"rows\":", Json(view_).dump());
    else
      session.out << fmt::format("{}, the newest of {} that are over\n", view_, count_text(all.int_at(0, "rows")));
    std::string keys;
    for (const EventColumn key : view.keys) keys += fmt::format(", {} DESC", name_of(key));
    const std::string_view format = session.globals.json ? "json" : "box";
    const auto out = make_row_format(format, session.out);
    TRY(sql.engine().stream(
        fmt::format("SELECT * EXCLUDE (basis, batch_id, window_date) FROM {} ORDER BY window_end DESC{} LIMIT {}",
                    table, keys, limit_),
        nested_as(format), [&](const SqlTable& part) { return out->add(part); }));
    TRY(out->end());
    if (session.globals.json) session.out << "}\n";
    return kExitOk;
  }

  // The newest day of a daily model.
  Result<int> show_model(Session& session, const delta::Snapshot& table) const {
    const ModelRows rows = TRY(model_rows(table, std::nullopt, limit_));
    const bool json = session.globals.json;
    if (rows.day.empty() && !json) {
      session.say(fmt::format("no day of it has rows: pactolus model run {} --date DAY", view_));
      return kExitOk;
    }
    if (json)
      session.out << fmt::format("{{\"view\":{},\"day\":{},\"rows\":", Json(view_).dump(),
                                 rows.day.empty() ? "null" : Json(rows.day).dump());
    else
      session.out << fmt::format("{}, {}, {}\n", view_, rows.day, counted_text(rows.rows, "row"));
    const auto out = make_row_format(json ? "json" : "box", session.out);
    TRY(out->add(rows.first));
    TRY(out->end());
    if (json) session.out << "}\n";
    return kExitOk;
  }

  // Any other view: the rows of its newest window, without what is of no use to people.
  Result<int> show_view(Session& session, const LakePaths& lake) const {
    LakeSql sql = TRY(LakeSql::open(lake, {}, {}));
    const std::string table = "gold." + sql_name(view_);
    const SqlTable window = TRY(sql.engine().query(
        fmt::format("SELECT window_start, any_value(window_end) AS window_end, count(*) AS rows FROM {} GROUP BY "
                    "window_start ORDER BY window_start DESC LIMIT 1",
                    table)));
    const SqlTable columns = TRY(sql.engine().query(fmt::format(
        "SELECT column_name, column_type FROM (DESCRIBE {}) WHERE column_type <> 'BLOB' AND column_name NOT IN "
        "('window_start', 'window_end', 'window_date', 'batch_id', 'basis')",
        table)));
    std::string wanted, first_measure, keys;
    for (size_t r = 0; r < columns.rows; ++r) {
      const std::string name = columns.text_at(r, "column_name"), type = columns.text_at(r, "column_type");
      const bool cut = type == "DOUBLE" && !session.globals.json;
      wanted +=
          (wanted.empty() ? "" : ", ") + (cut ? fmt::format("round({0}, 4) AS {0}", sql_name(name)) : sql_name(name));
      if (type == "VARCHAR")
        keys += ", " + sql_name(name);
      else if (first_measure.empty())
        first_measure = sql_name(name);
    }
    const std::string rows =
        fmt::format("SELECT {} FROM {} WHERE window_start = (SELECT max(window_start) FROM {}) ORDER BY {}{} LIMIT {}",
                    wanted, table, table, first_measure.empty() ? "1" : first_measure + " DESC", keys, limit_);
    if (session.globals.json) {
      session.out << fmt::format("{{\"view\":{},\"final\":true,", Json(view_).dump());
      if (window.rows > 0)
        session.out << fmt::format("\"window_start\":{},\"window_end\":{},",
                                   Json(window.text_at(0, "window_start")).dump(),
                                   Json(window.text_at(0, "window_end")).dump());
      session.out << "\"rows\":";
    } else if (window.rows == 0) {
      say_that_nothing_is_final(session);
      return kExitOk;
    } else {
      session.out << fmt::format("{}, {} to {}, final, {} rows\n", view_, window.text_at(0, "window_start"),
                                 window.text_at(0, "window_end"), count_text(window.int_at(0, "rows")));
    }
    const std::string_view format = session.globals.json ? "json" : "box";
    const auto out = make_row_format(format, session.out);
    TRY(sql.engine().stream(rows, nested_as(format), [&](const SqlTable& part) { return out->add(part); }));
    TRY(out->end());
    if (session.globals.json) session.out << "}\n";
    return kExitOk;
  }

  static void say_that_nothing_is_final(Session& session) {
    session.say(
        "no window of this view is final yet: one is when the watermark has passed its end\n"
        "hint: `pactolus run --until-caught-up --close-windows` makes all windows of the stream final; those of files "
        "that "
        "were ingested, and of a time before the view was declared, `pactolus gold rebuild --from DATE --to DATE` "
        "makes");
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
      say_that_nothing_is_final(session);
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
