#include "runtime/stream_view.h"

#include "runtime/lake_tables.h"

namespace pactolus {

std::vector<ViewDeclaration> declared_views(const Config&) { return {built_in_views().front()}; }

WindowView::Options view_options(const Config& config, ViewDeclaration view) {
  WindowView::Options options{.view = std::move(view), .shop_currency = config.shop.currency};
  for (const ExtraEventType& type : config.events.types) options.types.push_back(type.name);
  return options;
}

std::vector<StreamView> stream_views(const Config& config) {
  std::vector<StreamView> views;
  for (ViewDeclaration& view : declared_views(config))
    views.push_back({WindowView(view_options(config, std::move(view))), std::nullopt, 0});
  PACTOLUS_CHECK(views.front().name() == kProductInterest, "the first view is " + views.front().name());
  return views;
}

}  // namespace pactolus
