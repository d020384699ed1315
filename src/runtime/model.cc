#include "runtime/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/closest_word.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/time_text.h"
#include "gold/conversion.h"
#include "lake/delta/delta_table.h"
#include "lake/delta/stats.h"
#include "query/lake_view.h"
#include "runtime/batch_writer.h"
#include "runtime/built_in_models.h"
#include "runtime/declared_view.h"
#include "runtime/lake_lock.h"
#include "runtime/ledger.h"

namespace pactolus {
namespace {

constexpr int kAttempts = 8;
constexpr const char* kDay = "day";
constexpr std::string_view kTaken[] = {"events", "silver", "quarantine", "ledger",
                                       "alerts", "funnel", "sessions",   "flash_sale_alerts"};
constexpr const char* kModelProperty = "pactolus.model";

// What PostgreSQL, where the table may be copied to, cannot have: longer names, and those of its own columns.
constexpr size_t kLongestName = 63;
constexpr std::string_view kPostgresOwn[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

// What the comments at the top say.
Model parse_model(std::string name, std::string sql, std::string file, bool built_in) {
  Model out;
  out.name = std::move(name), out.sql = std::move(sql), out.file = std::move(file), out.built_in = built_in;
  for (std::string_view rest = out.sql; rest.starts_with("--");) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(2, end - 2));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with("plot:")) {
      const std::string_view what = trimmed(line.substr(5));
      const size_t by = what.find(" by ");
      out.plot_value = trimmed(what.substr(0, by));
      if (by != what.npos) out.plot_label = trimmed(what.substr(by + 4));
    } else if (out.plot_value.empty()) {
      out.title += (out.title.empty() ? "" : " ") + std::string(line);
    }
  }
  return out;
}

// DuckDB says "LINE 3: …": the place for it, and the message without what follows.
Error in_file(Error error, const Model& model) {
  if (error.code != ErrorCode::usage) return error;
  int line = 0;
  if (const size_t at = error.message.find("\nLINE "); at != error.message.npos)
    std::from_chars(error.message.data() + at + 6, error.message.data() + error.message.size(), line);
  error.where = line > 0 ? fmt::format("{}:{}", model.file, line) : model.file;
  return error;
}

struct Column {
  std::string name, cast;
  delta::FieldType type;
};

// The type of a column as the table has it, and what the query's value is cast to for it.
Result<Column> column_of(const Model& model, const std::string& name, const std::string& type) {
  using delta::FieldType;
  static const std::map<std::string_view, FieldType> kTypes = {
      {"BIGINT", FieldType::long_integer()},   {"INTEGER", FieldType::integer()},
      {"SMALLINT", FieldType::integer()},      {"TINYINT", FieldType::integer()},
      {"USMALLINT", FieldType::integer()},     {"UTINYINT", FieldType::integer()},
      {"UINTEGER", FieldType::long_integer()}, {"UBIGINT", FieldType::long_integer()},
      {"HUGEINT", FieldType::long_integer()},  {"DOUBLE", FieldType::double_float()},
      {"FLOAT", FieldType::double_float()},    {"BOOLEAN", FieldType::boolean()},
      {"VARCHAR", FieldType::string()},        {"DATE", FieldType::date()},
      {"TIMESTAMP", FieldType::timestamp()},   {"TIMESTAMP WITH TIME ZONE", FieldType::timestamp()},
      {"BLOB", FieldType::binary()},
  };
  const auto refuse = [&](std::string what, std::string hint) -> std::unexpected<Error> {
    auto error = fail(ErrorCode::usage, std::move(what), std::move(hint));
    error.error().where = model.file;
    return error;
  };
  if (lower_case(name) == kDay)
    return refuse("the column day is added to every model by itself", "leave it out of the SELECT");
  if (name.empty() || name.size() > kLongestName || name.find_first_of(" ,;{}()\n\t=") != name.npos ||
      std::ranges::find(kPostgresOwn, lower_case(name)) != std::end(kPostgresOwn))
    return refuse(fmt::format("a column of a table cannot be called {}", name), "give it a name: count(*) AS events");
  Column out{name, "", {}};
  if (const auto known = kTypes.find(type); known != kTypes.end()) {
    out.type = known->second;
  } else if (int precision = 0, scale = 0; std::sscanf(type.c_str(), "DECIMAL(%d,%d)", &precision, &scale) == 2) {
    out.type = FieldType::decimal(precision, scale);
  } else {
    return refuse(fmt::format("column {} has a type that no table has: {}", name, type),
                  "numbers, texts, times, true and false, and bytes: to_json(…)::VARCHAR makes a text of the rest");
  }
  out.cast = duckdb_type(out.type);
  return out;
}

