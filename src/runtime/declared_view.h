// What a streaming view's table says about the view that fills it, as properties of the table's metadata:
//
//   pactolus.view           the declaration in words (gold/view_declaration.h, fingerprint)
//   pactolus.currency       the shop's currency that its money is in
//   pactolus.firstWindow    windows that start earlier are of an earlier declaration, microseconds; absent: all are its
//   own
//   pactolus.declaredBatch  the job's last batch when it was declared; rows that a rebuild made of more are of this one
//
// A change of declaration is a commit of this table; docs/architecture/recovery.md, "A changed view".
#pragma once

#include <string>

#include "gold/window_view.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct DeclaredView {
  std::string fingerprint;  // empty: the table does not say
  std::string currency;
  int64_t first_window = kNoTime;
  int64_t batch = 0;

  static DeclaredView of(const WindowView& view);
  static DeclaredView read(const TableProperties& properties);
  void write(TableProperties& properties) const;
  // Also of a table that an earlier release declared in its words.
  bool is_of(const WindowView& view) const;
};

}  // namespace pactolus
