#include "runtime/lake_tables.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "lake/delta/log_files.h"

namespace pactolus {
namespace {

using T = delta::FieldType;

delta::SchemaField text(std::string name) { return {std::move(name), T::string(), true}; }
delta::SchemaField number(std::string name) { return {std::move(name), T::long_integer(), true}; }
delta::SchemaField time(const char* name) { return {name, T::timestamp(), true}; }

}  // namespace

int64_t shortest_horizon(const TableProperties& silver) {
  int64_t us = INT64_MAX;
  if (const auto found = silver.find(kShortestHorizon); found != silver.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), us);
  return us;
}

bool is_table_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

delta::TableSchema silver_schema() {
  return {{text("event_id"),
           text("user_id"),
           text("product_id"),
           text("session_id"),
           text("product_category"),
           text("device_type"),
           text("page_url"),
           text("referrer"),
           {"price", T::decimal(18, 4), true},
           {"quantity", T::integer(), true},
           text("currency"),
           text("order_id"),
           time("event_timestamp"),
           {"is_high_value", T::boolean(), true},
           {"event_date", T::date(), true},
           {"event_hour", T::integer(), true},
           text("kafka_key"),
           text("topic"),
           {"partition", T::integer(), true},
           number("offset"),
           time("kafka_timestamp"),
           time("processing_timestamp"),
           number("batch_id"),
           text("origin"),
           text("extra"),
           text("event_type")},
          {"event_date", "event_type"}};
}

delta::TableSchema quarantine_schema() {
  return {{text("topic"),
           {"partition", T::integer(), true},
           number("offset"),
           text("kafka_key"),
           time("kafka_timestamp"),
           {"value", T::binary(), true},
           text("reason"),
           text("detail"),
           text("field"),
           text("origin"),
           number("batch_id"),
           time("processing_timestamp")},
          {}};
}

delta::TableSchema ledger_schema() {
  return {{number("batch_id"),
           number("epoch"),
           text("commit_uuid"),
           time("batch_time"),
           text("topic"),
           text("topic_id"),
           {"partition", T::integer(), true},
           number("start_offset"),
           number("end_offset"),
           number("consumed"),
           {"skipped", T::map_of(T::long_integer()), true},
           number("silver"),
           number("duplicates"),
           number("conflicting_duplicates"),
           number("erased"),
           {"quarantined", T::map_of(T::long_integer()), true},
           {"late", T::map_of(T::long_integer()), true},
           time("max_event_time"),
           time("watermark_before"),
           time("watermark_after"),
           {"idle", T::boolean(), true},
           text("event"),
           text("detail"),
           time("min_event_time")},
          {}};
}

delta::TableSchema view_schema(const ViewDeclaration& view) {
  delta::TableSchema schema{{}, {"window_date"}};
  for (const EventColumn key : view.keys) schema.fields.push_back(text(std::string(name_of(key))));
  schema.fields.push_back(time("window_start"));
  schema.fields.push_back(time("window_end"));
  for (const Measure& m : view.measures) {
    if (m.is_money() || m.function == MeasureFunction::unless) {
      schema.fields.push_back({m.name, T::decimal(38, 4), true});
    } else if (m.function == MeasureFunction::other_currencies) {
      schema.fields.push_back({m.name, T::map_of(T::decimal(38, 4)), true});
    } else if (m.function == MeasureFunction::any) {
      schema.fields.push_back({m.name, T::boolean(), true});
    } else if (m.function == MeasureFunction::first) {
      schema.fields.push_back(text(m.name));
    } else if (m.function == MeasureFunction::rate) {
      for (const std::string& column : m.columns()) schema.fields.push_back({column, T::double_float(), true});
    } else {
      schema.fields.push_back(number(m.name));
      if (m.function == MeasureFunction::then || m.function == MeasureFunction::maybe) {
        schema.fields.push_back({m.name + "_rate", T::double_float(), true});
        schema.fields.push_back({m.name + "_seconds", T::double_float(), true});
      }
      if (m.is_set()) schema.fields.push_back({m.name + "_approx", T::boolean(), true});
      if (m.function == MeasureFunction::sketch) schema.fields.push_back({m.name + "_sketch", T::binary(), true});
    }
  }
  schema.fields.push_back(text("basis"));
  schema.fields.push_back(number("batch_id"));
  schema.fields.push_back({"window_date", T::date(), true});
  return schema;
}

ParquetOptions silver_encoding() {
  return {.codec = Codec::snappy,
          .delta_packed = {"offset", "event_timestamp", "kafka_timestamp", "processing_timestamp", "batch_id"},
          .delta_text = {"event_id"},
          .plain = {"price"},
          .no_statistics = {"event_id", "user_id", "product_id", "session_id", "product_category", "device_type",
                            "page_url", "referrer", "kafka_key", "currency", "order_id", "topic", "extra", "origin"},
          // Random ids as text are half of a row, and Snappy cannot shrink digits: 51 bytes an event become 34.
          .zstd = {"event_id"}};
}

ParquetOptions quarantine_encoding() {
  return {.codec = Codec::zstd,
          .delta_packed = {"offset"},
          .plain = {"value"},
          .no_statistics = {"value", "detail", "kafka_key"}};
}

ParquetOptions gold_encoding() { return {.codec = Codec::snappy}; }

Result<> prepare_lake(const LakePaths& lake) {
  std::error_code ignored;
  const fs::path root = fs::absolute(lake.root, ignored).lexically_normal();
  // A lake is one new folder: where more is missing, the name is mistyped.
  if (!fs::exists(root.parent_path(), ignored))
    return fail(ErrorCode::not_found,
                fmt::format("no lake can be made in {}: the folder above it is not there", root.native()));
  for (fs::path above = root.parent_path(); above.has_relative_path(); above = above.parent_path())
    if (fs::exists(LakePaths{above}.format(), ignored))
      return fail(ErrorCode::usage, fmt::format("{} lies inside the lake in {}", lake.root.native(), above.native()),
                  "a lake's folder is its own; name the lake itself, or a folder beside it");
  if (auto made = make_folders(lake.own()); !made) return made;
  if (auto here = read_file(lake.format()); here) return check_lake(lake);
  const std::string text = Json::object().set("format", kLakeFormat).dump() + "\n";
  TRY(put_if_absent(lake.format(), text));
  return check_lake(lake);
}

std::vector<std::string> gold_tables(const LakePaths& lake) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(lake.root / "gold", ignored))
    if (fs::is_directory(delta::log_folder(entry.path()), ignored)) out.push_back(entry.path().filename().native());
  std::ranges::sort(out);
  return out;
}

Result<> check_lake(const LakePaths& lake) {
  auto text = read_file(lake.format());
  if (!text) {
    if (text.error().code == ErrorCode::not_found)
      return fail(ErrorCode::not_found, fmt::format("there is no lake in {}", lake.root.native()),
                  "`pactolus run`, `ingest` or `demo` make one; --lake names another folder");
    return std::unexpected(text.error());
  }
  const auto json = Json::parse(*text);
  const int64_t format = json ? (*json)["format"].as_int(-1) : -1;
  if (format < 1)
    return fail(ErrorCode::corrupt, fmt::format("the lake's format file cannot be read: {}", lake.format().native()));
  if (format > kLakeFormat)
    return fail(ErrorCode::unsupported,
                fmt::format("the lake in {} has format {}, this release knows formats up to {}", lake.root.native(),
                            format, kLakeFormat),
                "use the release that wrote it, or a later one");
  return {};
}

}  // namespace pactolus
