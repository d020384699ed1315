// SQL by DuckDB, in memory, fenced in: what is asked may read the files of one folder and nothing else. This adapter is
// the only place that names DuckDB.
//
//   SqlEngine sql = TRY(SqlEngine::open({.folder = lake, .temporary = lake / "_pactolus/tmp/sql-42"}));
//   TRY(create_delta_view(sql, "silver", snapshot));              (lake_view.h)
//   SqlTable table = TRY(sql.query("SELECT count(*) AS n FROM silver"));
//   table.int_at(0, "n")
//
// No extension is loaded or installed, other files and the network are out of reach, and the settings cannot be changed
// by a query. Times are shown in UTC. Beyond the memory limit DuckDB spills into the temporary folder, which is made
// when it is needed (those above it at once) and removed at the end. One thread, but for interrupt(). Moves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace pactolus {

// Null, or one of the four kinds that every type is brought to: booleans, integers up to 64 bits and floating-point
// numbers as they are, all others (decimals, times, maps, bytes) as DuckDB's text.
using SqlValue = std::variant<std::monostate, bool, int64_t, double, std::string>;

std::string text_of(const SqlValue& value);  // "NULL" for null

// What a column is, whatever its values were brought to.
enum class SqlKind : uint8_t { boolean, number, text, nested };  // nested: lists, structs, maps, and JSON itself

struct SqlColumn {
  std::string name;
  SqlKind kind = SqlKind::text;
  std::vector<SqlValue> values;
};

struct SqlTable {
  std::vector<SqlColumn> columns;
  size_t rows = 0;

  // The column must be there. Null, or another kind, is 0 or "".
  const SqlValue& at(size_t row, std::string_view column) const;
  int64_t int_at(size_t row, std::string_view column) const;
  std::string text_at(size_t row, std::string_view column) const;
};

struct SqlOptions {
  fs::path folder;           // files below it can be read
  fs::path temporary = {};   // where to spill; empty: never
  int64_t memory_bytes = 0;  // 0 is a quarter of the machine's memory, at most 4 GiB
  int32_t threads = 0;       // 0 is one per processor
};

class SqlAppender;

// How values of nested columns are written.
enum class NestedAs : uint8_t { duckdb_text, json };

class SqlEngine {
 public:
  static Result<SqlEngine> open(const SqlOptions& options);
  SqlEngine(SqlEngine&&) noexcept;
  SqlEngine& operator=(SqlEngine&&) noexcept;
  ~SqlEngine();

  // One reading statement, as it may come from a user. Error `usage` for what is no SELECT (nor VALUES, DESCRIBE and
  // the like) or not understood, `corrupt` or `io` when a file cannot be read, `io` when memory and disk are not
  // enough.
  Result<SqlTable> query(std::string_view sql);
  // The same, some thousand rows at a time, at least once; they are the engine's until `each` returns. An error of
  // `each` ends the query and is given.
  Result<> stream(std::string_view sql, NestedAs nested, const std::function<Result<>(const SqlTable& part)>& each);
  // What it would answer, without running it: the columns and DuckDB's names of their types.
  Result<std::vector<std::pair<std::string, std::string>>> columns_of(std::string_view sql);
  // The same into a new Parquet file (Snappy), below the folder or the temporary one. Answers its rows.
  Result<int64_t> write_parquet(std::string_view sql, const fs::path& file);
  // Our own statements, several by semicolons: tables, views, macros.
  Result<> execute(std::string_view sql);
  // Rows for a table that `execute` has made.
  Result<SqlAppender> append_to(std::string_view table, std::string_view schema = "main");
  // From any thread: what runs now ends with an error `io`; afterwards the engine can be used again.
  void interrupt() noexcept;

 private:
  struct Impl;
  struct Select;
  Result<Select> prepare_select(std::string_view sql, NestedAs nested);
  explicit SqlEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Values of a row from left to right, end_row(), …, close(). The first error is kept and told by close(). Must not
// outlive its engine.
class SqlAppender {
 public:
  SqlAppender(SqlAppender&&) noexcept;
  SqlAppender& operator=(SqlAppender&&) = delete;
  ~SqlAppender();

  SqlAppender& add(int64_t value);
  SqlAppender& add(bool value);
  SqlAppender& add(std::string_view value);  // also for dates and times: as text
  SqlAppender& add(const char* value) { return add(std::string_view(value)); }
  SqlAppender& add_null();
  void end_row();
  Result<> close();

 private:
  friend class SqlEngine;
  struct Impl;
  explicit SqlAppender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A statement as somebody types it: without the semicolons, blanks and comments behind its last word, and whether a
// semicolon was among them.
struct SqlStatement {
  std::string_view text;
  bool ended = false;
};
SqlStatement take_statement(std::string_view sql) noexcept;

std::string sql_text(std::string_view value);  // 'it''s'
std::string sql_name(std::string_view name);   // "a ""name"""

}  // namespace pactolus
