// A dialect of files with columns, told by a table: which column is which field of the native event, and what the
// shop's words for the event types are. rees46.cc and online_retail.cc are two.
//
// The event's identity is  <dialect>:<xxh128 of the canonical row>.  The canonical row is the text of the identity
// columns, unquoted, in the order of the table, joined by 0x1F; other columns, the order of columns in the file and
// quotes do not matter. Frozen: it is in Silver.
//
// A table whose rows bring an event_id of their own (`own_ids`) keeps it, or its absence.
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
  text,             // goes on as it is
  number,           // a JSON number goes on as one, other text as it is
  user,             // text; also the key of the record
  user_number,      // likewise; 13085.0 is 13085, also in the identity: exports make floats of numbers with gaps
  time,             // any form that parse_iso_time knows; what it does not know goes on as it is
  time_or_epoch,    // likewise; a JSON number goes on as a number, which is an epoch
  event_type,       // by the table of words; other words go on as they are
  signed_quantity,  // gives the event type too: a refund when it is below zero, else a purchase; goes on without its
                    // sign
};

struct DialectColumn {
  std::string_view column;  // in the file
  std::string_view field;   // of the native event, or a name of its own for `extra`
  ColumnKind kind = ColumnKind::text;
  bool required = true;  // a file without it is refused
};

struct DialectWord {
  std::string_view theirs, ours;
};

// Everything it refers to lives as long as the program.
struct TableMapping {
  std::string_view name;
  int version;
  std::span<const DialectColumn> columns;  // all part of the identity; frozen order
  std::span<const DialectWord> event_types = {};
  std::string_view guest_of = {};  // a row without a user_number is of user guest:<this column>; empty: of nobody
  DialectWord cancelled_by = {};   // a row whose value of the first column begins with the second text is a refund too
  bool own_ids = false;            // event_id is one of the columns; otherwise all columns are required
};

std::unique_ptr<Dialect> make_table_dialect(const TableMapping& mapping);

}  // namespace pactolus
