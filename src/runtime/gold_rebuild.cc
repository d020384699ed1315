#include "runtime/gold_rebuild.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/fault.h"
#include "base/time_text.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_file.h"
#include "runtime/account_log.h"
#include "runtime/batch_writer.h"
#include "runtime/declared_view.h"
#include "runtime/lake_lock.h"
#include "runtime/silver_reader.h"
#include "runtime/stream_view.h"

namespace pactolus {
namespace {

constexpr int kAttempts = 8;
constexpr int32_t kMostDaysBeside = 32;  // of sessions, that a rebuild takes with it in one step
constexpr const char* kRunFirst =
    "`pactolus run --until-caught-up` makes it the view of the configuration; then rebuild";

class Rebuild {
 public:
  Rebuild(const Config& config, ViewDeclaration view, int32_t first_day, int32_t last_day, Clock& clock, Random& random)
      : config_(config),
        view_(std::move(view)),
        lake_{config.lake},
        first_(first_day),
        last_(last_day),
        clock_(clock),
        random_(random),
        decoder_(decode_rules(config)) {}

  Result<GoldRebuild> run() {
    TRY(check_lake(lake_));
    const FileLock care = TRY(lock_table_care(lake_.care_lock(), false, kCareWait_us, clock_));
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto done = try_once();
      if (done) {
        if (*done) return **done;
      } else if (done.error().code != ErrorCode::conflict) {
        return std::unexpected(std::move(done).error());
      }
    }
    return fail(
        ErrorCode::conflict,
        fmt::format("others changed {} to {} each time that it was rebuilt", date_text(first_), date_text(last_)),
        "try again when the days are calm, or name fewer of them");
  }

 private:
  int64_t begin() const { return int64_t(first_) * kMicrosPerDay; }
  int64_t end() const { return (int64_t(last_) + 1) * kMicrosPerDay; }

  // No value: Silver has changed meanwhile.
  Result<std::optional<GoldRebuild>> try_once() {
    auto opened = delta::DeltaTable::open(
        lake_.gold(view_.name), {.clock = &clock_, .before_link = "rebuild.before_link", .linked = "rebuild.linked"});
    if (!opened && opened.error().code == ErrorCode::not_found)
      opened.error() = Error{ErrorCode::not_found,
                             fmt::format("the view {} has no table in this lake yet", view_.name),
                             "`pactolus run --until-caught-up` makes it",
                             {}};
    auto gold = TRY(std::move(opened));
    auto silver = TRY(delta::Snapshot::load(lake_.silver()));
    GoldRebuild out{.first_day = first_, .last_day = last_};
    if (!TRY(find_watermark(gold.snapshot(), silver, out))) return out;
    FileLock lock;
    if (out.watermark == kNoTime) {
      auto held = lock_lake(lake_.lock(), false, 0, "gold rebuild", clock_);
      if (!held && held.error().code == ErrorCode::busy)
        held.error().hint = "the stream has no watermark yet, so no window is closed; try again when it has one";
      lock = TRY(std::move(held)).lock;
      silver = TRY(delta::Snapshot::load(lake_.silver()));
    }
    out.silver_version = silver.version();

    DeclaredView declared = DeclaredView::read(gold.snapshot().metadata().configuration);
    GoldView::Options options = view_options(config_, view_);
    if (!declared.currency.empty()) options.shop_currency = declared.currency;
    if (!declared.fingerprint.empty() && !declared.is_of(*make_view(options)))
      return fail(ErrorCode::invalid,
                  fmt::format("the table of {} holds the view as it was declared before", view_.name), kRunFirst);
    const int64_t closed = out.watermark == kNoTime ? end() + 366 * kMicrosPerDay : out.watermark;
    ViewRows rows = TRY(make_rows(silver, options, closed, out));
    while (TRY(widen_days(gold.snapshot(), rows))) rows = TRY(make_rows(silver, options, closed, out));
    out.first_day = first_, out.last_day = last_;

    const int64_t epoch = silver.txn_version(app_id(config_.job, "epoch")).value_or(0);
    const int64_t batch = silver.txn_version(app_id(config_.job, "batch")).value_or(0);
    const int64_t now_ms = clock_.now_us() / 1000;
    delta::Transaction t;
    t.operation = "REBUILD";
    t.operation_parameters = {{"from", date_text(first_)}, {"to", date_text(last_)}};
    t.info = Json::object()
                 .set("kind", "rebuild")
                 .set("job", config_.job)
                 .set("from", date_text(first_))
                 .set("to", date_text(last_))
                 .set("silver_version", out.silver_version.value);
    if (out.watermark != kNoTime) t.info.set("watermark", out.watermark);
    t.commit_uuid = random_.uuid();
    t.time_ms = now_ms;
    for (const auto& [path, file] : gold.snapshot().files()) {
      const auto day = day_of(file);
      if (!day || *day < first_ || *day > last_) continue;
      t.removes.push_back({path, now_ms, true, file.partition_values, file.size});
      const auto held = delta::rows_of(file.stats);
      out.removed_rows = held && out.removed_rows >= 0 ? out.removed_rows + *held : -1;
    }
    if (rows.empty() && t.removes.empty()) return out;
    if (out.watermark == kNoTime) {
      // Sessions that begin later may end sooner: the stream's begin behind the end of all.
      for (size_t r = 0; r < rows.size(); ++r)
        declared.first_window =
            std::max(declared.first_window, view_.shape.is_session() ? rows.window_end(r) : rows.window_start(r) + 1);
      out.stream_from = declared.first_window;
      t.metadata = gold.snapshot().metadata();
      declared.write(t.metadata->configuration);
    }
    t.adds = TRY(write_view_files(lake_, rows, ViewBasis::rebuild, {batch, epoch, now_ms}, random_));
    fault_point("rebuild.files_written");
    if (TRY(has_changed(silver))) return std::nullopt;
    // What the stream appends meanwhile are windows that end later; what others remove is found by the table.
    out.version = TRY(gold.commit(t, {.recheck = [](const delta::Snapshot&, auto) -> Result<> { return {}; }}));
    return out;
  }

