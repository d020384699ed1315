// What Silver gives for the final windows of a declared view, and how its table compares, in SQL: by other code than
// the one that made them, from the declaration alone.
//
// Times are counted in panes of the view (gold/window_shape.h). Silver rows are summed into panes first: exploding each
// of them into its windows costs as many times as a window has panes. A row that came in a batch whose watermark had
// passed some of its windows counts in the later ones only, so a pane's sum is kept by the first window end that it
// counts in:
//
//   a row in pane p, watermark before its batch w:     window ends max(p + 1, ⌊w⌋ + 1) … p + size, one in each slide
//
// Distinct values cannot be summed. For each value and key the panes are intervals of window ends [first, p + size];
// each end is counted by the last pane that covers it, that is up to the earliest `first` of a later pane, less one.
// Adding +1 where such an interval begins and -1 behind its end, the running sum over window ends is the number of
// values: exact, and without a row for each window.
//
// A session's rows are found, not made: a Silver row that was not late is of the session of its key that holds its time
// and was final first since its batch. Sessions hold their rows without a gap and no other is near them; what no
// session holds is still open. There ends are microseconds
// (verify/session_sql.cc). Of a funnel only keys, actual and the rates are made here (verify/funnel_check.h has the
// rest).
//
// Tables that the statements make, one after the other (each replaces what it made before):
//   keys             key, called: a number for each combination of key values in Silver and in Gold, and their text
//   counted          the view's Silver rows: key, kind, pane, first_end, other_currency, amounts, values
//   expected         key, ends, events and m<i> for each measure, a window each; ends in panes since 1970
//   expected_other   key, ends, measure, currency, amount
//   actual           key, ends, from_us, to_us and the view's columns: m<i>, m<i>_approx, m<i>_rate, …
//   larger           ends of windows that held an event that was erased since: they stay as they were, so their numbers
//                    may be larger than what Silver gives
#pragma once

#include <string>
#include <vector>

#include "gold/view_declaration.h"

namespace pactolus {

// What is compared with what. Times in microseconds.
struct ViewComparison {
  int64_t batch = 0;            // Silver up to it
  int64_t first_window = 0;     // windows start then or later; kNoTime: all
  int64_t closed = 0;           // and end then or earlier; kNoTime: none has ended
  int64_t made = 0;             // the windows were made then, by batch time, or later; kNoTime: at any time
  std::string currency;         // the shop's, that the table's money is in
  std::string counts = "TRUE";  // of Silver rows s and erased rows s: do they count
  std::string open = "NULL";    // watermark that a row's batch met, a column of `batches`
  std::string of = {};          // "SEMI JOIN … r ON": of the windows of table `rebuilt` those that are judged
};

class ViewSql {
 public:
  // Of the view's table, which has a view of that name in SQL.
  ViewSql(const ViewDeclaration& view, std::string table) : view_(view), table_(std::move(table)) {}

  // Table `rebuilt`: window_date, batch, batches, last_end (microseconds). A rebuild replaces whole days; what the
  // stream appends to them later are windows that end after all of the rebuild's.
  std::string rebuilt() const;
  std::vector<std::string> tables(const ViewComparison& c) const;  // to be executed in this order
  // Queries of what is wrong, each with a column `why`.
  std::vector<std::string> faults(const ViewComparison& c) const;
  std::string mixed_rebuilds() const;
  // The same window of the same key, among the rows of this declaration; `declared` as DeclaredView::batch.
  std::string twice(const ViewComparison& c, int64_t declared) const;
  // How many rows of the table are of an earlier declaration: one number.
  std::string earlier(const ViewComparison& c, int64_t declared) const;

 private:
  std::string filled(std::string text, const ViewComparison& c) const;
  std::string what_is(std::string_view faults) const;
  std::string expected() const;
  std::string expected_other() const;
  std::string actual() const;
  std::string numbers() const;
  std::vector<std::string> others() const;
  std::vector<std::string> rates() const;
  std::vector<std::string> derived() const;
  std::string measure_named(std::string_view name) const;  // its column of `actual`
  // Of sessions (verify/session_sql.cc)
  std::vector<std::string> session_tables() const;
  std::vector<std::string> session_faults(const ViewComparison& c) const;
  const ViewDeclaration& view_;
  std::string table_;
};

}  // namespace pactolus
