#include "gold/gold_view.h"

#include "base/check.h"
#include "gold/funnel_view.h"
#include "gold/session_view.h"
#include "gold/window_view.h"

namespace pactolus {

GoldView::GoldView(Options options)
    : options_(std::move(options)), view_(std::make_shared<const ViewDeclaration>(options_.view)), slots_(*view_) {
  const auto faults = faults_of(*view_, options_.types);
  PACTOLUS_CHECK(faults.empty(), (faults.empty() ? std::string() : faults.front()));
}

std::unique_ptr<GoldView> make_view(GoldView::Options options) {
  if (options.view.shape.is_session()) return std::make_unique<SessionView>(std::move(options));
  if (options.view.shape.is_funnel()) return std::make_unique<FunnelView>(std::move(options));
  return std::make_unique<WindowView>(std::move(options));
}

namespace {
template <class View>
Result<std::unique_ptr<GoldView>> loaded(GoldView::Options options, std::string_view bytes) {
  View view = TRY(View::load(std::move(options), bytes));
  return std::make_unique<View>(std::move(view));
}
}  // namespace

Result<std::unique_ptr<GoldView>> load_view(GoldView::Options options, std::string_view bytes) {
  if (options.view.shape.is_session()) return loaded<SessionView>(std::move(options), bytes);
  if (options.view.shape.is_funnel()) return loaded<FunnelView>(std::move(options), bytes);
  return loaded<WindowView>(std::move(options), bytes);
}

}  // namespace pactolus