  // Of the view's last committed batch; as long as it has none, what is before its first window. kNoTime when the lake
  // was never streamed. False: it is streamed, and no window of this view can be final yet.
  Result<bool> find_watermark(const delta::Snapshot& gold, const delta::Snapshot& silver, GoldRebuild& out) const {
    const int64_t reached = gold.txn_version(app_id(config_.job, "batch")).value_or(0);
    bool streamed = false, found = false;
    TRY(accounts_newest_first(lake_.silver(), silver.version(), config_.job,
                              [&](Version, BatchAccount&& account) -> Result<bool> {
                                streamed |= account.watermark_after != kNoTime;
                                if (account.batch > reached) return true;
                                found = account.batch == reached;
                                if (found) out.watermark = account.watermark_after;
                                return false;
                              }));
    if (!found && reached > 0)
      return fail(ErrorCode::invalid,
                  fmt::format("{} was not made for longer than Silver's log reaches back", view_.name), kRunFirst);
    if (out.watermark == kNoTime && streamed) {
      out.silver_version = silver.version();
      out.watermark = DeclaredView::read(gold.metadata().configuration).first_window;
      return out.watermark != kNoTime;
    }
    return true;
  }

  // Day by day: all rows of a day are applied before its windows close, so a day's panes are held at a time. Sessions
  // that begin in the days are read to their end.
  Result<ViewRows> make_rows(const delta::Snapshot& silver, GoldView::Options options, int64_t closed,
                             GoldRebuild& out) {
    options.first_window = view_.shape.is_session() ? kNoTime : begin();
    out.events = 0;
    before_.clear();
    const auto view = TRY(view_at_begin(silver, options, out));
    ViewRows made(std::make_shared<const ViewDeclaration>(view_));
    std::set<int64_t> windows;
    const WindowShape& shape = view_.shape;
    const int64_t last_end = shape.is_session() ? closed : std::min(closed, end() + shape.size - shape.slide);
    read_to_ = begin();
    for (int32_t day = first_; read_to_ < last_end; ++day) {
      const bool in_days = read_to_ < end() || !shape.is_session();
      if (const int64_t oldest = view->oldest_session(); !in_days && (oldest == kNoTime || oldest >= end())) break;
      const SilverFilter filter{.from_time = read_to_,
                                .to_time = std::min((int64_t(day) + 1) * kMicrosPerDay, last_end)};
      read_to_ = filter.to_time;
      TRY(apply_all(*view, silver, filter, out));
      const ViewRows closed_now = view->commit(filter.to_time);
      for (size_t r = 0; r < closed_now.size(); ++r) {
        if (closed_now.window_start(r) >= end()) continue;
        if (closed_now.window_start(r) < begin()) {
          before_[key_of(closed_now, r)].emplace_back(closed_now.window_start(r), closed_now.window_end(r));
          continue;
        }
        windows.insert(closed_now.window_start(r));
        made.append(closed_now, r);
      }
    }
    out.windows = int64_t(windows.size());
    out.rows = int64_t(made.size());
    return made;
  }

