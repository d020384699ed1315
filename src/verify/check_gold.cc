// The final windows of every view against Silver. Once as the stream made them, and once for each state of Silver that
// a rebuild has read: there nothing is late, and histories count. A table says itself what it holds: today's
// configuration may be another.
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "gold/distinct_set.h"
#include "lake/parquet/parquet_file.h"
#include "runtime/declared_view.h"
#include "verify/checks.h"
#include "verify/funnel_check.h"
#include "verify/view_sql.h"

namespace pactolus {
namespace {

struct Judged {
  int64_t rows = 0, windows = 0, keys = 0, approximate = 0;  // of the stream
  int64_t rebuilt = 0, earlier = 0;
  int64_t larger = 0;           // windows that held erased events
  int64_t watermark = kNoTime;  // that the view has reached
};

class ViewCheck {
 public:
  ViewCheck(VerifyInput& in, const VerifiedTable& table, DeclaredView declared, const ViewDeclaration& view,
            CheckResult& result)
      : in_(in), table_(table), declared_(std::move(declared)), view_(view), sql_(view_, table.name), result_(result) {}

  Result<Judged> run() {
    const SqlTable reached =
        TRY(in_.sql.query(fmt::format("SELECT watermark_after AS t FROM batches WHERE batch = {}", table_.reached)));
    if (reached.rows == 0) {
      result_.fail_row(fmt::format("{} is at batch {}, which has no account", view_.name, table_.reached));
      return judged_;
    }
    if (const auto* watermark = std::get_if<int64_t>(&reached.at(0, "t"))) judged_.watermark = *watermark;
    TRY(in_.sql.execute(sql_.rebuilt()));
    TRY(fail_rows(in_.sql, result_, sql_.mixed_rebuilds()));
    TRY(check_rebuilds());
    TRY(check_stream());
    for (const Measure& m : view_.measures)
      if (m.function == MeasureFunction::sketch) TRY(check_sketches(m));
    return judged_;
  }

 private:
  Result<> compare(const ViewComparison& c, std::optional<int64_t> rebuild = {}) {
    for (const std::string& statement : sql_.tables(c)) {
      if (in_.stopped()) return fail(ErrorCode::io, "stopped");
      TRY(in_.sql.execute(statement));
    }
    for (const std::string& query : sql_.faults(c)) TRY(fail_rows(in_.sql, result_, query));
    if (view_.shape.is_funnel()) {
      judged_.larger += TRY(check_funnel(in_, view_, c, rebuild, result_));
      return {};
    }
    judged_.larger += TRY(one_number(in_.sql, "SELECT count(DISTINCT ends) FROM actual SEMI JOIN larger USING (ends)"));
    return {};
  }

  Result<> check_rebuilds() {
    const SqlTable rebuilds = TRY(in_.sql.query(
        fmt::format("SELECT batch, max(last_end) AS last, coalesce(any_value(batch_time), 0) AS made FROM rebuilt "
                    "LEFT JOIN batches USING (batch) WHERE batch > {} GROUP BY batch ORDER BY batch",
                    declared_.batch)));
    for (size_t r = 0; r < rebuilds.rows; ++r) {
      const int64_t batch = rebuilds.int_at(r, "batch");
      TRY(compare({.batch = batch,
                   .first_window = kNoTime,
                   .closed = rebuilds.int_at(r, "last"),
                   .made = rebuilds.int_at(r, "made"),
                   .currency = declared_.currency,
                   .of = fmt::format("SEMI JOIN (FROM rebuilt WHERE batch = {}) r ON", batch)},
                  batch));
      judged_.rebuilt += TRY(one_number(in_.sql, "SELECT count(*) FROM actual"));
    }
    return {};
  }

  // Of what the stream made, windows from before the view's declaration are of another one.
  Result<> check_stream() {
    const ViewComparison streamed{.batch = table_.reached,
                                  .first_window = declared_.first_window,
                                  .closed = judged_.watermark,
                                  .made = kNoTime,
                                  .currency = declared_.currency,
                                  .counts = "NOT is_history(s.topic)",
                                  .open = "watermark_before",
                                  .of = "ANTI JOIN rebuilt r ON"};
    TRY(compare(streamed));
    std::string approximate = "FALSE";
    for (size_t i = 0; i < view_.measures.size(); ++i)
      if (view_.measures[i].is_set()) approximate += fmt::format(" OR m{}_approx", i);
    const SqlTable t = TRY(in_.sql.query(
        fmt::format("SELECT count(*) AS rows, count(DISTINCT ends) AS windows, count(DISTINCT key) AS keys, "
                    "count(*) FILTER ({}) AS approximate FROM actual",
                    approximate)));
    judged_.rows = t.int_at(0, "rows"), judged_.windows = t.int_at(0, "windows"), judged_.keys = t.int_at(0, "keys");
    judged_.approximate = t.int_at(0, "approximate");
    judged_.earlier = TRY(one_number(in_.sql, sql_.earlier(streamed, declared_.batch)));
    TRY(fail_rows(in_.sql, result_, sql_.twice(streamed, declared_.batch)));
    return {};
  }

