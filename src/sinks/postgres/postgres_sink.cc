#include "sinks/postgres/postgres_sink.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/fault.h"
#include "base/time_text.h"
#include "lake/delta/changes.h"
#include "lake/delta/snapshot.h"
#include "lake/parquet/parquet_file.h"
#include "sinks/postgres/copy_text.h"
#include "sinks/postgres/migrations.h"

namespace pactolus {
namespace {

using Texts = std::vector<std::optional<std::string>>;

constexpr std::string_view kRowKey = "_row", kFinal = "_final", kEpoch = "_epoch", kBatch = "batch_id";
constexpr const char* kStaging = "pg_temp.pactolus_staging";
constexpr size_t kChunk = 1 << 20;  // of COPY, bytes

bool has_names(const PostgresTable& table) { return !table.keys.empty(); }
bool has_open_rows(const PostgresTable& table, const delta::TableSchema& schema) {
  return has_names(table) && schema.find("window_end");
}

// Columns of a copy, each with its type, in their order. Those of the Delta table that have no form are left out.
std::vector<std::pair<std::string, std::string>> columns_of(const PostgresTable& table,
                                                            const delta::TableSchema& schema) {
  std::vector<std::pair<std::string, std::string>> out;
  if (has_names(table)) out.emplace_back(kRowKey, "uuid");
  for (const delta::SchemaField& field : schema.fields)
    if (const std::string type = pg_type(field.type); !type.empty()) out.emplace_back(field.name, type);
  if (has_names(table)) {
    out.emplace_back(kFinal, "boolean");
    out.emplace_back(kEpoch, "bigint");
  }
  return out;
}

// What was made of a table, to be kept beside it: its keys, then a column a line.
std::string columns_text(const PostgresTable& table, const delta::TableSchema& schema) {
  std::string out = fmt::format("{}", fmt::join(table.keys, ","));
  for (const auto& [name, type] : columns_of(table, schema)) out += fmt::format("\n{} {}", name, type);
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string names_of(const std::vector<std::pair<std::string, std::string>>& columns) {
  std::vector<std::string> names;
  for (const auto& [name, type] : columns) names.push_back(pg_name(name));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string condition_of(const delta::PartitionValues& partition) {
  std::vector<std::string> parts;
  for (const auto& [column, value] : partition)
    parts.push_back(value ? fmt::format("{} = {}", pg_name(column), pg_text(pg_time(*value)))
                          : fmt::format("{} IS NULL", pg_name(column)));
  return parts.empty() ? "true" : fmt::format("{}", fmt::join(parts, " AND "));
}

// A batch of rows as lines of COPY: what each column of the copy is made of.
class Lines {
 public:
  Lines(const PostgresTable& table, const delta::TableSchema& schema, const ColumnBatch& batch,
        const delta::PartitionValues& partition, bool final, int64_t epoch)
      : rows_(batch.rows()), has_names_(has_names(table)), tail_(fmt::format("\t{}\t{}", final ? 't' : 'f', epoch)) {
    const ColumnView all = ColumnView::of(batch);
    for (const delta::SchemaField& field : schema.fields) {
      if (pg_type(field.type).empty()) continue;
      Field& out = fields_.emplace_back();
      if (all.has_child(field.name)) {
        out.column = TypedColumn{all.child(field.name), field.type};
      } else if (const auto value = partition.find(field.name); value != partition.end() && value->second) {
        append_copy_text(field.type.kind == delta::FieldType::Kind::date ? pg_time(*value->second) : *value->second,
                         out.constant);
      } else {
        append_copy_null(out.constant);  // a file from before there was such a column
      }
    }
    for (const std::string& key : table.keys)
      keys_.push_back(all.has_child(key) ? std::optional(TypedColumn{all.child(key), schema.find(key)->type})
                                         : std::nullopt);  // a file from before there was such a key
  }

  // Some whole lines more; false when there are none left.
  Result<bool> append(std::string& out) {
    for (; row_ < rows_ && out.size() < kChunk; ++row_) {
      if (has_names_) out += row_key(keys_, row_);
      for (size_t f = 0; f < fields_.size(); ++f) {
        if (f > 0 || has_names_) out += '\t';
        if (fields_[f].column)
          TRY(append_copy_value(*fields_[f].column, row_, out));
        else
          out += fields_[f].constant;
      }
      if (has_names_) out += tail_;
      out += '\n';
    }
    return row_ < rows_;
  }

 private:
  struct Field {
    std::optional<TypedColumn> column;
    std::string constant;
  };
  std::vector<Field> fields_;
  std::vector<std::optional<TypedColumn>> keys_;
  int64_t rows_, row_ = 0;
  bool has_names_;
  std::string tail_;
};

}  // namespace

Result<int64_t> PostgresSink::follow(std::span<const PostgresTable> tables, const StreamPosition& position,
                                     const OpenRows& open, const std::function<bool()>& stop) {
  options_.target.stop = stop;
  TRY(connect());
  int64_t rows = 0;
  std::optional<Error> first;
  for (const PostgresTable& table : tables) {
    const auto found = open.find(table.name);
    const auto done = follow_table(table, position, found == open.end() ? nullptr : &found->second);
    if (done) {
      rows += *done;
      continue;
    }
    followed_.erase(table.name);  // whether it was committed is read there
    // A table that the server refuses is no reason to leave the others behind.
    if (!first)
      first = Error{done.error().code, fmt::format("{}: {}", table.name, done.error().message), done.error().hint};
    if (done.error().code == ErrorCode::fenced || !connection_->usable()) break;
  }
  if (!first) return rows;
  // Somebody may have dropped what is ours: the next connection looks at everything again.
  if (first->code == ErrorCode::invalid) connection_.reset();
  return std::unexpected(with_hint(std::move(*first)));
}

Result<> PostgresSink::connect() {
  if (connection_ && connection_->usable()) return {};
  connection_.reset();
  followed_.clear();
  connection_ = TRY(PgConnection::open(options_.target));
  auto ready = migrate();
  if (ready) return {};
  connection_.reset();
  return std::unexpected(with_hint(std::move(ready).error()));
}

// Tables, columns or types are others than we made.
Error PostgresSink::with_hint(Error error) const {
  constexpr std::string_view kStates[] = {"(42P01)", "(42P07)", "(42703)", "(42804)", "(42P10)"};
  const bool is_ours = std::ranges::any_of(
      kStates, [&](std::string_view state) { return error.message.find(state) != std::string::npos; });
  if (error.code == ErrorCode::invalid && error.hint.empty() && is_ours)
    error.hint =
        fmt::format("when a column or table of ours was dropped or changed: DROP SCHEMA {} CASCADE, it is made anew",
                    pg_name(options_.schema));
  return error;
}

Result<> PostgresSink::migrate() {
  return in_transaction(
      [this]() -> Result<> { return migrate_schema(*connection_, options_.schema, options_.lake_id); });
}

Result<> PostgresSink::in_transaction(const std::function<Result<>()>& work) {
  TRY(connection_->run("BEGIN"));
  if (auto done = work(); !done) {
    if (connection_->usable()) (void)connection_->run("ROLLBACK");
    return done;
  }
  fault_point("postgres.before_commit");
  TRY(connection_->run("COMMIT"));
  fault_point("postgres.committed");
  return {};
}

Result<int64_t> PostgresSink::follow_table(const PostgresTable& table, const StreamPosition& position,
                                           const ViewRows* open) {
  if (const auto known = followed_.find(table.name);
      known != followed_.end() && (!open || open->empty()) &&
      TRY(delta::changes_since(table.folder, Version(known->second.version))).nothing())
    return 0;
  int64_t rows = 0;
  Followed next;
  TRY(in_transaction([&]() -> Result<> {
    const std::string progress = full_name("_progress");
    TRY(connection_->run(fmt::format("INSERT INTO {} (table_name) VALUES ($1) ON CONFLICT DO NOTHING", progress),
                         Texts{table.name}));
    const PgRows there = TRY(connection_->run(
        fmt::format("SELECT table_id, columns, epoch, gold_version, to_regclass($2) IS NOT NULL FROM {} "
                    "WHERE table_name = $1 FOR UPDATE",
                    progress),
        Texts{table.name, full_name(table.name)}));
    const bool exists = there.at(0, 4) == "t";  // unless somebody has dropped it
    const std::string id = there.at(0, 0).value_or(""), columns = exists ? there.at(0, 1).value_or("") : "";
    const int64_t epoch = std::atoll(there.at(0, 2).value_or("0").c_str());
    const int64_t version = std::atoll(there.at(0, 3).value_or("-1").c_str());
    if (epoch > position.epoch)
      return fail(
          ErrorCode::fenced,
          fmt::format("PostgreSQL has rows of a later process: its epoch is {}, this one's {}", epoch, position.epoch),
          fmt::format("when the lake was restored from a copy: DROP SCHEMA {} CASCADE, it is made anew",
                      pg_name(options_.schema)));

    delta::TableChanges changes = TRY(delta::changes_since(table.folder, Version(version)));
    std::optional<delta::Snapshot> now;
    const auto known = followed_.find(table.name);
    if (exists && known != followed_.end() && known->second.version == version && known->second.id == id &&
        !changes.everything && !changes.new_metadata) {
      next = known->second;
    } else {
      now = TRY(delta::Snapshot::load(table.folder, changes.version));
      next.id = now->metadata().id;
      next.schema = TRY(delta::parse_schema(now->metadata().schema_string, now->metadata().partition_columns));
      if (next.id != id) changes.everything = true;
      if (TRY(make_table(table, next.schema, columns, exists))) changes.everything = true;
    }
    // Open rows of an earlier process may be of somebody who was erased since; they are shown anew.
    if (exists && known == followed_.end() && has_open_rows(table, next.schema))
      TRY(connection_->run(fmt::format("DELETE FROM {} WHERE NOT _final", full_name(table.name))));
    next.version = changes.version.value;
    if (changes.everything) changes.added.clear(), changes.replaced.clear();

    std::erase_if(changes.added, [&](const delta::AddFile& add) {
      std::error_code error;
      if (fs::exists(table.folder / add.path, error)) return false;
      changes.replaced.insert(add.partition_values);  // merged, and cleaned away since
      return true;
    });
    std::erase_if(changes.added,
                  [&](const delta::AddFile& add) { return changes.replaced.contains(add.partition_values); });
    std::vector<delta::AddFile> files = std::move(changes.added);
    if (changes.everything || !changes.replaced.empty()) {
      if (!now) now = TRY(delta::Snapshot::load(table.folder, changes.version));
      for (const auto& [path, file] : now->files())
        if (changes.everything || changes.replaced.contains(file.partition_values)) files.push_back(file);
      if (changes.everything) changes.replaced = {delta::PartitionValues()};
      for (const delta::PartitionValues& partition : changes.replaced)
        TRY(connection_->run(fmt::format("DELETE FROM {} WHERE {}", full_name(table.name), condition_of(partition))));
    }
    if (!files.empty() || (open && !open->empty()))
      TRY(connection_->run(
          fmt::format("CREATE TEMP TABLE pactolus_staging (LIKE {}) ON COMMIT DROP", full_name(table.name))));
    if (!files.empty()) {
      TRY(stage(table, next, position, files));
      rows += TRY(merge(table, next, true));
      if (table.opens_flash_sales)
        TRY(connection_->run(fmt::format(
            "INSERT INTO {} SELECT product_id, window_start, window_end, views, purchases, conversion_rate, "
            "alert_time, true FROM {} WHERE state = 'open' AND ln_evidence IS NULL ON CONFLICT DO NOTHING",
            full_name("flash_sale_alerts"), kStaging)));
    }
    if (open && !open->empty()) {
      if (!files.empty()) TRY(connection_->run(fmt::format("TRUNCATE {}", kStaging)));
      TRY(stage_open(table, next, position, *open));
      rows += TRY(merge(table, next, false));
      // Older ones are not among those that are shown any more, and would stay as they were.
      TRY(connection_->run(fmt::format("DELETE FROM {} WHERE NOT _final AND window_end < $1", full_name(table.name)),
                           Texts{pg_time(iso_time(open->window_end(open->size() - 1)))}));
    }
    // What is final by now has its final row; what has none was taken back.
    if (has_open_rows(table, next.schema) && position.watermark != kNoTime)
      TRY(connection_->run(fmt::format("DELETE FROM {} WHERE NOT _final AND window_end <= $1", full_name(table.name)),
                           Texts{pg_time(iso_time(position.watermark))}));
    TRY(connection_->run(fmt::format("UPDATE {} SET table_id = $2, columns = $3, epoch = $4, batch = $5, "
                                     "gold_version = $6, updated_at = now() WHERE table_name = $1",
                                     progress),
                         Texts{table.name, next.id, columns_text(table, next.schema), std::to_string(position.epoch),
                               std::to_string(position.batch), std::to_string(next.version)}));
    return {};
  }));
  followed_[table.name] = std::move(next);
  return rows;
}

// True when it was made anew and has no rows. Columns that came are added; any other difference makes another table.
Result<bool> PostgresSink::make_table(const PostgresTable& table, const delta::TableSchema& schema,
                                      std::string_view columns_before, bool exists) {
  const std::string wanted = columns_text(table, schema), name = full_name(table.name);
  if (columns_before == wanted) return false;
  const std::vector<std::string_view> before = lines_of(columns_before), now = lines_of(wanted);
  const bool only_wider =
      !columns_before.empty() && before.front() == now.front() &&
      std::ranges::all_of(before, [&](std::string_view line) { return std::ranges::find(now, line) != now.end(); });
  const auto columns = columns_of(table, schema);
  if (only_wider) {
    for (const auto& [column, type] : columns)
      TRY(connection_->run(fmt::format("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}", name, pg_name(column), type)));
    return false;
  }
  if (exists && columns_before.empty())
    return fail(ErrorCode::conflict,
                fmt::format("the schema {} has a table of that name that is not ours", options_.schema),
                "name another postgres.schema, or take the table away");
  TRY(connection_->run(fmt::format("DROP TABLE IF EXISTS {}", name)));
  std::vector<std::string> lines;
  for (const auto& [column, type] : columns) {
    const bool always = column == kFinal || column == kEpoch;
    lines.push_back(fmt::format("{} {}{}", pg_name(column), type,
                                column == kRowKey ? " PRIMARY KEY"
                                : always          ? " NOT NULL"
                                                  : ""));
  }
  TRY(connection_->run(fmt::format("CREATE TABLE {} ({})", name, fmt::join(lines, ", "))));
  std::vector<std::string> indexed = {"window_start"};
  // An entry of an index has at most 2,704 bytes, and these two have more.
  if (has_names(table) && table.keys.front() != "page_url" && table.keys.front() != "referrer")
    indexed.push_back(table.keys.front());
  if (!schema.partition_columns.empty()) indexed.push_back(schema.partition_columns.front());
  for (const std::string& by : indexed)
    if (schema.find(by)) TRY(connection_->run(fmt::format("CREATE INDEX ON {} ({})", name, pg_name(by))));
  if (has_open_rows(table, schema))
    TRY(connection_->run(fmt::format("CREATE INDEX ON {} (window_end) WHERE NOT _final", name)));
  return true;
}

Result<> PostgresSink::stage(const PostgresTable& table, const Followed& of, const StreamPosition& position,
                             std::span<const delta::AddFile> files) {
  std::optional<ColumnBatch> batch;
  std::optional<Lines> lines;
  size_t file = 0;
  const auto copied =
      connection_->copy_in(fmt::format("COPY {} ({}) FROM STDIN", kStaging, names_of(columns_of(table, of.schema))),
                           [&](std::string& out) -> Result<> {
                             while (out.empty()) {
                               if (!lines) {
                                 if (file == files.size()) return {};
                                 const delta::AddFile& add = files[file++];
                                 batch = TRY(read_parquet(table.folder / add.path));
                                 lines.emplace(table, of.schema, *batch, add.partition_values, true, position.epoch);
                               }
                               if (!TRY(lines->append(out))) lines.reset();
                             }
                             return {};
                           });
  if (!copied) return std::unexpected(copied.error());
  return {};
}

Result<> PostgresSink::stage_open(const PostgresTable& table, const Followed& of, const StreamPosition& position,
                                  const ViewRows& open) {
  size_t first = 0;
  const auto copied =
      connection_->copy_in(fmt::format("COPY {} ({}) FROM STDIN", kStaging, names_of(columns_of(table, of.schema))),
                           [&](std::string& out) -> Result<> {
                             if (first == open.size()) return {};
                             size_t last = first + 1;  // rows of one date lie side by side
                             while (last < open.size() && open.window_date(last) == open.window_date(first)) ++last;
                             const ColumnBatch batch = open.columns(first, last, ViewBasis::stream, position.batch);
                             const delta::PartitionValues date = {{"window_date", date_text(open.window_date(first))}};
                             Lines lines(table, of.schema, batch, date, false, position.epoch);
                             std::string part;
                             for (bool more = true; more; part.clear()) {
                               more = TRY(lines.append(part));
                               out += part;
                             }
                             first = last;
                             return {};
                           });
  if (!copied) return std::unexpected(copied.error());
  return {};
}

// From the staging table. A row that is there and final stays; one that is not is replaced by a final one, or by a
// later one that says something else.
Result<int64_t> PostgresSink::merge(const PostgresTable& table, const Followed& of, bool final) {
  const auto columns = columns_of(table, of.schema);
  const std::string names = names_of(columns);
  std::string sql =
      fmt::format("INSERT INTO {} AS t ({}) SELECT {} FROM {}", full_name(table.name), names, names, kStaging);
  if (has_names(table)) {
    std::vector<std::string> set, mine, theirs;
    for (const auto& [column, type] : columns) {
      const std::string name = pg_name(column);
      set.push_back(fmt::format("{} = EXCLUDED.{}", name, name));
      if (column != kEpoch && column != kBatch) mine.push_back("t." + name), theirs.push_back("EXCLUDED." + name);
    }
    sql += fmt::format(" ON CONFLICT (_row) DO UPDATE SET {} WHERE NOT t._final", fmt::join(set, ", "));
    if (!final)
      sql += fmt::format(
          " AND (t._epoch, t.batch_id) <= (EXCLUDED._epoch, EXCLUDED.batch_id) AND ({}) IS DISTINCT FROM ({})",
          fmt::join(mine, ", "), fmt::join(theirs, ", "));
  }
  return TRY(connection_->run(sql)).affected;
}

}  // namespace pactolus