  // Begin and end of sessions, by their key.
  using Sessions = std::unordered_map<std::string, std::vector<std::pair<int64_t, int64_t>>>;
  static bool meet(const Sessions& some, const Sessions& others) {
    return std::ranges::any_of(some, [&](const auto& of) {
      const auto found = others.find(of.first);
      return found != others.end() && std::ranges::any_of(of.second, [&](const auto& s) {
               return std::ranges::any_of(found->second,
                                          [&](const auto& o) { return o.first <= s.second && o.second >= s.first; });
             });
    });
  }

  // A late event may have joined sessions across an end of the days: what was two rows, one of them in the days, is one
  // session now. Then the next day belongs to the rebuild too; otherwise events would be in no row, or in two. True
  // when it does.
  Result<bool> widen_days(const delta::Snapshot& gold, const ViewRows& made) {
    if (!view_.shape.is_session()) return false;
    if (meet(before_, TRY(sessions_there(gold, first_, last_, before_)))) {
      first_ -= step_;
      return widened();
    }
    int64_t last_end = end();
    Sessions beyond;
    for (size_t r = 0; r < made.size(); ++r) {
      if (made.window_end(r) <= end()) continue;
      beyond[key_of(made, r)].emplace_back(made.window_start(r), made.window_end(r));
      last_end = std::max(last_end, made.window_end(r));
    }
    const auto last_day = int32_t(floor_div(last_end, kMicrosPerDay));
    if (!meet(beyond, TRY(sessions_there(gold, last_ + 1, last_day, beyond)))) return false;
    last_ += step_;
    return widened();
  }
  // Twice as many the next time, since each time all is made again.
  Result<bool> widened() {
    step_ *= 2;
    if (step_ <= kMostDaysBeside) return true;
    return fail(ErrorCode::invalid,
                fmt::format("late events have joined sessions of {} day after day, from {} to {} and on", view_.name,
                            date_text(first_), date_text(last_)),
                "rebuild a longer time at once");
  }

  // Of keys that `wanted` has: the rows that begin on these days, as the table has them.
  Result<Sessions> sessions_there(const delta::Snapshot& gold, int32_t first, int32_t last,
                                  const Sessions& wanted) const {
    std::vector<std::string> columns = {"window_start", "window_end"};
    for (const EventColumn key : view_.keys) columns.emplace_back(name_of(key));
    Sessions out;
    for (const auto& [path, file] : gold.files()) {
      const auto day = day_of(file);
      if (wanted.empty() || !day || *day < first || *day > last) continue;
      const ColumnBatch batch = TRY(read_parquet(gold.table_folder() / path, columns));
      const ColumnView v = ColumnView::of(batch);
      for (int64_t i = 0; i < v.length(); ++i) {
        std::string key;
        for (const EventColumn column : view_.keys) {
          const bool has = v.has_child(name_of(column)) && !v.child(name_of(column)).is_null(i);
          append_key(key, has ? std::optional(v.child(name_of(column)).text_at(i)) : std::nullopt);
        }
        if (wanted.contains(key))
          out[std::move(key)].emplace_back(v.child("window_start").int_at(i), v.child("window_end").int_at(i));
      }
    }
    return out;
  }

