#include "runtime/lake_sql.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>

#include "base/time_text.h"
#include "query/lake_view.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

constexpr std::string_view kGold = "gold/";

Result<std::optional<delta::Snapshot>> load_at(const LakeTable& table, std::optional<Version> version,
                                               const LakeMoment& moment) {
  auto loaded = !version && moment.as_of_us ? delta::Snapshot::load_at(table.folder, *moment.as_of_us / 1000)
                                            : delta::Snapshot::load(table.folder, version);
  if (loaded) return std::optional(std::move(*loaded));
  Error error = std::move(loaded.error());
  if (error.code == ErrorCode::not_found && !version) {
    // A table that was made later is not there at that time. One whose log no longer reaches back is an error.
    const auto log = delta::list_log(table.folder);
    if (!moment.as_of_us || (log && !log->commits.empty() && log->commits.front().value == 0))
      return std::optional<delta::Snapshot>();
    if (log && !log->commits.empty())
      error.hint = fmt::format("its oldest version now is {}", log->commits.front().value);
  }
  error.message = fmt::format("{}: {}", table.name, error.message);
  return std::unexpected(std::move(error));
}

// Whether the table's name stands somewhere in the query, or a word of those that look at all tables.
bool may_ask_for(std::string_view query, std::string_view table) {
  constexpr std::string_view kAll[] = {"show",   "describe", "summarize", "schema",  "tables",
                                       "pragma", "duckdb_",  "pg_",       "sqlite_", "query"};
  const auto same = [](char a, char b) { return std::tolower(uint8_t(a)) == std::tolower(uint8_t(b)); };
  const auto has = [&](std::string_view word) { return !std::ranges::search(query, word, same).empty(); };
  return has(table) || std::ranges::any_of(kAll, has);
}

fs::path spill_folder(const LakePaths& lake) {
  static std::atomic<int> number{0};
  return lake.temporary() / fmt::format("sql-{}-{}", ::getpid(), ++number);
}

}  // namespace

Result<LakeSql> LakeSql::open(const LakePaths& lake, const LakeMoment& moment, const SqlLimits& limits,
                              std::optional<std::string_view> query) {
  std::vector<LakeTable> there = TRY(lake_tables(lake));
  std::map<std::string, Version> versions;  // by the tables' own names, however they were called
  for (const auto& [name, version] : moment.versions)
    versions.insert_or_assign(TRY(find_table(lake, name)).name, version);
  fs::path temporary = spill_folder(lake);
  SqlEngine engine = TRY(SqlEngine::open(
      {.folder = lake.root, .temporary = temporary, .memory_bytes = limits.memory_bytes, .threads = limits.threads}));
  TRY(engine.execute("CREATE SCHEMA gold"));
  std::ranges::stable_partition(there, [](const LakeTable& t) { return t.name.starts_with(kGold); });
  std::vector<SqlLakeTable> tables;
  bool left_out = false;
  for (const LakeTable& table : there) {
    const std::string_view own = std::string_view(table.name).substr(table.name.find('/') + 1);
    if (query && !may_ask_for(*query, own)) {
      left_out = true;
      continue;
    }
    const auto given = versions.find(table.name);
    const auto version = given == versions.end() ? std::nullopt : std::optional(given->second);
    const auto snapshot = TRY(load_at(table, version, moment));
    if (!snapshot) continue;
    const bool gold = table.name.starts_with(kGold);
    const std::string name = gold ? table.name.substr(kGold.size()) : table.name;
    TRY(create_delta_view(engine, name, *snapshot, gold ? "gold" : "main"));
    if (gold && std::ranges::none_of(there, [&](const LakeTable& t) { return t.name == name; }))
      TRY(engine.execute(fmt::format("CREATE VIEW {} AS FROM gold.{}", sql_name(name), sql_name(name))));
    tables.push_back({gold ? "gold." + name : name, snapshot->version(), snapshot->timestamp_ms(), snapshot->rows()});
  }
  if (tables.empty() && !left_out && moment.as_of_us) {
    const auto first = delta::Snapshot::load(lake.silver(), Version(0));
    return fail(ErrorCode::not_found, fmt::format("there was no table at {}", iso_time_ms(*moment.as_of_us)),
                first ? fmt::format("the lake begins at {}", iso_time_ms(first->timestamp_ms() * 1000)) : "");
  }
  std::ranges::stable_partition(tables, [](const SqlLakeTable& t) { return !t.name.starts_with("gold."); });
  return LakeSql(std::move(engine), std::move(temporary), std::move(tables), left_out);
}

}  // namespace pactolus
