// Rows of a table as PostgreSQL's COPY takes them in text format.
// Source: PostgreSQL documentation, "COPY", "Text Format".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/columns.h"
#include "base/result.h"
#include "lake/delta/schema.h"

namespace pactolus {

// PostgreSQL's name of a Delta type: "numeric(38,4)". Empty when there is none.
std::string pg_type(const delta::FieldType& type);

// Fields of a line. PostgreSQL has no text that holds U+0000: it is written as "␀0", and "␀" itself as "␀␀", so that
// different texts stay different.
void append_copy_null(std::string& line);
void append_copy_text(std::string_view text, std::string& line);
// A date or time of Gold's as PostgreSQL reads it: the window of an event at the beginning of the year 1 begins in the
// year before, which is 1 BC there.
std::string pg_time(std::string text);

struct TypedColumn {
  ColumnView values;
  delta::FieldType type;
};
// What names a row: a UUID made of the values of `keys`, texts, times and whole numbers, as 32 hexadecimal digits. Null
// is apart from every text; a column that is not there is null. It is the same for ever for the same values.
std::string row_key(std::span<const std::optional<TypedColumn>> keys, int64_t row);

// A value as a field; an Error unsupported for what has no form.
Result<> append_copy_value(const TypedColumn& column, int64_t row, std::string& line);

}  // namespace pactolus
