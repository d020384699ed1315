#include "query/duckdb.h"

#include <duckdb.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace pactolus {
namespace {

constexpr int64_t kMostMemory = int64_t(4) << 30;

int64_t default_memory() {
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? std::min(pages * page / 4, kMostMemory) : kMostMemory / 4;
}

ErrorCode code_of(duckdb_error_type type, std::string_view text) {
  switch (type) {
    case DUCKDB_ERROR_PARSER:
    case DUCKDB_ERROR_SYNTAX:
    case DUCKDB_ERROR_BINDER:
    case DUCKDB_ERROR_CATALOG:
    case DUCKDB_ERROR_PERMISSION:
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_MISMATCH_TYPE: return ErrorCode::usage;
    case DUCKDB_ERROR_INVALID_INPUT:  // a Parquet file that is none, or an argument that a function does not take
      return text.find("arquet") != text.npos || text.find("magic bytes") != text.npos ? ErrorCode::corrupt
                                                                                       : ErrorCode::usage;
    case DUCKDB_ERROR_INVALID:  // a file's page headers make no sense
      return ErrorCode::corrupt;
    default: return ErrorCode::io;
  }
}

std::unexpected<Error> failed(duckdb_result& result) {
  const char* text = duckdb_result_error(&result);
  if (!text) text = "the query failed";
  return fail(code_of(duckdb_result_error_type(&result), text), text);
}

// A failed preparation has a text and no type.
std::unexpected<Error> not_prepared(const char* why) {
  const std::string_view text = why ? why : "the query is not understood";
  const bool ours = text.starts_with("IO Error") || text.starts_with("INTERRUPT") || text.starts_with("Out of Memory");
  return fail(ours ? ErrorCode::io : ErrorCode::usage, std::string(text));
}

// Its values can be handed over as they are.
bool is_plain(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_VARCHAR: return true;
    default: return false;
  }
}

SqlKind kind_of(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return SqlKind::boolean;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL: return SqlKind::number;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_UNION: return SqlKind::nested;
    default: return SqlKind::text;
  }
}

SqlValue value_at(duckdb_type type, const void* data, idx_t row) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return static_cast<const bool*>(data)[row];
    case DUCKDB_TYPE_TINYINT: return int64_t(static_cast<const int8_t*>(data)[row]);
    case DUCKDB_TYPE_SMALLINT: return int64_t(static_cast<const int16_t*>(data)[row]);
    case DUCKDB_TYPE_INTEGER: return int64_t(static_cast<const int32_t*>(data)[row]);
    case DUCKDB_TYPE_BIGINT: return static_cast<const int64_t*>(data)[row];
    case DUCKDB_TYPE_UTINYINT: return int64_t(static_cast<const uint8_t*>(data)[row]);
    case DUCKDB_TYPE_USMALLINT: return int64_t(static_cast<const uint16_t*>(data)[row]);
    case DUCKDB_TYPE_UINTEGER: return int64_t(static_cast<const uint32_t*>(data)[row]);
    case DUCKDB_TYPE_FLOAT: return double(static_cast<const float*>(data)[row]);
    case DUCKDB_TYPE_DOUBLE: return static_cast<const double*>(data)[row];
    default: {
      duckdb_string_t text = static_cast<const duckdb_string_t*>(data)[row];
      return std::string(duckdb_string_t_data(&text), duckdb_string_t_length(text));
    }
  }
}

void take_chunk(duckdb_data_chunk chunk, SqlTable& out, const std::vector<duckdb_type>& types) {
  const idx_t rows = duckdb_data_chunk_get_size(chunk);
  for (size_t c = 0; c < types.size(); ++c) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
    const void* data = duckdb_vector_get_data(vector);
    uint64_t* validity = duckdb_vector_get_validity(vector);
    auto& values = out.columns[c].values;
    for (idx_t r = 0; r < rows; ++r) {
      if (validity && !duckdb_validity_row_is_valid(validity, r))
        values.emplace_back();
      else
        values.push_back(value_at(types[c], data, r));
    }
  }
  out.rows += rows;
}

// The C API's handles, given back at the end of a scope.
struct Statements {
  duckdb_extracted_statements handle = nullptr;
  ~Statements() { duckdb_destroy_extracted(&handle); }
};
struct Prepared {
  duckdb_prepared_statement handle = nullptr;
  Prepared() = default;
  Prepared(Prepared&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  ~Prepared() { duckdb_destroy_prepare(&handle); }
};
struct Fetched {
  duckdb_result handle{};
  ~Fetched() { duckdb_destroy_result(&handle); }
};

}  // namespace

