#include "gold/gold_view.h"

#include <fmt/format.h>

#include "base/check.h"
#include "gold/funnel_view.h"
#include "gold/session_view.h"
#include "gold/window_view.h"

namespace pactolus {

GoldView::GoldView(Options options)
    : options_(std::move(options)), view_(std::make_shared<const ViewDeclaration>(options_.view)), slots_(*view_) {
  const auto faults = faults_of(*view_, options_.types);
  PACTOLUS_CHECK(faults.empty(), (faults.empty() ? std::string() : faults.front().text));
}

void GoldView::save_head(StateWriter& to, std::string_view format) const {
  to.text(format);
  to.text(fingerprint());
  to.signed_number(options_.first_window);
  to.signed_number(watermark_);
}

Result<int64_t> GoldView::load_head(StateReader& in, std::string_view format, Options& wanted) {
  if (in.text() != format) return fail(ErrorCode::unsupported, "saved state of a view is of another format");
  const std::string_view declared = in.text();
  wanted.first_window = in.signed_number();
  const int64_t watermark = in.signed_number();
  // A watermark may reach as far as the last window end of the last event.
  const auto is_time = [](int64_t t) {
    return t == kNoTime || (t >= kFirstEventTime - 366 * kMicrosPerDay && t <= kEventTimeEnd + 366 * kMicrosPerDay);
  };
  const WindowShape& shape = wanted.view.shape;
  const auto begins = [&](int64_t t) { return t == kNoTime || shape.is_session() || floor_to(t, shape.slide) == t; };
  if (!in.ok() || !is_time(wanted.first_window) || !is_time(watermark) || !begins(wanted.first_window))
    return fail(ErrorCode::corrupt, "saved state of a view: the declaration makes no sense");
  if (declared != pactolus::fingerprint(wanted.view, wanted.shop_currency))
    return fail(ErrorCode::unsupported, "saved state of a view is of another declaration");
  return watermark;
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
