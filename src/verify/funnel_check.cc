#include "verify/funnel_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>

#include "base/time_text.h"
#include "verify/measure_sql.h"

namespace pactolus {
namespace {

using Key = std::vector<std::optional<std::string>>;
struct Event {
  int64_t time = 0;
  int32_t step = 0;
  int32_t key = 0;  // in KeyNumbers
};
struct Session {
  int64_t first = 0, last = 0;  // event times
  std::vector<Event> events;
};
struct Row {
  std::vector<int64_t> sessions;               // by step
  std::vector<std::optional<double>> medians;  // seconds, by step
};
using Rows = std::map<std::pair<int64_t, Key>, Row>;  // by window start

// Keys as numbers: there are few, and events are many.
class KeyNumbers {
 public:
  int32_t number(const Key& key) {
    const auto [at, is_new] = numbers_.try_emplace(key, int32_t(keys_.size()));
    if (is_new) keys_.push_back(&at->first);
    return at->second;
  }
  const Key& key(int32_t number) const { return *keys_[size_t(number)]; }
  // An event of a later step that does not say something counts for all who do.
  bool counts_for(int32_t event, int32_t key) const {
    if (event == key) return true;
    const Key &of_event = this->key(event), &wanted = this->key(key);
    for (size_t k = 0; k < wanted.size(); ++k)
      if (of_event[k] && of_event[k] != wanted[k]) return false;
    return true;
  }

 private:
  std::map<Key, int32_t> numbers_;
  std::vector<const Key*> keys_;
};

// Sessions in the order of the batches. Holds the events of those that are open, and nothing of those that have ended
// but what their windows will say.
class Replay {
 public:
  Replay(const ViewDeclaration& view, int64_t first_window, int64_t closed)
      : size_(view.shape.size), gap_(view.shape.gap()), first_window_(first_window), closed_(closed) {
    for (const Measure& m : view.measures)
      if (m.is_step()) waits_.push_back(m.function != MeasureFunction::maybe);
  }

  int32_t key_number(const Key& key) { return keys_.number(key); }

  void add(const std::string& name, const Event& event) {
    std::vector<Session>& mine = sessions_[name];
    const auto is_of = [&](const Session& s) { return event.time <= s.last + gap_ && s.first <= event.time + gap_; };
    const auto to = std::ranges::find_if(mine, is_of);
    if (to == mine.end()) {
      mine.push_back({event.time, event.time, {event}});
      ends_.emplace(event.time + gap_, name);
      return;
    }
    // What the event touches beyond it becomes one with it.
    for (auto other = std::next(to); other != mine.end();) {
      if (!is_of(*other)) {
        ++other;
        continue;
      }
      to->first = std::min(to->first, other->first), to->last = std::max(to->last, other->last);
      to->events.insert(to->events.end(), other->events.begin(), other->events.end());
      other = mine.erase(other);
    }
    to->first = std::min(to->first, event.time), to->last = std::max(to->last, event.time);
    to->events.push_back(event);
  }

  void advance(int64_t watermark) {
    // Of each open session there is an entry at its end, or before: it may have grown since.
    while (!ends_.empty() && ends_.top().first <= watermark) {
      const std::string name = ends_.top().second;
      ends_.pop();
      const auto at = sessions_.find(name);
      if (at == sessions_.end()) continue;
      int64_t next = INT64_MAX;
      std::erase_if(at->second, [&](const Session& session) {
        const int64_t end = session.last + gap_;
        if (end > watermark) {
          next = std::min(next, end);
          return false;
        }
        count(session, floor_div(end - 1, size_) * size_);
        return true;
      });
      if (at->second.empty())
        sessions_.erase(at);
      else
        ends_.emplace(next, name);
    }
    while (!open_.empty() && open_.begin()->first.first + size_ <= watermark) {
      auto& [place, durations] = *open_.begin();
      Row row;
      for (std::vector<int64_t>& d : durations) {
        std::ranges::sort(d);
        row.sessions.push_back(int64_t(d.size()));
        row.medians.push_back(
            d.empty() ? std::nullopt : std::optional((double(d[(d.size() - 1) / 2]) + double(d[d.size() / 2])) / 2e6));
      }
      if (place.first >= first_window_ && place.first + size_ <= closed_)
        rows_.emplace(std::pair(place.first, keys_.key(place.second)), std::move(row));
      open_.erase(open_.begin());
    }
  }
  const Rows& rows() const { return rows_; }

 private:
  void count(const Session& session, int64_t window) {
    std::map<int32_t, int64_t> begun;
    for (const Event& e : session.events)
      if (e.step == 0) {
        int64_t& first = begun.try_emplace(e.key, e.time).first->second;
        first = std::min(first, e.time);
      }
    for (const auto& [key, begin] : begun) {
      auto& durations = open_[{window, key}];
      durations.resize(waits_.size());
      durations[0].push_back(0);
      int64_t since = begin;
      for (size_t step = 1; step < waits_.size(); ++step) {
        int64_t next = INT64_MAX;
        for (const Event& e : session.events)
          if (e.step == int32_t(step) && e.time >= since && e.time < next && keys_.counts_for(e.key, key))
            next = e.time;
        if (next != INT64_MAX) durations[step].push_back(next - since);
        if (!waits_[step]) continue;
        if (next == INT64_MAX) break;
        since = next;
      }
    }
  }

