#include "sinks/postgres/migrations.h"

#include <fmt/format.h>

#include <array>

namespace pactolus {
namespace {

using Texts = std::vector<std::optional<std::string>>;

constexpr const char* kFlashSaleAlerts = R"(CREATE TABLE flash_sale_alerts (
  product_id text,
  window_start timestamp with time zone,
  window_end timestamp with time zone NOT NULL,
  total_views bigint NOT NULL,
  total_purchases bigint NOT NULL,
  conversion_rate double precision,
  alert_timestamp timestamp with time zone NOT NULL,
  alert_triggered boolean NOT NULL,
  PRIMARY KEY (product_id, window_start)
))";

// Each is applied once, in this order, and never changed any more: what is wrong with one is mended by a later one.
constexpr std::array<const char*, 1> kMigrations = {R"(
CREATE TABLE _lake (
  lake_id uuid PRIMARY KEY,
  since timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE _progress (
  table_name text PRIMARY KEY,
  table_id text NOT NULL DEFAULT '',
  columns text NOT NULL DEFAULT '',
  epoch bigint NOT NULL DEFAULT 0,
  batch bigint NOT NULL DEFAULT 0,
  gold_version bigint NOT NULL DEFAULT -1,
  updated_at timestamp with time zone NOT NULL DEFAULT now()
))"};
constexpr const char* kLock = "7020110297";  // of the advisory lock; any number that nobody else takes

Result<> apply(PgConnection& connection, std::string_view statements) {
  while (!statements.empty()) {
    const size_t end = std::min(statements.find(';'), statements.size());
    TRY(connection.run(std::string(statements.substr(0, end))));
    statements.remove_prefix(std::min(end + 1, statements.size()));
  }
  return {};
}

}  // namespace

Result<> migrate_schema(PgConnection& connection, const std::string& schema, const std::string& lake_id) {
  TRY(connection.run(fmt::format("SELECT pg_advisory_xact_lock({})", kLock)));
  const PgRows there = TRY(connection.run("SELECT 1 FROM pg_namespace WHERE nspname = $1", Texts{schema}));
  if (there.rows() == 0) TRY(connection.run(fmt::format("CREATE SCHEMA {}", pg_name(schema))));
  TRY(connection.run(fmt::format("SET LOCAL search_path TO {}", pg_name(schema))));
  TRY(
      connection.run("CREATE TABLE IF NOT EXISTS _migrations (version integer PRIMARY KEY, "
                     "applied_at timestamp with time zone NOT NULL DEFAULT now())"));
  const PgRows rows = TRY(connection.run("SELECT coalesce(max(version), 0) FROM _migrations"));
  const auto version = size_t(std::atoll(rows.at(0, 0).value_or("0").c_str()));
  if (version > kMigrations.size())
    return fail(ErrorCode::unsupported,
                fmt::format("the schema {} has version {}, this release knows {}", schema, version, kMigrations.size()),
                "a later release has made it: run that one, or name another postgres.schema");
  for (size_t v = version; v < kMigrations.size(); ++v) {
    TRY(apply(connection, kMigrations[v]));
    TRY(connection.run("INSERT INTO _migrations (version) VALUES ($1)", Texts{std::to_string(v + 1)}));
  }
  // Somebody may have dropped it: its rows come with those of the alerts, from the first on.
  const PgRows sales = TRY(connection.run("SELECT to_regclass('flash_sale_alerts') IS NULL"));
  if (sales.at(0, 0) == "t") {
    TRY(connection.run(kFlashSaleAlerts));
    TRY(connection.run("UPDATE _progress SET gold_version = -1 WHERE table_name = 'alerts'"));
  }
  const PgRows lake = TRY(connection.run("SELECT lake_id FROM _lake"));
  if (lake.rows() == 0) {
    TRY(connection.run("INSERT INTO _lake (lake_id) VALUES ($1)", Texts{lake_id}));
  } else if (lake.at(0, 0) != lake_id) {
    return fail(ErrorCode::conflict,
                fmt::format("the schema {} has the rows of another lake ({})", schema, lake.at(0, 0).value_or("")),
                "name another postgres.schema, or drop this one if that lake is gone");
  }
  return {};
}

}  // namespace pactolus
