// SQL over a lake, as its tables are at one moment: silver, quarantine, ledger, and each Gold table as gold.NAME and,
// unless that is one of the others, as NAME. Of every table one version, which a query sees from its first row to its
// last; a job may go on meanwhile.
//
// Gold is looked at before Silver: what Gold tells of, Silver has. Without times or versions the newest are taken.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "query/duckdb.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct LakeMoment {
  std::optional<int64_t> as_of_us;          // the newest version that was committed by then
  std::map<std::string, Version> versions;  // by table, "silver" or "gold/product_interest": this one instead
};

struct SqlLakeTable {
  std::string name;  // "silver", "gold.product_interest"
  Version version{-1};
  int64_t time_ms = 0;  // of that version
  int64_t rows = 0;     // −1 where its files do not say
};

struct SqlLimits {
  int64_t memory_bytes = 0;  // 0: a quarter of the machine's, at most 4 GiB
  int32_t threads = 0;       // 0: one for each processor
};

class LakeSql {
 public:
  // Errors: not_found where there is no lake, or no version that old; usage for a table that there is not; corrupt.
  // Given the query, only of tables whose names stand in it, which is sooner there: when left_out(), a query that does
  // not find something may have meant one of the others by words that we do not know.
  static Result<LakeSql> open(const LakePaths& lake, const LakeMoment& moment, const SqlLimits& limits,
                              std::optional<std::string_view> query = {});
  bool left_out() const noexcept { return left_out_; }
  SqlEngine& engine() { return engine_; }
  const std::vector<SqlLakeTable>& tables() const { return tables_; }
  // For files that the engine is to write; made by whoever needs it, removed with the engine.
  const fs::path& temporary() const { return temporary_; }

 private:
  LakeSql(SqlEngine engine, fs::path temporary, std::vector<SqlLakeTable> tables, bool left_out)
      : temporary_(std::move(temporary)), engine_(std::move(engine)), tables_(std::move(tables)), left_out_(left_out) {}
  fs::path temporary_;
  SqlEngine engine_;
  std::vector<SqlLakeTable> tables_;
  bool left_out_;
};

}  // namespace pactolus