  // A sketch is the number beside it.
  Result<> check_sketches(const Measure& m) {
    const std::vector<std::string> names = m.columns();  // number, approx, sketch
    for (const auto& [path, file] : table_.snapshot->files()) {
      if (in_.stopped()) return fail(ErrorCode::io, "stopped");
      const ColumnBatch rows = TRY(read_parquet(table_.folder / path, names));
      const ColumnView v = ColumnView::of(rows);
      for (int64_t i = 0; i < v.length(); ++i) {
        StateReader bytes(v.child(names[2]).text_at(i));
        const auto set = DistinctSet::load(bytes);
        if (!set || !bytes.ok() || !bytes.at_end())
          result_.fail_row(fmt::format("{} {} row {}: {} is no sketch", view_.name, path, i, names[2]));
        else if (set->count() != v.child(names[0]).int_at(i) || set->approximate() != v.child(names[1]).bool_at(i))
          result_.fail_row(fmt::format("{} {} row {}: {} is of {}, {} says {}", view_.name, path, i, names[2],
                                       set->count(), names[0], v.child(names[0]).int_at(i)));
      }
    }
    return {};
  }

  VerifyInput& in_;
  const VerifiedTable& table_;
  DeclaredView declared_;
  const ViewDeclaration& view_;
  ViewSql sql_;
  CheckResult& result_;
  Judged judged_;
};

}  // namespace

Result<CheckResult> check_gold(VerifyInput& in) {
  CheckResult result;
  Judged all;
  std::vector<std::string> names;
  int64_t reached = in.last_batch;
  for (const VerifiedTable& table : in.tables) {
    if (!table.name.starts_with("gold/") || table.reached == 0) continue;
    auto declared = DeclaredView::read(table.snapshot->metadata().configuration);
    const auto view = declared.declaration(table.name.substr(5));
    if (!view && declared.fingerprint.empty()) continue;  // no streaming view
    if (!view) {
      result.notes.push_back(fmt::format("{} is of a release that declares views otherwise: not judged", table.name));
      continue;
    }
    if (declared.fingerprint.empty()) declared.currency = in.options.config.shop.currency;
    const Judged one = TRY(ViewCheck(in, table, std::move(declared), *view, result).run());
    all.rows += one.rows, all.windows += one.windows, all.keys += one.keys, all.approximate += one.approximate;
    all.rebuilt += one.rebuilt, all.earlier += one.earlier, all.larger += one.larger;
    all.watermark = std::max(all.watermark, one.watermark);
    names.push_back(view->name);
    // Nobody makes it any more: it is judged as of the last batch that it has.
    if (std::ranges::find(in.options.config.gold.views, view->name, &ViewDeclaration::name) ==
        in.options.config.gold.views.end())
      result.notes.push_back(fmt::format("{} is no longer declared: judged as of batch {}", view->name, table.reached));
    else
      reached = std::min(reached, table.reached);
  }
  for (const ViewDeclaration& view : in.options.config.gold.views)
    if (std::ranges::find(in.tables, "gold/" + view.name, &VerifiedTable::name) == in.tables.end())
      result.notes.push_back(fmt::format("{} is declared and has no table", view.name));
  if (names.empty() && result.notes.empty()) return CheckResult::skip("Gold has not reached a batch yet");
  result.figure("views", int64_t(names.size()));
  result.figure("rows", all.rows);
  result.figure("windows", all.windows);
  result.figure("keys", all.keys);
  result.figure("approximate", all.approximate);
  result.figure("rebuilt_rows", all.rebuilt);
  result.figure("rows_of_earlier_declarations", all.earlier);
  result.figure("windows_with_erased_events", all.larger);
  result.figure("judged_to_batch", reached);
  result.summary = fmt::format("{} of {} in {}", counted(all.rows, "row"),
                               names.size() == 1 ? names[0] : counted(int64_t(names.size()), "view"),
                               counted(all.windows, "window"));
  if (all.rebuilt > 0) result.summary += fmt::format(" and {}", counted(all.rebuilt, "rebuilt row"));
  if (result.wrong == 0) result.summary += " equal Silver";
  if (all.watermark != kNoTime) result.summary += fmt::format(", to {}", iso_time_ms(all.watermark));
  if (reached < in.last_batch) result.summary += fmt::format(" (batch {} of {})", reached, in.last_batch);
  if (all.larger > 0)
    result.summary += fmt::format("; {} held erased events, and {} no smaller", counted(all.larger, "window"),
                                  all.larger == 1 ? "is" : "are");
  if (all.earlier > 0) result.summary += fmt::format("; {} of an earlier declaration", counted(all.earlier, "row"));
  return result;
}

}  // namespace pactolus
