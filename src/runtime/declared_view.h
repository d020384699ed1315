// What a streaming view's table says about the view that fills it, as properties of the table's metadata:
//
//   pactolus.view           the declaration in words (gold/view_declaration.h, fingerprint)
//   pactolus.currency       the shop's currency that its money is in
//   pactolus.firstWindow    windows that start earlier are of an earlier declaration, microseconds; absent: all are its
//   own
//   pactolus.declaredBatch  rows that a rebuild made of this batch of the job or of an earlier one are of an earlier
//                           declaration, those of more are its own
//
// A change of declaration is a commit of this table; docs/architecture/recovery.md, "A changed view".
#pragma once

#include <optional>
#include <string>

#include "gold/gold_view.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct DeclaredView {
  std::string fingerprint;  // empty: the table does not say
  std::string currency;
  int64_t first_window = kNoTime;
  int64_t batch = 0;

  static DeclaredView of(const GoldView& view);
  // The declaration in the table's own words. No value: the table is of no view, or of a release that says it
  // otherwise.
  std::optional<ViewDeclaration> declaration(std::string name) const;
  static DeclaredView read(const TableProperties& properties);
  void write(TableProperties& properties) const;
  // This declaration takes the place of what the table has: `batch` follows from its rebuilt rows, `last` is the job's.
  void replace(const delta::Snapshot& table, int64_t last);
  // Also of a table that an earlier release declared in its words.
  bool is_of(const GoldView& view) const;
};

}  // namespace pactolus