struct SqlEngine::Impl {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  fs::path temporary;
  ~Impl() {
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    std::error_code ignored;
    if (!temporary.empty()) fs::remove_all(temporary, ignored);
  }
};

SqlEngine::SqlEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqlEngine::SqlEngine(SqlEngine&&) noexcept = default;
SqlEngine& SqlEngine::operator=(SqlEngine&&) noexcept = default;
SqlEngine::~SqlEngine() = default;

Result<SqlEngine> SqlEngine::open(const SqlOptions& options) {
  std::error_code ignored;
  const fs::path folder = fs::absolute(options.folder, ignored).lexically_normal();
  auto impl = std::make_unique<Impl>();
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) == DuckDBError) return fail(ErrorCode::io, "cannot configure DuckDB");
  const int64_t memory = options.memory_bytes > 0 ? options.memory_bytes : default_memory();
  std::vector<std::pair<const char*, std::string>> settings = {
      {"memory_limit", fmt::format("{} B", memory)},  {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},         {"allow_community_extensions", "false"},
      {"temp_directory", options.temporary.native()},
  };
  if (options.threads > 0) settings.emplace_back("threads", std::to_string(options.threads));
  bool understood = true;
  for (const auto& [name, value] : settings)
    understood &= duckdb_set_config(config, name, value.c_str()) == DuckDBSuccess;
  PACTOLUS_CHECK(understood, "DuckDB does not know one of our settings");
  char* why = nullptr;
  const duckdb_state opened = duckdb_open_ext(nullptr, &impl->database, config, &why);
  duckdb_destroy_config(&config);
  if (opened == DuckDBError) {
    auto error = fail(ErrorCode::io, fmt::format("cannot open DuckDB: {}", why ? why : "no reason given"));
    duckdb_free(why);
    return error;
  }
  if (duckdb_connect(impl->database, &impl->connection) == DuckDBError)
    return fail(ErrorCode::io, "cannot connect to DuckDB");
  impl->temporary = options.temporary;
  // DuckDB makes the folder itself when it first spills, but not those above it.
  if (!options.temporary.empty()) fs::create_directories(options.temporary.parent_path(), ignored);
  SqlEngine engine(std::move(impl));
  // In this order: a folder cannot be allowed once the fence is up, and nothing can be set once it is locked.
  TRY(engine.execute(
      fmt::format("SET TimeZone = 'UTC'; SET allowed_directories = [{}]; SET enable_external_access = false; "
                  "SET lock_configuration = true",
                  sql_text((folder / "").native()))));
  return engine;
}

Result<> SqlEngine::execute(std::string_view sql) {
  Fetched result;
  if (duckdb_query(impl_->connection, std::string(sql).c_str(), &result.handle) == DuckDBError)
    return failed(result.handle);
  return {};
}

void SqlEngine::interrupt() noexcept { duckdb_interrupt(impl_->connection); }

// A reading statement, ready to run. `text` is the user's own.
struct SqlEngine::Select {
  std::string text;
  Prepared prepared;
  SqlTable columns;  // without rows
};

Result<SqlEngine::Select> SqlEngine::prepare_select(std::string_view sql, NestedAs nested) {
  Select out{std::string(take_statement(sql).text), {}, {}};
  if (out.text.empty()) return fail(ErrorCode::usage, "there is no query");
  Statements statements;
  const idx_t count = duckdb_extract_statements(impl_->connection, out.text.c_str(), &statements.handle);
  if (count == 0) return not_prepared(duckdb_extract_statements_error(statements.handle));
  if (count > 1) return fail(ErrorCode::usage, fmt::format("one statement is expected, these are {}", count));
  duckdb_prepared_statement& prepared = out.prepared.handle;
  const auto prepare = [&](duckdb_state state) -> Result<> {
    if (state == DuckDBSuccess) return {};
    return not_prepared(duckdb_prepare_error(prepared));
  };
  TRY(prepare(duckdb_prepare_extracted_statement(impl_->connection, statements.handle, 0, &prepared)));
  if (duckdb_prepared_statement_type(prepared) != DUCKDB_STATEMENT_TYPE_SELECT)
    return fail(ErrorCode::usage, "only statements that read can be run", "SELECT, VALUES, DESCRIBE, SHOW, SUMMARIZE");

  bool plain = true;
  std::string casts, names;
  const idx_t columns = duckdb_prepared_statement_column_count(prepared);
  for (idx_t c = 0; c < columns; ++c) {
    const char* name = duckdb_prepared_statement_column_name(prepared, c);
    const duckdb_type type = duckdb_prepared_statement_column_type(prepared, c);
    out.columns.columns.push_back({name ? name : "", kind_of(type), {}});
    duckdb_free(const_cast<char*>(name));
    plain &= is_plain(type);
    const bool json = nested == NestedAs::json && kind_of(type) == SqlKind::nested;
    casts += fmt::format(fmt::runtime(is_plain(type) ? "{}c{}"
                                      : json         ? "{}to_json(c{})::VARCHAR"
                                                     : "{}c{}::VARCHAR"),
                         c ? ", " : "", c);
    names += fmt::format("{}c{}", c ? ", " : "", c);
  }
  if (plain) return out;
  duckdb_destroy_prepare(&prepared);
  // It begins on the first line: places in errors are its own. The line break ends a comment in it.
  const std::string wrapped = fmt::format("SELECT {} FROM ({}\n) AS q({})", casts, out.text, names);
  TRY(prepare(duckdb_prepare(impl_->connection, wrapped.c_str(), &prepared)));
  return out;
}

