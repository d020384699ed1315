#include "query/lake_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace pactolus {
namespace {

using Kind = delta::FieldType::Kind;

bool is_partition(const delta::TableSchema& schema, const std::string& column) {
  return std::find(schema.partition_columns.begin(), schema.partition_columns.end(), column) !=
         schema.partition_columns.end();
}

// Away from the views, so that a list of tables does not show them.
constexpr const char* kFilesSchema = "lake files";

std::string qualified(std::string_view schema, std::string_view name) {
  return fmt::format("{}.{}", sql_name(schema), sql_name(name));
}

// Each live file's absolute path with its partition values.
Result<> fill_files(SqlEngine& sql, const std::string& table, const delta::TableSchema& schema,
                    const delta::Snapshot& snapshot, const fs::path& folder) {
  std::string columns = "pactolus_file VARCHAR";
  for (const std::string& p : schema.partition_columns)
    columns += fmt::format(", {} {}", sql_name(p), duckdb_type(schema.find(p)->type));
  TRY(sql.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS {}; CREATE OR REPLACE TABLE {} ({})", sql_name(kFilesSchema),
                              qualified(kFilesSchema, table), columns)));
  SqlAppender rows = TRY(sql.append_to(table, kFilesSchema));
  for (const auto& [path, file] : snapshot.files()) {
    rows.add((folder / path).native());
    for (const std::string& p : schema.partition_columns) {
      const auto value = file.partition_values.find(p);
      const bool null = value == file.partition_values.end() || !value->second || value->second->empty();
      null ? rows.add_null() : rows.add(std::string_view(*value->second));
    }
    rows.end_row();
  }
  if (auto closed = rows.close(); !closed)
    return fail(ErrorCode::corrupt,
                fmt::format("a partition value of {} cannot be read: {}", folder.native(), closed.error().message));
  return {};
}

}  // namespace

std::string duckdb_type(const delta::FieldType& type) {
  switch (type.kind) {
    case Kind::string: return "VARCHAR";
    case Kind::integer: return "INTEGER";
    case Kind::long_integer: return "BIGINT";
    case Kind::boolean: return "BOOLEAN";
    case Kind::double_float: return "DOUBLE";
    case Kind::date: return "DATE";
    case Kind::timestamp: return "TIMESTAMPTZ";
    case Kind::binary: return "BLOB";
    case Kind::decimal: return fmt::format("DECIMAL({},{})", type.precision, type.scale);
    case Kind::map: {
      const std::string value = duckdb_type(type.value.at(0));
      return value.empty() ? "" : fmt::format("MAP(VARCHAR, {})", value);
    }
    case Kind::other: return "";
  }
  return "";
}

Result<> create_delta_view(SqlEngine& sql, std::string_view name, const delta::Snapshot& snapshot,
                           std::string_view sql_schema) {
  const std::string view = qualified(sql_schema, name), files = fmt::format("{}.{}", sql_schema, name);
  const delta::TableSchema schema =
      TRY(delta::parse_schema(snapshot.metadata().schema_string, snapshot.metadata().partition_columns));
  std::error_code ignored;
  const fs::path folder = fs::absolute(snapshot.table_folder(), ignored).lexically_normal();
  const bool empty = snapshot.files().empty();
  // The declared schema spares DuckDB a look into every file, and gives a file that lacks a column nulls for it.
  std::string selected, declared;
  for (const delta::SchemaField& field : schema.fields) {
    const std::string type = duckdb_type(field.type), column = sql_name(field.name);
    if (type.empty())
      return fail(ErrorCode::unsupported, fmt::format("column {} of {} has a type that cannot be queried: {}",
                                                      field.name, folder.native(), delta::type_text(field.type)));
    const std::string_view comma = selected.empty() ? "" : ", ";
    if (empty)
      selected += fmt::format("{}CAST(NULL AS {}) AS {}", comma, type, column);
    else if (is_partition(schema, field.name))
      selected += fmt::format("{}f.{}", comma, column);
    else
      selected += fmt::format("{}p.{}", comma, column);
    if (is_partition(schema, field.name)) continue;
    declared += fmt::format("{}{}: {{'name': {}, 'type': {}, 'default_value': NULL}}", declared.empty() ? "" : ", ",
                            sql_text(field.name), sql_text(field.name), sql_text(type));
  }
  TRY(fill_files(sql, files, schema, snapshot, folder));
  if (empty) return sql.execute(fmt::format("CREATE OR REPLACE VIEW {} AS SELECT {} WHERE false", view, selected));

  std::string paths;
  for (const auto& [path, file] : snapshot.files())
    paths += fmt::format("{}{}", paths.empty() ? "" : ", ", sql_text((folder / path).native()));
  const bool joined = !schema.partition_columns.empty();
  return sql.execute(fmt::format(
      "CREATE OR REPLACE VIEW {} AS SELECT {} FROM read_parquet([{}], hive_partitioning = false, {}schema = map "
      "{{{}}}) AS p {}",
      view, selected, paths, joined ? "filename = 'pactolus_file', " : "", declared,
      joined ? fmt::format("JOIN {} AS f ON p.pactolus_file = f.pactolus_file", qualified(kFilesSchema, files)) : ""));
}

}  // namespace pactolus
