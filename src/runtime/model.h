// Daily models: a file of plain SQL each, whose rows of a day are the partition `day` of the Delta table gold/<name>.
//
//   models/top_pages.sql      -- Pages by views.                          the first line: what it is
//                             -- plot: views by page_url                  of reports; may be left out
//                             SELECT page_url, count(*) AS views FROM events GROUP BY page_url ORDER BY views DESC
//
// The day is one of the shop's time zone. The SQL has, beside the tables of LakeSql:
//   events                       Silver's rows of the day, late ones included, with a column `amount`: what a purchase
//                                brought or a refund cost (negative) in the shop's currency, 0 for other events, null
//                                in another currency
//   model_day()                  the day; model_start(), model_end(): its first moment, and the next day's
//   wilson_low(k, n), wilson_high(k, n)   95 % interval of a rate (gold/conversion.h)
//
// A run replaces the day as a whole in one commit, so that another one changes nothing. Columns may be added to a model
// later, and are null in the days before; a changed type is refused.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "runtime/config.h"
#include "runtime/lake_sql.h"

namespace pactolus {

struct Model {
  std::string name;                    // of the file, and of the table
  std::string title;                   // may be empty
  std::string plot_value, plot_label;  // columns; may be empty
  std::string sql;
  std::string file;         // for messages
  std::string problem;      // why it cannot be run; empty: it can
  bool unreadable = false;  // the problem is the file's
  bool built_in = false;
};

// The built-in ones and those in the folder, by name; a file there takes the place of the built-in one of its name. A
// missing folder has none. A file with a name that no model can have has a problem.
Result<std::vector<Model>> list_models(const fs::path& folder);

struct ModelRun {
  int64_t events = 0;         // of the day
  int64_t rows = 0;           // made
  int64_t replaced_rows = 0;  // of the day before
  Version silver_version{-1};
  Version version{-1};  // of the model's table
};

struct ModelOptions {
  SqlLimits limits;
  std::function<void(SqlEngine*)> engine_is = {};  // told the engine that works, and null at its end: to interrupt it
};

// Errors: usage for what is wrong with the SQL, with file and line; not_found for a day without events of which the
// table has no rows; conflict when others changed the day each time; io, corrupt. Nothing has changed then.
Result<ModelRun> run_model(const Config& config, const Model& model, int32_t day, const ModelOptions& options,
                           Clock& clock, Random& random);

// Is this Gold table one of a model?
bool is_model_table(const delta::Snapshot& table);

struct ModelRows {
  std::string day;  // empty: the table has none
  int64_t rows = 0;
  SqlTable first;  // in the model's order
};
// The newest day that a model's table has, or that one. At most `limit` rows are read.
Result<ModelRows> model_rows(const delta::Snapshot& table, std::optional<int32_t> day, int64_t limit);

}  // namespace pactolus
