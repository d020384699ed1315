// The views that a job fills from the stream, each with the table of its final rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gold/gold_view.h"
#include "lake/delta/delta_table.h"
#include "runtime/config.h"

namespace pactolus {

struct StreamView {
  std::unique_ptr<GoldView> view;
  std::optional<delta::DeltaTable> table;
  int64_t reached = 0;  // the last batch that the table has

  const std::string& name() const noexcept { return view->declaration().name; }
};

GoldView::Options view_options(const Config& config, ViewDeclaration view);
std::vector<StreamView> stream_views(
    const Config& config);  // as declared, without tables; product_interest is the first

}  // namespace pactolus
