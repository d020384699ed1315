// A dialect of files with columns, told by a table: which column is which field of the native event, and what the
// shop's words for the event types are. rees46.cc is one.
//
// The event's identity is  <dialect>:<xxh128 of the canonical row>.  The canonical row is the text of the identity
// columns, unquoted, in the order of the table, joined by 0x1F; other columns, the order of columns in the file and
// quotes do not matter. Frozen: it is in Silver.
//
// An empty value is an absent field. A column that the table does not know goes on under its own name (as
// <dialect>_<name> when that is a native field), so that Silver's `extra` keeps it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "ingest/dialect.h"

namespace pactolus {

enum class ColumnKind : uint8_t {
  text,        // goes on as it is
  user,        // text; also the key of the record
  time,        // any form that parse_iso_time knows; what it does not know goes on as it is
  event_type,  // by the table of words; other words go on as they are
};

struct DialectColumn {
  std::string_view column;  // in the file; must be there
  std::string_view field;   // of the native event, or a name of its own for `extra`
  ColumnKind kind = ColumnKind::text;
};

struct DialectWord {
  std::string_view theirs, ours;
};

// Everything it refers to lives as long as the program.
struct TableMapping {
  std::string_view name;
  int version;
  Format format;
  std::span<const DialectColumn> columns;  // all part of the identity; frozen order
  std::span<const DialectWord> event_types;
};

std::unique_ptr<Dialect> make_table_dialect(const TableMapping& mapping);

}  // namespace pactolus
