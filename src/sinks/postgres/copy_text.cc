#include "sinks/postgres/copy_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

constexpr std::string_view kSymbolForNull = "\xE2\x90\x80";  // ␀

std::string decimal_text(__int128 value, int scale) {
  const bool negative = value < 0;
  unsigned __int128 rest = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  do digits.insert(digits.begin(), char('0' + int(rest % 10)));
  while ((rest /= 10) != 0);
  if (scale > 0) {
    if (int(digits.size()) <= scale) digits.insert(0, size_t(scale) + 1 - digits.size(), '0');
    digits.insert(digits.size() - size_t(scale), ".");
  }
  return negative ? "-" + digits : digits;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return fmt::format("{}", value);  // the shortest text that gives the same double
}

// map<string, V> as a JSON object; amounts are numbers, which jsonb keeps exactly.
Result<std::string> map_json(const ColumnView& column, int64_t row, const delta::FieldType& type) {
  const auto [first, last] = column.range_at(row);
  const ColumnView entries = column.entries(), keys = entries.child(0), values = entries.child(1);
  std::string out = "{";
  for (int64_t i = first; i < last; ++i) {
    std::string text;
    if (values.is_null(i))
      text = "null";
    else if (type.kind == delta::FieldType::Kind::decimal)
      text = decimal_text(values.decimal_at(i), type.scale);
    else if (type.kind == delta::FieldType::Kind::long_integer || type.kind == delta::FieldType::Kind::integer)
      text = fmt::format("{}", values.int_at(i));
    else if (type.kind == delta::FieldType::Kind::string)
      text = Json(std::string(values.text_at(i))).dump();
    else
      return fail(ErrorCode::unsupported, fmt::format("a map of {} has no form in PostgreSQL", type_text(type)));
    out += fmt::format("{}{}:{}", i == first ? "" : ",", Json(std::string(keys.text_at(i))).dump(), text);
  }
  return out + "}";
}

}  // namespace

std::string pg_type(const delta::FieldType& type) {
  using Kind = delta::FieldType::Kind;
  switch (type.kind) {
    case Kind::string: return "text";
    case Kind::integer: return "integer";
    case Kind::long_integer: return "bigint";
    case Kind::boolean: return "boolean";
    case Kind::double_float: return "double precision";
    case Kind::date: return "date";
    case Kind::timestamp: return "timestamp with time zone";
    case Kind::binary: return "bytea";
    case Kind::decimal: return fmt::format("numeric({},{})", type.precision, type.scale);
    case Kind::map: return "jsonb";
    case Kind::other: break;
  }
  return {};
}

void append_copy_null(std::string& line) { line += "\\N"; }

void append_copy_text(std::string_view text, std::string& line) {
  for (size_t i = 0; i < text.size(); ++i) {
    switch (const char c = text[i]) {
      case '\\': line += "\\\\"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      case '\0': (line += kSymbolForNull) += '0'; break;
      default:
        if (text.substr(i, kSymbolForNull.size()) == kSymbolForNull) {
          (line += kSymbolForNull) += kSymbolForNull;
          i += kSymbolForNull.size() - 1;
        } else {
          line += c;
        }
    }
  }
}

std::string pg_time(std::string text) { return text.starts_with("0000-") ? "0001" + text.substr(4) + " BC" : text; }

std::string row_key(std::span<const std::optional<TypedColumn>> keys, int64_t row) {
  using Kind = delta::FieldType::Kind;
  std::string bytes;
  for (const auto& key : keys) {
    if (!key || key->values.is_null(row)) {
      bytes += "n;";
      continue;
    }
    const Kind kind = key->type.kind;
    if (kind == Kind::string) {
      const std::string_view text = key->values.text_at(row);
      (bytes += fmt::format("{}:", text.size())) += text;
    } else {
      PACTOLUS_CHECK(kind == Kind::timestamp || kind == Kind::long_integer,
                     "a row is named by texts, times and numbers");
      bytes += fmt::format("i{};", key->values.int_at(row));
    }
  }
  return hash128_hex(bytes);
}

Result<> append_copy_value(const TypedColumn& of, int64_t row, std::string& line) {
  using Kind = delta::FieldType::Kind;
  const auto& [column, type] = of;
  if (column.is_null(row)) {
    append_copy_null(line);
    return {};
  }
  switch (type.kind) {
    case Kind::string: append_copy_text(column.text_at(row), line); return {};
    case Kind::integer:
    case Kind::long_integer: line += fmt::format("{}", column.int_at(row)); return {};
    case Kind::boolean: line += column.bool_at(row) ? 't' : 'f'; return {};
    case Kind::double_float: line += number_text(column.double_at(row)); return {};
    case Kind::date: line += pg_time(date_text(int32_t(column.int_at(row)))); return {};
    case Kind::timestamp: line += pg_time(iso_time(column.int_at(row))); return {};
    case Kind::binary:
      line += "\\\\x";
      for (const char c : column.text_at(row)) line += fmt::format("{:02x}", uint8_t(c));
      return {};
    case Kind::decimal: line += decimal_text(column.decimal_at(row), type.scale); return {};
    case Kind::map: append_copy_text(TRY(map_json(column, row, type.value.front())), line); return {};
    case Kind::other: break;
  }
  return fail(ErrorCode::unsupported, fmt::format("{} has no form in PostgreSQL", type_text(type)));
}

}  // namespace pactolus