class ModelRunner {
 public:
  ModelRunner(const Config& config, const Model& model, int32_t day, const ModelOptions& options, Clock& clock,
              Random& random)
      : config_(config),
        lake_{config.lake},
        model_(model),
        day_(day),
        options_(options),
        clock_(clock),
        random_(random) {}

  Result<ModelRun> run() {
    TRY(check_lake(lake_));
    const FileLock care = TRY(lock_table_care(lake_.care_lock(), false, kCareWait_us, clock_));
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto done = try_once();
      if (done || done.error().code != ErrorCode::conflict) return done;
    }
    return fail(ErrorCode::conflict, fmt::format("others changed {} of {} each time", date_text(day_), model_.name));
  }

 private:
  Result<ModelRun> try_once() {
    LakeSql lake = TRY(LakeSql::open(lake_, {}, options_.limits));
    const auto silver = std::ranges::find(lake.tables(), "silver", &SqlLakeTable::name);
    if (silver == lake.tables().end())
      return fail(ErrorCode::not_found, fmt::format("there is no Silver in {} yet", lake_.root.native()));
    ModelRun out{.silver_version = silver->version};
    if (options_.engine_is) options_.engine_is(&lake.engine());
    auto done = make(lake, out);
    if (options_.engine_is) options_.engine_is(nullptr);
    TRY(std::move(done));
    return out;
  }

  Result<> make(LakeSql& lake, ModelRun& out) {
    SqlEngine& sql = lake.engine();
    TRY(prepare(sql));
    const std::vector<Column> columns = TRY(columns_of(sql));
    auto table = TRY(existing_table());
    delta::Transaction t = transaction();
    if (table) out.replaced_rows = remove_day(table->snapshot(), t);
    out.events = TRY(sql.query("SELECT count(*) AS n FROM events")).int_at(0, "n");
    if (out.events == 0 && t.removes.empty()) return no_events(sql);

    TRY(make_folders(lake.temporary()));
    const fs::path file = lake.temporary() / "model.parquet";
    out.rows = TRY(write(sql, columns, file));
    if (out.rows == 0 && t.removes.empty()) return {};  // the model has nothing to say of the day
    if (!table) table = TRY(delta::DeltaTable::open_or_create(folder(), new_table(columns), delta_options()));
    t.metadata = TRY(widened(*table, columns));
    if (out.rows > 0) t.adds.push_back(TRY(put_in_place(file, out.rows)));
    fault_point("model.files_written");
    // Who has put rows of the day there meanwhile was not seen here.
    const auto as_seen = [&](const delta::Snapshot& now) -> Result<> {
      delta::Transaction there;
      (void)remove_day(now, there);
      if (there.removes.size() == t.removes.size()) return {};
      return fail(ErrorCode::conflict, fmt::format("another run of {} was first", model_.name));
    };
    TRY(as_seen(table->snapshot()));  // it may have been made a moment ago, by another run
    out.version = TRY(table->commit(t, {.recheck = [&](const delta::Snapshot& now, auto) { return as_seen(now); }}));
    return {};
  }

  // The day's words, for the model's own SQL.
  Result<> prepare(SqlEngine& sql) {
    const std::string zone = sql_text(config_.shop.time_zone);
    // Where clocks go back at one to midnight, the day has two, of which DuckDB takes the second.
    const auto start_of = [&](int32_t day) {
      return fmt::format(
          "CASE WHEN timezone({0}, timezone({0}, TIMESTAMP '{1}') - INTERVAL 1 HOUR) >= TIMESTAMP '{1}' "
          "THEN timezone({0}, TIMESTAMP '{1}') - INTERVAL 1 HOUR ELSE timezone({0}, TIMESTAMP '{1}') END",
          zone, date_text(day));
    };
    std::vector<std::string> sold = {"'purchase'"}, refunded = {"'refund'"};
    for (const ExtraEventType& type : config_.events.types) {
      if (type.like == EventKind::purchase) sold.push_back(sql_text(type.name));
      if (type.like == EventKind::refund) refunded.push_back(sql_text(type.name));
    }
    // Days of the zone lie in UTC days from the one before to the one behind.
    return sql.execute(fmt::format(
        "CREATE MACRO model_day() AS DATE '{}';"
        "CREATE MACRO model_start() AS {};"
        "CREATE MACRO model_end() AS {};"
        "CREATE MACRO wilson_centre(k, n) AS (k / n + {z2} / (2 * n)) / (1 + {z2} / n);"
        "CREATE MACRO wilson_half(k, n) AS {z} / (1 + {z2} / n) * sqrt(k / n * (1 - k / n) / n + {z2} / (4 * n * n));"
        "CREATE MACRO wilson_low(successes, trials) AS CASE WHEN trials > 0 THEN CASE WHEN successes <= 0 THEN "
        "0.0::DOUBLE ELSE "
        "greatest(0, wilson_centre(successes::DOUBLE, greatest(successes, trials)::DOUBLE) - "
        "wilson_half(successes::DOUBLE, greatest(successes, trials)::DOUBLE)) END END;"
        "CREATE MACRO wilson_high(successes, trials) AS CASE WHEN trials > 0 THEN CASE WHEN successes >= trials THEN "
        "1.0::DOUBLE ELSE "
        "least(1, wilson_centre(successes::DOUBLE, trials::DOUBLE) + wilson_half(successes::DOUBLE, trials::DOUBLE)) "
        "END END;"
        "CREATE OR REPLACE VIEW events AS SELECT *, CASE WHEN coalesce(currency, {currency}) <> {currency} THEN NULL "
        "WHEN event_type IN ({sold}) THEN price * quantity WHEN event_type IN ({refunded}) THEN -price * quantity "
        "ELSE 0 END AS amount FROM silver WHERE event_date BETWEEN DATE '{first}' AND DATE '{last}' "
        "AND event_timestamp >= model_start() AND event_timestamp < model_end()",
        date_text(day_), start_of(day_), start_of(day_ + 1), fmt::arg("z", kZ95), fmt::arg("z2", kZ95 * kZ95),
        fmt::arg("currency", sql_text(config_.shop.currency)), fmt::arg("sold", fmt::join(sold, ", ")),
        fmt::arg("refunded", fmt::join(refunded, ", ")), fmt::arg("first", date_text(day_ - 1)),
        fmt::arg("last", date_text(day_ + 1))));
  }

  // What it is by must be a column. A value that is none counts rows, unless it looks like a column's name.
  Result<> check_plot(const std::vector<Column>& columns) {
    std::vector<std::string_view> known;
    for (const Column& c : columns) known.push_back(c.name);
    const auto is_known = [&](const std::string& name) { return std::ranges::find(known, name) != known.end(); };
    const std::string &value = model_.plot_value, &label = model_.plot_label;
    const bool is_wrong_value = !value.empty() && !is_known(value) && closest_word(value, known);
    if (!is_wrong_value && (label.empty() || is_known(label))) return {};
    const std::string& wrong = is_wrong_value ? value : label;
    auto error = fail(ErrorCode::usage, fmt::format("the plot is of a column that is not there: {}{}", wrong,
                                                    did_you_mean(wrong, known)));
    error.error().where = model_.file;
    return error;
  }

  Result<std::vector<Column>> columns_of(SqlEngine& sql) {
    auto described = sql.columns_of(model_.sql);
    if (!described) return std::unexpected(in_file(std::move(described).error(), model_));
    std::vector<Column> out;
    std::set<std::string> names;
    for (const auto& [name, type] : *described) {
      if (!names.insert(lower_case(name)).second) {
        auto error = fail(ErrorCode::usage, fmt::format("two columns are called {}", name), "give one another name");
        error.error().where = model_.file;
        return error;
      }
      out.push_back(TRY(column_of(model_, name, type)));
    }
    TRY(check_plot(out));
    return out;
  }

  Result<std::optional<delta::DeltaTable>> existing_table() {
    auto table = delta::DeltaTable::open(folder(), delta_options());
    if (!table && table.error().code == ErrorCode::not_found) return std::optional<delta::DeltaTable>();
    std::optional<delta::DeltaTable> out = TRY(std::move(table));
    if (!out->snapshot().metadata().configuration.contains(kModelProperty))
      return fail(ErrorCode::usage, fmt::format("gold/{} is the table of a view", model_.name),
                  fmt::format("give {} another name", model_.file));
    return out;
  }

  // Into columns that the table has, or will have.
  Result<std::optional<delta::Metadata>> widened(const delta::DeltaTable& table, const std::vector<Column>& columns) {
    auto wider = table.metadata_for(new_table(columns).schema);
    if (wider || wider.error().code != ErrorCode::invalid) return wider;
    auto error = fail(ErrorCode::usage, fmt::format("{} of gold/{}", wider.error().message, model_.name),
                      "write the column as it was, or give it another name");
    error.error().where = model_.file;
    return error;
  }

  delta::Transaction transaction() {
    delta::Transaction t;
    t.operation = "WRITE";
    t.operation_parameters = {{"mode", "Overwrite"}, {"model", model_.name}, {kDay, date_text(day_)}};
    t.info = Json::object().set("kind", "model").set("model", model_.name).set(kDay, date_text(day_));
    t.commit_uuid = random_.uuid();
    t.time_ms = clock_.now_us() / 1000;
    return t;
  }

  int64_t remove_day(const delta::Snapshot& table, delta::Transaction& t) const {
    int64_t rows = 0;
    for (const auto& [path, file] : table.files()) {
      const auto day = file.partition_values.find(kDay);
      if (day == file.partition_values.end() || day->second != date_text(day_)) continue;
      t.removes.push_back({path, t.time_ms, true, file.partition_values, file.size});
      rows += delta::rows_of(file.stats).value_or(0);
    }
    return rows;
  }

  Result<> no_events(SqlEngine& sql) {
    const SqlTable range =
        TRY(sql.query("SELECT min(event_date)::VARCHAR AS first, max(event_date)::VARCHAR AS last FROM \"lake "
                      "files\".\"main.silver\""));
    const std::string first = range.text_at(0, "first"), last = range.text_at(0, "last");
    return fail(ErrorCode::not_found,
                fmt::format("there are no events on {} ({})", date_text(day_), config_.shop.time_zone),
                first.empty() ? "Silver is empty" : fmt::format("Silver has events of {} to {}, UTC", first, last));
  }

  Result<int64_t> write(SqlEngine& sql, const std::vector<Column>& columns, const fs::path& file) {
    std::string selected;
    for (const Column& column : columns)
      selected += fmt::format("{}CAST({} AS {}) AS {}", selected.empty() ? "" : ", ", sql_name(column.name),
                              column.cast, sql_name(column.name));
    // The model begins on the first line: places in errors are its own.
    auto rows =
        sql.write_parquet(fmt::format("SELECT {} FROM ({}\n)", selected, take_statement(model_.sql).text), file);
    if (!rows) return std::unexpected(in_file(std::move(rows).error(), model_));
    TRY(check_times(sql, columns, file));
    return *rows;
  }

  // Texts of times have four digits for the year, and infinity is none.
  Result<> check_times(SqlEngine& sql, const std::vector<Column>& columns, const fs::path& file) {
    for (const Column& column : columns) {
      if (column.cast != "DATE" && !column.cast.starts_with("TIMESTAMP")) continue;
      const SqlTable wrong = TRY(sql.query(fmt::format(
          "SELECT {0}::VARCHAR AS v FROM read_parquet({1}) WHERE NOT (isfinite({0}) AND year({0}) BETWEEN 1 AND 9999) "
          "LIMIT 1",
          sql_name(column.name), sql_text(file.native()))));
      if (wrong.rows == 0) continue;
      auto error = fail(ErrorCode::usage, fmt::format("column {} has a time outside the years 1 to 9999: {}",
                                                      column.name, wrong.text_at(0, "v")));
      error.error().where = model_.file;
      return error;
    }
    return {};
  }

  Result<delta::AddFile> put_in_place(const fs::path& made, int64_t rows) {
    const std::string day = date_text(day_);
    const fs::path partition = folder() / fmt::format("{}={}", kDay, day);
    TRY(make_folders(partition));
    TRY(sync_folder(folder()));
    const int64_t now_ms = clock_.now_us() / 1000;
    const std::string name = part_name({day_, 0, now_ms}, random_);
    TRY(TRY(File::open_read_write(made)).sync());
    TRY(rename_file(made, partition / name));
    TRY(sync_folder(partition));
    return delta::AddFile{fmt::format("{}={}/{}", kDay, day, name),
                          {{kDay, day}},
                          TRY(size_of_file(partition / name)),
                          now_ms,
                          true,
                          delta::FileStats(rows).json()};
  }

  delta::NewTable new_table(const std::vector<Column>& columns) {
    delta::NewTable out;
    out.schema.fields.push_back({kDay, delta::FieldType::date()});
    for (const Column& column : columns) out.schema.fields.push_back({column.name, column.type});
    out.schema.partition_columns = {kDay};
    out.id = random_.uuid();
    out.time_ms = clock_.now_us() / 1000;
    out.name = model_.name;
    out.configuration[kModelProperty] = model_.name;
    return out;
  }
  delta::DeltaOptions delta_options() {
    return {.clock = &clock_, .before_link = "model.before_link", .linked = "model.linked"};
  }
  fs::path folder() const { return lake_.gold(model_.name); }

  const Config& config_;
  LakePaths lake_;
  const Model& model_;
  int32_t day_;
  const ModelOptions& options_;
  Clock& clock_;
  Random& random_;
};

}  // namespace