  int64_t size_, gap_, first_window_, closed_;
  std::vector<bool> waits_;  // by step: does the next one wait for it?
  KeyNumbers keys_;
  std::unordered_map<std::string, std::vector<Session>> sessions_;
  std::priority_queue<std::pair<int64_t, std::string>, std::vector<std::pair<int64_t, std::string>>, std::greater<>>
      ends_;
  std::map<std::pair<int64_t, int32_t>, std::vector<std::vector<int64_t>>> open_;  // durations by step
  Rows rows_;
};

std::optional<std::string> text_in(const SqlTable& table, size_t row, const std::string& column) {
  const auto* text = std::get_if<std::string>(&table.at(row, column));
  return text ? std::optional(*text) : std::nullopt;
}
std::optional<int64_t> number_in(const SqlTable& table, size_t row, std::string_view column) {
  const auto* number = std::get_if<int64_t>(&table.at(row, column));
  return number ? std::optional(*number) : std::nullopt;
}

class FunnelCheck {
 public:
  FunnelCheck(VerifyInput& in, const ViewDeclaration& view, const ViewComparison& c, std::optional<int64_t> rebuild,
              CheckResult& result)
      : in_(in), view_(view), c_(c), rebuild_(rebuild), result_(result) {}

  Result<int64_t> run() {
    if (c_.closed == kNoTime) return 0;
    Replay replay(view_, c_.first_window, c_.closed);
    TRY(fill(replay));
    TRY(find_exempt());
    TRY(compare(replay.rows()));
    return exempt_;
  }

 private:
  Result<> fill(Replay& replay) {
    std::string step = "CASE", any;
    int number = 0;
    for (const Measure& m : view_.measures) {
      if (!m.is_step()) continue;
      step += fmt::format(" WHEN {} THEN {}", is_of(m, "s.event_type"), number++);
      any += (any.empty() ? "" : " OR ") + is_of(m, "s.event_type");
    }
    std::string keys;
    for (size_t k = 0; k < view_.keys.size(); ++k)
      keys += fmt::format(", {} AS k{}", column_sql(view_.keys[k], "s."), k);
    const bool streamed = !rebuild_;
    // Of the stream every batch, also those without a row: their watermarks close sessions.
    const std::string batches =
        fmt::format("SELECT batch, watermark_before, watermark_after FROM batches WHERE batch <= {}", c_.batch);
    const std::string rows = fmt::format(
        "SELECT s.batch_id AS batch, epoch_us(s.event_timestamp) AS time, {} AS name, {} END AS step{} FROM silver s "
        "WHERE {} AND ({})",
        column_sql(EventColumn::session, "s."), step, keys, c_.counts, any);
    const std::string query = fmt::format(
        "SELECT b.batch, b.watermark_before, b.watermark_after, r.* EXCLUDE (batch) FROM ({}) b LEFT JOIN ({}) r USING "
        "(batch) ORDER BY b.batch",
        batches, rows);
    int64_t batch = INT64_MIN;
    std::optional<int64_t> before, after;
    std::vector<std::string> key_columns;
    for (size_t k = 0; k < view_.keys.size(); ++k) key_columns.push_back(fmt::format("k{}", k));
    Key key(view_.keys.size());
    TRY(in_.sql.stream(query, NestedAs::duckdb_text, [&](const SqlTable& part) -> Result<> {
      if (in_.stopped()) return fail(ErrorCode::io, "stopped");
      for (size_t r = 0; r < part.rows; ++r) {
        if (const int64_t of = part.int_at(r, "batch"); of != batch) {
          if (streamed && after) replay.advance(*after);
          batch = of;
          before = number_in(part, r, "watermark_before"), after = number_in(part, r, "watermark_after");
        }
        const auto time = number_in(part, r, "time");
        if (!time || (streamed && before && *time + view_.shape.gap() <= *before)) continue;
        for (size_t k = 0; k < key.size(); ++k) key[k] = text_in(part, r, key_columns[k]);
        replay.add(part.text_at(r, "name"), {*time, int32_t(part.int_at(r, "step")), replay.key_number(key)});
      }
      return {};
    }));
    if (streamed && after) replay.advance(*after);
    if (!streamed) replay.advance(c_.closed);
    return {};
  }

