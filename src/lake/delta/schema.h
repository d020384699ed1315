// The columns of a table: declared in C++, stored in the log as `schemaString`, compared when a table is opened.
//
// Columns are only ever added, nullable: a release opens a table of an earlier one, widens it with what it misses,
// and leaves alone what it does not know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus::delta {

struct FieldType {
  enum class Kind : uint8_t {
    string,
    integer,
    long_integer,
    boolean,
    double_float,
    date,
    timestamp,
    binary,
    decimal,
    map,
    other
  };
  Kind kind = Kind::string;
  int precision = 0, scale = 0;  // of a decimal
  std::vector<FieldType> value;  // of a map<string, value>: one
  std::string text;              // of a type that this release does not write: its JSON text
  bool operator==(const FieldType&) const = default;

  static FieldType string() { return {Kind::string, 0, 0, {}, {}}; }
  static FieldType integer() { return {Kind::integer, 0, 0, {}, {}}; }            // 32 bits
  static FieldType long_integer() { return {Kind::long_integer, 0, 0, {}, {}}; }  // 64 bits
  static FieldType boolean() { return {Kind::boolean, 0, 0, {}, {}}; }
  static FieldType double_float() { return {Kind::double_float, 0, 0, {}, {}}; }
  static FieldType date() { return {Kind::date, 0, 0, {}, {}}; }
  static FieldType timestamp() { return {Kind::timestamp, 0, 0, {}, {}}; }  // UTC microseconds
  static FieldType binary() { return {Kind::binary, 0, 0, {}, {}}; }
  static FieldType decimal(int precision, int scale) { return {Kind::decimal, precision, scale, {}, {}}; }
  static FieldType map_of(FieldType value) { return {Kind::map, 0, 0, {std::move(value)}, {}}; }  // keys are strings
};

struct SchemaField {
  std::string name;
  FieldType type;
  bool nullable = true;
  bool operator==(const SchemaField&) const = default;
};

struct TableSchema {
  std::vector<SchemaField> fields;             // partition columns included
  std::vector<std::string> partition_columns;  // in the order of the folders
  bool operator==(const TableSchema&) const = default;

  const SchemaField* find(std::string_view name) const noexcept;
  // Names of columns differ in more than case (Delta's protocol): most readers take no notice of it.
  const SchemaField* find_any_case(std::string_view name) const noexcept;
};

std::string type_text(const FieldType& type);  // "decimal(18,4)", "map<string,long>": for messages
std::string schema_string(const TableSchema& schema);
Result<TableSchema> parse_schema(std::string_view schema_string, std::vector<std::string> partition_columns);

// The table's schema with those columns of `wanted` added that it lacks. Equal to `table` when it is a superset
// already. Error `unsupported` names the columns that differ in type, or are new and not nullable, or when the
// partition columns differ.
Result<TableSchema> widen(const TableSchema& table, const TableSchema& wanted);

}  // namespace pactolus::delta