  static void append_key(std::string& out, std::optional<std::string_view> part) {
    out += part ? fmt::format("{}:{}", part->size(), *part) : "-";
  }
  std::string key_of(const ViewRows& rows, size_t row) const {
    std::string out;
    for (size_t k = 0; k < view_.keys.size(); ++k) append_key(out, rows.key(row, k));
    return out;
  }
  static std::optional<int32_t> day_of(const delta::AddFile& file) {
    const auto date = file.partition_values.find("window_date");
    return date != file.partition_values.end() && date->second ? parse_date(*date->second) : std::nullopt;
  }

  // With the sessions that were open where the days begin. Those that began before are not of the days, which a gap
  // before them shows; a funnel has all that end in them, however far back they reach (as in Recovery).
  Result<std::unique_ptr<GoldView>> view_at_begin(const delta::Snapshot& silver, const GoldView::Options& options,
                                                  GoldRebuild& out) {
    const WindowShape& shape = view_.shape;
    read_from_ = begin() - (shape.has_sessions() ? shape.gap() : 0);
    for (int64_t back = shape.is_funnel() ? 6 * kMicrosPerHour : 0;; back *= 8) {
      auto view = make_view(options);
      if (!shape.has_sessions()) return view;
      const bool all = back > 10'000 * kMicrosPerDay;
      read_from_ = all ? INT64_MIN : begin() - shape.gap() - back;
      out.events = 0;
      TRY(apply_all(*view, silver, {.from_time = read_from_, .to_time = begin()}, out));
      (void)view->commit(begin());
      const int64_t oldest = view->oldest_session();
      if (back == 0 || all || oldest == kNoTime || oldest >= read_from_ + shape.gap()) return view;
    }
  }

  Result<> apply_all(GoldView& view, const delta::Snapshot& silver, const SilverFilter& filter, GoldRebuild& out) {
    SilverRows rows;
    std::vector<uint32_t> all;
    for (const delta::AddFile* file : silver_files(silver, filter)) {
      rows.clear();
      TRY(read_silver_file(silver.table_folder(), *file, decoder_, filter, rows,
                           {.texts = columns_of(view_), .ids = false}));
      all.resize(rows.events.rows());
      std::iota(all.begin(), all.end(), 0u);
      out.events += int64_t(all.size());
      view.apply(rows.events, all, view.watermark());
      (void)view.commit(view.watermark());  // no window ends: only the overlay does not grow
    }
    return {};
  }

  // Has Silver got rows for these windows since? What came for windows that are still open does not matter.
  Result<bool> has_changed(const delta::Snapshot& before) const {
    delta::Snapshot now = before;
    TRY(now.refresh());
    const SilverFilter filter{.from_time = read_from_, .to_time = read_to_};
    for (const delta::AddFile* file : silver_files(now, filter))
      if (!before.files().contains(file->path)) return true;
    return false;
  }

  const Config& config_;
  ViewDeclaration view_;
  LakePaths lake_;
  int32_t first_, last_, step_ = 1;
  Sessions before_;                      // that reach into the days
  int64_t read_from_ = 0, read_to_ = 0;  // of Silver, in event time
  Clock& clock_;
  Random& random_;
  Decoder decoder_;
};

}  // namespace

Result<GoldRebuild> rebuild_view(const Config& config, const ViewDeclaration& view, int32_t first_day, int32_t last_day,
                                 Clock& clock, Random& random) {
  if (last_day < first_day)
    return fail(ErrorCode::usage, fmt::format("the period ends before it begins\nexpected a date from {} on, got {}",
                                              date_text(first_day), date_text(last_day)));
  return Rebuild(config, view, first_day, last_day, clock, random).run();
}

}  // namespace pactolus
