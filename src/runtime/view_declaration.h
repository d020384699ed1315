// What a streaming view's table says about the view that fills it, as properties of the table's metadata:
//
//   pactolus.view           the declaration in words (ProductInterest::fingerprint)
//   pactolus.currency       the shop's currency that its money is in
//   pactolus.firstWindow    windows that start earlier are of an earlier declaration, microseconds; absent: all are its
//   own
//
// A change of declaration is a commit of this table; docs/architecture/recovery.md, "A changed view".
#pragma once

#include <string>

#include "gold/product_interest.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct ViewDeclaration {
  std::string fingerprint;  // empty: the table does not say
  std::string currency;
  int64_t first_window = kNoTime;

  static ViewDeclaration of(const ProductInterest& view);
  static ViewDeclaration read(const TableProperties& properties);
  void write(TableProperties& properties) const;
  bool operator==(const ViewDeclaration&) const = default;
};

}  // namespace pactolus
