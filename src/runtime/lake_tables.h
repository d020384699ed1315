// Where everything lies in a lake, and the tables that the runtime writes: their columns as the contract gives them
// and how their files are encoded.
//
//   <lake>/bronze/<topic>/…            embedded log          <lake>/_pactolus/format.json   version of this layout
//   <lake>/silver/events               Delta                 <lake>/_pactolus/lock          who runs
//   <lake>/quarantine/events           Delta                 <lake>/_pactolus/snapshots/    state, to start again soon
//   <lake>/ledger                      Delta                 <lake>/_pactolus/status.json   what runs, for people
//   <lake>/gold/<view>                 Delta                 <lake>/_pactolus/care.lock     who works on tables' files
//                                                            <lake>/_pactolus/erased/       ids of erased events
//                                                            <lake>/_pactolus/webhooks/     what they have not taken
#pragma once

#include <map>

#include "base/file.h"
#include "gold/view_declaration.h"
#include "lake/delta/delta_table.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus {

struct LakePaths {
  fs::path root;
  fs::path bronze() const { return root / "bronze"; }
  fs::path silver() const { return root / "silver" / "events"; }
  fs::path quarantine() const { return root / "quarantine" / "events"; }
  fs::path ledger() const { return root / "ledger"; }
  fs::path gold(std::string_view view) const { return root / "gold" / std::string(view); }
  fs::path own() const { return root / "_pactolus"; }
  fs::path lock() const { return own() / "lock"; }
  fs::path format() const { return own() / "format.json"; }
  fs::path snapshots() const { return own() / "snapshots"; }
  fs::path status() const { return own() / "status.json"; }
  fs::path care_lock() const { return own() / "care.lock"; }
  fs::path erased_ids() const { return own() / "erased"; }
  fs::path unfinished_erasure() const { return own() / "erasing.json"; }
  fs::path webhooks() const { return own() / "webhooks"; }
  fs::path temporary() const { return own() / "tmp"; }
};

inline constexpr const char* kProductInterest = "product_interest";
inline constexpr int64_t kLakeFormat = 1;

using TableProperties = std::map<std::string, std::string>;
// Property of Silver: the shortest dedupe horizon that its rows were judged by, microseconds. Copies of an id that lie
// further apart are no mistake.
inline constexpr const char* kShortestHorizon = "pactolus.shortestDedupeHorizon";
int64_t shortest_horizon(const TableProperties& silver);  // INT64_MAX when it does not say

delta::TableSchema silver_schema();
delta::TableSchema quarantine_schema();
delta::TableSchema ledger_schema();
delta::TableSchema view_schema(const ViewDeclaration& view);  // of ViewRows::columns, and window_date

ParquetOptions silver_encoding();
ParquetOptions quarantine_encoding();
ParquetOptions gold_encoding();

// Makes the folder and its format file, or checks that this release can open it. Errors: unsupported names both
// versions; io and not_found say which folder.
Result<> prepare_lake(const LakePaths& lake);
// 1 to 64 of a-z, 0-9 and _, beginning with a letter: of views, models, rules and webhooks.
bool is_table_name(std::string_view name) noexcept;
// The tables under gold/, by name.
std::vector<std::string> gold_tables(const LakePaths& lake);
// For readers: an Error not_found with a hint when there is no lake.
Result<> check_lake(const LakePaths& lake);

}  // namespace pactolus