Result<> SqlEngine::stream(std::string_view sql, NestedAs nested,
                           const std::function<Result<>(const SqlTable& part)>& each) {
  Select select = TRY(prepare_select(sql, nested));
  Fetched result;
  if (duckdb_execute_prepared_streaming(select.prepared.handle, &result.handle) == DuckDBError)
    return failed(result.handle);
  std::vector<duckdb_type> types;
  for (idx_t c = 0; c < select.columns.columns.size(); ++c) types.push_back(duckdb_column_type(&result.handle, c));
  SqlTable& part = select.columns;
  for (bool any = false;; any = true) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result.handle);
    if (!chunk) {
      // The end, or an error on the way, which only the text tells.
      if (const char* why = duckdb_result_error(&result.handle); why && *why)
        return fail(code_of(duckdb_result_error_type(&result.handle), why), why);
      return any ? Result<>() : each(part);
    }
    for (SqlColumn& column : part.columns) column.values.clear();
    part.rows = 0;
    take_chunk(chunk, part, types);
    duckdb_destroy_data_chunk(&chunk);
    TRY(each(part));
  }
}

Result<SqlTable> SqlEngine::query(std::string_view sql) {
  SqlTable out;
  TRY(stream(sql, NestedAs::duckdb_text, [&](const SqlTable& part) -> Result<> {
    if (out.columns.empty()) {
      out = part;
      return {};
    }
    for (size_t c = 0; c < part.columns.size(); ++c)
      out.columns[c].values.insert(out.columns[c].values.end(), part.columns[c].values.begin(),
                                   part.columns[c].values.end());
    out.rows += part.rows;
    return {};
  }));
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> SqlEngine::columns_of(std::string_view sql) {
  const Select select = TRY(prepare_select(sql, NestedAs::duckdb_text));
  const SqlTable described =
      TRY(query(fmt::format("SELECT column_name, column_type FROM (DESCRIBE {}\n)", select.text)));
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t r = 0; r < described.rows; ++r)
    out.emplace_back(described.text_at(r, "column_name"), described.text_at(r, "column_type"));
  return out;
}

Result<int64_t> SqlEngine::write_parquet(std::string_view sql, const fs::path& file) {
  const Select select = TRY(prepare_select(sql, NestedAs::duckdb_text));
  const std::string copy =
      fmt::format("COPY ({}\n) TO {} (FORMAT parquet, COMPRESSION snappy)", select.text, sql_text(file.native()));
  Fetched result;
  if (duckdb_query(impl_->connection, copy.c_str(), &result.handle) == DuckDBError) return failed(result.handle);
  return int64_t(duckdb_rows_changed(&result.handle));
}

struct SqlAppender::Impl {
  duckdb_appender appender = nullptr;
  std::string error;
  ~Impl() { duckdb_appender_destroy(&appender); }
  void note(duckdb_state state) {
    if (state == DuckDBSuccess || !error.empty()) return;
    const char* why = duckdb_appender_error(appender);
    error = why ? why : "a row was refused";
  }
};

Result<SqlAppender> SqlEngine::append_to(std::string_view table, std::string_view schema) {
  auto impl = std::make_unique<SqlAppender::Impl>();
  const std::string name(table), in(schema);
  if (duckdb_appender_create(impl_->connection, in.c_str(), name.c_str(), &impl->appender) == DuckDBError)
    return fail(ErrorCode::io, fmt::format("cannot append to {}: {}", table, duckdb_appender_error(impl->appender)));
  return SqlAppender(std::move(impl));
}

SqlAppender::SqlAppender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqlAppender::SqlAppender(SqlAppender&&) noexcept = default;
SqlAppender::~SqlAppender() = default;