  // Windows that others judge, or nobody: those of rebuilt days, and those that held events that were erased since.
  Result<> find_exempt() {
    const SqlTable rebuilt =
        TRY(in_.sql.query("SELECT datediff('day', DATE '1970-01-01', window_date) AS day, batch, "
                          "last_end FROM rebuilt"));
    for (size_t r = 0; r < rebuilt.rows; ++r)
      rebuilt_[rebuilt.int_at(r, "day")] = {rebuilt.int_at(r, "batch"), rebuilt.int_at(r, "last_end")};
    const SqlTable erased =
        TRY(in_.sql.query(fmt::format("SELECT DISTINCT min_time, max_time FROM erased s WHERE {} AND s.time >= {}",
                                      c_.counts, std::max<int64_t>(c_.made, -9'000'000'000'000'000'000))));
    for (size_t r = 0; r < erased.rows; ++r)
      erased_.emplace_back(erased.int_at(r, "min_time"), erased.int_at(r, "max_time"));
    return {};
  }
  bool is_judged(int64_t start) const {
    const auto day = rebuilt_.find(floor_div(start, kMicrosPerDay));
    const bool of_rebuild = day != rebuilt_.end() && start + view_.shape.size <= day->second.second;
    return rebuild_ ? of_rebuild && day->second.first == *rebuild_ : !of_rebuild;
  }
  bool held_erased(int64_t start) const {
    return std::ranges::any_of(erased_, [&](const auto& e) {
      return start + view_.shape.size > e.first && start <= e.second + view_.shape.gap() + kMicrosPerDay;
    });
  }

  void wrong(const std::pair<int64_t, Key>& place, std::string_view what) {
    std::string key;
    for (const auto& text : place.second) key += " " + text.value_or("null");
    result_.fail_row(fmt::format("{}{} {}: {}", view_.name, key, iso_time(place.first), what));
  }

  Result<> compare(const Rows& expected) {
    std::string keys;
    for (size_t k = 0; k < view_.keys.size(); ++k) keys += fmt::format(", k{}", k);
    const SqlTable actual = TRY(in_.sql.query(fmt::format("SELECT a.*{} FROM actual a JOIN keys USING (key)", keys)));
    std::set<std::pair<int64_t, Key>> there;
    std::set<int64_t> exempt;
    for (size_t r = 0; r < actual.rows; ++r) {
      std::pair<int64_t, Key> place{actual.int_at(r, "from_us"), {}};
      for (size_t k = 0; k < view_.keys.size(); ++k) place.second.push_back(text_in(actual, r, fmt::format("k{}", k)));
      there.insert(place);
      if (held_erased(place.first)) {
        exempt.insert(place.first);
        continue;
      }
      const auto wanted = expected.find(place);
      if (wanted == expected.end())
        wrong(place, "the window should not be there");
      else
        compare_row(actual, r, place, wanted->second);
    }
    for (const auto& [place, row] : expected)
      if (is_judged(place.first) && !held_erased(place.first) && !there.contains(place))
        wrong(place, fmt::format("the window is missing, Silver has {} sessions of it", row.sessions[0]));
    exempt_ = int64_t(exempt.size());
    return {};
  }

  void compare_row(const SqlTable& actual, size_t r, const std::pair<int64_t, Key>& place, const Row& wanted) {
    const auto real = [&](const std::string& column) -> std::optional<double> {
      const auto* value = std::get_if<double>(&actual.at(r, column));
      return value ? std::optional(*value) : std::nullopt;
    };
    const auto differ = [&](const std::string& column, std::optional<double> got, std::optional<double> should) {
      if (got.has_value() == should.has_value() &&
          (!got || std::abs(*got - *should) <= 1e-9 * std::max(1.0, std::abs(*should))))
        return;
      const auto text = [](std::optional<double> v) { return v ? fmt::format("{}", *v) : std::string("NULL"); };
      wrong(place, fmt::format("{} {} for {}", column, text(got), text(should)));
    };
    size_t step = 0, waited_for = 0;
    for (size_t i = 0; i < view_.measures.size(); ++i) {
      const Measure& m = view_.measures[i];
      if (!m.is_step()) continue;
      const std::string column = numbered(i);
      differ(m.name, double(actual.int_at(r, column)), double(wanted.sessions[step]));
      if (step > 0) {
        const int64_t of = wanted.sessions[waited_for];
        differ(m.name + "_rate", real(column + "_rate"),
               of == 0 ? std::nullopt : std::optional(double(wanted.sessions[step]) / double(of)));
        differ(m.name + "_seconds", real(column + "_seconds"), wanted.medians[step]);
      }
      if (m.function != MeasureFunction::maybe) waited_for = step;
      ++step;
    }
  }

  VerifyInput& in_;
  const ViewDeclaration& view_;
  const ViewComparison& c_;
  std::optional<int64_t> rebuild_;
  CheckResult& result_;
  std::map<int64_t, std::pair<int64_t, int64_t>> rebuilt_;  // batch, last end; by day
  std::vector<std::pair<int64_t, int64_t>> erased_;         // event times
  int64_t exempt_ = 0;
};

}  // namespace

Result<int64_t> check_funnel(VerifyInput& in, const ViewDeclaration& view, const ViewComparison& c,
                             std::optional<int64_t> rebuild, CheckResult& result) {
  return FunnelCheck(in, view, c, rebuild, result).run();
}

}  // namespace pactolus
