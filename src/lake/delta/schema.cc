#include "lake/delta/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.h"

namespace pactolus::delta {
namespace {

using Kind = FieldType::Kind;
constexpr std::pair<Kind, std::string_view> kPlainTypes[] = {
    {Kind::string, "string"},       {Kind::integer, "integer"},     {Kind::long_integer, "long"},
    {Kind::boolean, "boolean"},     {Kind::double_float, "double"}, {Kind::date, "date"},
    {Kind::timestamp, "timestamp"}, {Kind::binary, "binary"},
};

Json type_json(const FieldType& type) {
  if (type.kind == Kind::map)
    return Json(Json::Object{{"type", "map"},
                             {"keyType", "string"},
                             {"valueType", type_json(type.value.at(0))},
                             {"valueContainsNull", true}});
  if (type.kind == Kind::other) {
    auto parsed = Json::parse(type.text);
    return parsed ? std::move(*parsed) : Json(type.text);
  }
  return Json(type_text(type));
}

// "decimal(18,4)"
bool read_decimal(std::string_view text, FieldType& out) {
  if (!text.starts_with("decimal(") || !text.ends_with(')')) return false;
  const char* at = text.data() + 8;
  const char* end = text.data() + text.size() - 1;
  int precision = 0, scale = 0;
  auto first = std::from_chars(at, end, precision);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') return false;
  auto second = std::from_chars(first.ptr + 1, end, scale);
  if (second.ec != std::errc() || second.ptr != end || precision < 1 || precision > 38 || scale < 0 ||
      scale > precision)
    return false;
  out = FieldType::decimal(precision, scale);
  return true;
}

FieldType type_from(const Json& json) {
  FieldType out;
  if (json.is_string()) {
    for (const auto& [kind, name] : kPlainTypes)
      if (json.as_string() == name) return FieldType{kind, 0, 0, {}, {}};
    if (read_decimal(json.as_string(), out)) return out;
  }
  if (json["type"].as_string() == "map" && json["keyType"].as_string() == "string")
    return FieldType::map_of(type_from(json["valueType"]));
  out.kind = Kind::other;
  out.text = json.dump();
  return out;
}

}  // namespace

const SchemaField* TableSchema::find(std::string_view name) const noexcept {
  for (const auto& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

const SchemaField* TableSchema::find_any_case(std::string_view name) const noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; };
  for (const auto& field : fields)
    if (std::ranges::equal(field.name, name, {}, lower, lower)) return &field;
  return nullptr;
}

std::string type_text(const FieldType& type) {
  if (type.kind == Kind::decimal) return fmt::format("decimal({},{})", type.precision, type.scale);
  if (type.kind == Kind::map) return fmt::format("map<string,{}>", type_text(type.value.at(0)));
  for (const auto& [kind, name] : kPlainTypes)
    if (kind == type.kind) return std::string(name);
  return type.text;
}

std::string schema_string(const TableSchema& schema) {
  Json::Array fields;
  for (const auto& field : schema.fields)
    // Spark and delta-rs refuse a field without "metadata", even an empty one.
    fields.push_back(Json::Object{{"name", field.name},
                                  {"type", type_json(field.type)},
                                  {"nullable", field.nullable},
                                  {"metadata", Json::Object{}}});
  return Json(Json::Object{{"type", "struct"}, {"fields", std::move(fields)}}).dump();
}

Result<TableSchema> parse_schema(std::string_view text, std::vector<std::string> partition_columns) {
  const auto broken = [](std::string_view why) {
    return fail(ErrorCode::corrupt, fmt::format("the table's schema cannot be read: {}", why));
  };
  auto parsed = Json::parse(text);
  if (!parsed) return broken(parsed.error().message);
  if ((*parsed)["type"].as_string() != "struct" || !(*parsed)["fields"].is_array()) return broken("it is no struct");
  TableSchema out;
  for (const Json& field : (*parsed)["fields"].as_array()) {
    const std::string name(field["name"].as_string());
    if (name.empty()) return broken("a field has no name");
    if (out.find(name)) return broken("a field is there twice: " + name);
    out.fields.push_back({name, type_from(field["type"]), field["nullable"].as_bool(true)});
  }
  for (const auto& column : partition_columns)
    if (!out.find(column)) return broken("a partition column is no field: " + column);
  out.partition_columns = std::move(partition_columns);
  return out;
}

Result<TableSchema> widen(const TableSchema& table, const TableSchema& wanted) {
  std::vector<std::string> wrong;
  if (table.partition_columns != wanted.partition_columns)
    wrong.push_back(fmt::format("partitioned by ({}), expected ({})", fmt::join(table.partition_columns, ", "),
                                fmt::join(wanted.partition_columns, ", ")));
  TableSchema out = table;
  for (const auto& field : wanted.fields) {
    const SchemaField* there = table.find_any_case(field.name);
    if (there && there->name != field.name)
      wrong.push_back(fmt::format("{} is {} there", field.name, there->name));
    else if (there && there->type != field.type)
      wrong.push_back(fmt::format("{} is {}, expected {}", field.name, type_text(there->type), type_text(field.type)));
    if (there) continue;
    if (!field.nullable) wrong.push_back(fmt::format("{} is new and not nullable", field.name));
    out.fields.push_back(field);
  }
  if (!wrong.empty())
    return fail(ErrorCode::invalid, fmt::format("the table has another schema: {}", fmt::join(wrong, "; ")));
  return out;
}

}  // namespace pactolus::delta