SqlAppender& SqlAppender::add(int64_t value) {
  impl_->note(duckdb_append_int64(impl_->appender, value));
  return *this;
}
SqlAppender& SqlAppender::add(bool value) {
  impl_->note(duckdb_append_bool(impl_->appender, value));
  return *this;
}
SqlAppender& SqlAppender::add(std::string_view value) {
  impl_->note(duckdb_append_varchar_length(impl_->appender, value.data(), value.size()));
  return *this;
}
SqlAppender& SqlAppender::add_null() {
  impl_->note(duckdb_append_null(impl_->appender));
  return *this;
}
void SqlAppender::end_row() { impl_->note(duckdb_appender_end_row(impl_->appender)); }
Result<> SqlAppender::close() {
  impl_->note(duckdb_appender_close(impl_->appender));
  if (!impl_->error.empty()) return fail(ErrorCode::invalid, "rows were refused: " + impl_->error);
  return {};
}

std::string text_of(const SqlValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<int64_t>(&value)) return std::to_string(*i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const auto* s = std::get_if<std::string>(&value)) return *s;
  return "NULL";
}

const SqlValue& SqlTable::at(size_t row, std::string_view column) const {
  const auto c = std::find_if(columns.begin(), columns.end(), [&](const SqlColumn& k) { return k.name == column; });
  PACTOLUS_CHECK(c != columns.end(), fmt::format("no such column: {}", column));
  return c->values.at(row);
}
int64_t SqlTable::int_at(size_t row, std::string_view column) const {
  const auto* i = std::get_if<int64_t>(&at(row, column));
  return i ? *i : 0;
}
std::string SqlTable::text_at(size_t row, std::string_view column) const {
  const auto* s = std::get_if<std::string>(&at(row, column));
  return s ? *s : "";
}

namespace {

// Behind the text, comment or quoted name that begins at `at`; the next character when none does there; npos for a
// comment that has no end.
size_t behind_token(std::string_view sql, size_t at) {
  const auto behind = [&](std::string_view end, size_t from) {
    const size_t found = sql.find(end, from);
    return found == sql.npos ? sql.size() : found + end.size();
  };
  const char c = sql[at];
  if ((c == 'e' || c == 'E') && sql.substr(at + 1, 1) == "'") {  // E'it\'s'
    for (size_t i = at + 2; i < sql.size(); ++i) {
      if (sql[i] == '\'') return i + 1;
      i += sql[i] == '\\';
    }
    return sql.size();
  }
  if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {  // a word or number, which may end with an e
    while (at < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[at])) || sql[at] == '_')) ++at;
    return at;
  }
  if (c == '\'' || c == '"') return behind(std::string_view(&c, 1), at + 1);  // of a doubled one: two texts
  if (sql.substr(at, 2) == "--") return std::min(sql.find('\n', at), sql.size());
  if (sql.substr(at, 2) == "/*") {  // they may stand in one another
    int depth = 0;
    do {
      const std::string_view two = sql.substr(at, 2);
      depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
      at += two == "/*" || two == "*/" ? 2 : 1;
    } while (depth > 0 && at < sql.size());
    return depth > 0 ? sql.npos : at;
  }
  if (c == '$') {  // $$…$$, $tag$…$tag$
    size_t end = at + 1;
    while (end < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[end])) || sql[end] == '_')) ++end;
    const bool is_tag = end < sql.size() && sql[end] == '$' && !std::isdigit(static_cast<unsigned char>(sql[at + 1]));
    if (is_tag) return behind(sql.substr(at, end + 1 - at), end + 1);
  }
  return at + 1;
}

}  // namespace

SqlStatement take_statement(std::string_view sql) noexcept {
  SqlStatement out;
  size_t begin = sql.npos, end = 0;
  for (size_t at = 0, next; at < sql.size(); at = next) {
    next = behind_token(sql, at);
    const bool is_open = next == sql.npos;  // what it will be is not known
    next = std::min(next, sql.size());
    const std::string_view token = sql.substr(at, next - at);
    if (token == ";") {
      out.ended = true;
    } else if (is_open) {
      begin = std::min(begin, at), end = next;
      out.ended = false;
    } else if (!token.starts_with("--") && !token.starts_with("/*") &&
               token.find_first_not_of(" \t\r\n") != token.npos) {
      begin = std::min(begin, at), end = next;
      out.ended = false;
    }
  }
  out.text = begin == sql.npos ? std::string_view() : sql.substr(0, end);
  return out;
}

std::string sql_text(std::string_view value) {
  std::string out = "'";
  for (const char c : value) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}
std::string sql_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

}  // namespace pactolus