Result<std::vector<Model>> list_models(const fs::path& folder) {
  std::map<std::string, Model> out;
  for (const BuiltInModel& model : built_in_models()) {
    const std::string name(model.name);
    out[name] = parse_model(name, std::string(model.sql), fmt::format("built-in model {}", name), true);
  }
  auto files = list_folder(folder);
  if (!files && files.error().code != ErrorCode::not_found) return std::unexpected(std::move(files).error());
  if (files)
    for (const std::string& file : *files) {
      if (!file.ends_with(".sql") || file.starts_with('.')) continue;  // an editor's, too
      std::string name = file.substr(0, file.size() - 4);
      const fs::path path = folder / file;
      const auto sql = read_file(path);
      Model model = parse_model(name, sql.value_or(""), path.native(), false);
      if (!sql)
        model.problem = sql.error().message, model.unreadable = true;
      else if (!is_table_name(name))
        model.problem =
            fmt::format("a model cannot be called \"{}\": small letters, digits and _, a letter first", name);
      else if (std::ranges::find(kTaken, name) != std::end(kTaken))
        model.problem = fmt::format("a model cannot be called {}: there is such a table already", name);
      out[name] = std::move(model);
    }
  std::vector<Model> list;
  for (auto& [name, model] : out) list.push_back(std::move(model));
  return list;
}

