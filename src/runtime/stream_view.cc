#include "runtime/stream_view.h"

#include "runtime/lake_tables.h"

namespace pactolus {

GoldView::Options view_options(const Config& config, ViewDeclaration view) {
  GoldView::Options options{.view = std::move(view), .shop_currency = config.shop.currency};
  for (const ExtraEventType& type : config.events.types) options.types.push_back(type.name);
  return options;
}

std::vector<StreamView> stream_views(const Config& config) {
  std::vector<StreamView> views;
  for (const ViewDeclaration& view : config.gold.views)
    views.push_back({make_view(view_options(config, view)), std::nullopt, 0});
  PACTOLUS_CHECK(views.front().name() == kProductInterest, "the first view is " + views.front().name());
  return views;
}

}  // namespace pactolus
