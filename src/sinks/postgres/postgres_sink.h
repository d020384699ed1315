// Gold in PostgreSQL: every table under gold/ under the same name, followed version by version.
//
//   gold/<table>, versions since the last ─► rows that came: upserted by key        ─┐
//                                            days that were made anew: replaced      ├─ one transaction with
//   rows of windows that are still open  ─► upserted, never over a final one        ─┘  (epoch, batch, version)
//
// What the database holds is a copy: what was committed there is compared before anything is written, so a pass that
// is made again, after a crash, an answer that was lost or by a second process, changes nothing. A table that cannot be
// followed (its log was cleaned meanwhile, its columns became others) is copied anew in one transaction.
// Tables of its own begin with "_"; docs/formats/postgres.md has all of them. Nothing depends on the clock. One thread.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "gold/view_rows.h"
#include "lake/delta/actions.h"
#include "lake/delta/schema.h"
#include "sinks/postgres/pg_connection.h"

namespace pactolus {

struct PostgresTable {
  std::string name;                // under gold/ and in the schema
  fs::path folder;                 // of the Delta table
  std::vector<std::string> keys;   // columns that name a row; none: rows have no names, days are replaced as a whole
  bool opens_flash_sales = false;  // gold/alerts: its opened alerts are rows of flash_sale_alerts too
};

// As of a commit of the job whose Gold tables have reached it.
struct StreamPosition {
  int64_t epoch = 0, batch = 0;
  int64_t watermark = kNoTime;
};
// Rows of windows that are not final as of that commit, by the name of their table.
using OpenRows = std::map<std::string, ViewRows>;

class PostgresSink {
 public:
  struct Options {
    PgTarget target;
    std::string schema = "pactolus";
    std::string lake_id;  // UUID: one schema belongs to one lake
  };
  explicit PostgresSink(Options options) : options_(std::move(options)) {}

  // Brings the copies of all tables to where the lake is; how many rows were written. Connects when it must. Given up
  // when `stop` says so. After an error it can be called again. Errors: those of PgConnection; fenced when the database
  // has seen a later epoch; conflict when the schema is another lake's; unsupported when a later release has made it.
  Result<int64_t> follow(std::span<const PostgresTable> tables, const StreamPosition& position, const OpenRows& open,
                         const std::function<bool()>& stop = {});

 private:
  struct Followed {
    int64_t version = -1;
    std::string id;  // of the Delta table
    delta::TableSchema schema;
  };
  Result<> connect();
  Result<> migrate();
  Result<> in_transaction(const std::function<Result<>()>& work);
  Error with_hint(Error error) const;
  Result<int64_t> follow_table(const PostgresTable& table, const StreamPosition& position, const ViewRows* open);
  Result<bool> make_table(const PostgresTable& table, const delta::TableSchema& schema, std::string_view columns_before,
                          bool exists);

  Result<> stage(const PostgresTable& table, const Followed& of, const StreamPosition& position,
                 std::span<const delta::AddFile> files);
  Result<> stage_open(const PostgresTable& table, const Followed& of, const StreamPosition& position,
                      const ViewRows& open);
  Result<int64_t> merge(const PostgresTable& table, const Followed& of, bool final);
  std::string full_name(std::string_view table) const { return pg_name(options_.schema) + "." + pg_name(table); }

  Options options_;
  std::optional<PgConnection> connection_;
  std::map<std::string, Followed> followed_;  // as committed there
};

}  // namespace pactolus