Result<ModelRun> run_model(const Config& config, const Model& model, int32_t day, const ModelOptions& options,
                           Clock& clock, Random& random) {
  if (!model.problem.empty())
    return std::unexpected(model.unreadable
                               ? Error{ErrorCode::io, model.problem, "", model.file}
                               : Error{ErrorCode::usage, model.problem, "give the file another name", model.file});
  return ModelRunner(config, model, day, options, clock, random).run();
}

bool is_model_table(const delta::Snapshot& table) { return table.metadata().configuration.contains(kModelProperty); }

Result<ModelRows> model_rows(const delta::Snapshot& table, std::optional<int32_t> day, int64_t limit) {
  ModelRows out;
  std::string paths;
  const std::string wanted = day ? date_text(*day) : "";
  for (const auto& [path, file] : table.files()) {
    const auto of = file.partition_values.find(kDay);
    if (of == file.partition_values.end() || !of->second || (day && *of->second != wanted) || *of->second < out.day)
      continue;
    if (*of->second > out.day) paths.clear(), out.rows = 0;
    out.day = *of->second;
    out.rows += delta::rows_of(file.stats).value_or(0);
    paths += (paths.empty() ? "" : ", ") + sql_text((table.table_folder() / path).native());
  }
  if (paths.empty()) return out;
  // Straight from the file, which has the rows in the order of the model's SQL; a view of the table keeps none.
  SqlEngine sql = TRY(SqlEngine::open({.folder = table.table_folder()}));
  out.first = TRY(sql.query(fmt::format("FROM read_parquet([{}], hive_partitioning = false) LIMIT {}", paths, limit)));
  return out;
}

}  // namespace pactolus
