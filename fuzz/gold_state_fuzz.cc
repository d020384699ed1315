// Saved state of a Gold view and of the evidence for alerts: any bytes either are refused or are exactly what save()
// writes again, and what was loaded can be used.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "gold/conversion_evidence.h"
#include "gold/funnel_view.h"
#include "gold/session_view.h"
#include "gold/window_view.h"

namespace {

// The first texts of what each saves, with their lengths: put before the input, so that the fuzzer starts behind them.
template <class Saved>
std::string begin_of(const Saved& empty, int texts) {
  std::string out;
  empty.save(out);
  pactolus::StateReader in(out);
  std::string begin;
  for (pactolus::StateWriter to(begin); texts > 0; --texts) to.text(in.text());
  return begin;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus;
  // A view with every kind of measure, and keys that may be null.
  static const GoldView::Options options = [] {
    GoldView::Options o;
    o.view = built_in_views()[0];
    o.view.keys = {EventColumn::product_category, EventColumn::device_type};
    for (const char* m :
         {"orders(purchase) as orders", "sketch(user_id) as visitors", "sum(quantity, purchase) as units"})
      o.view.measures.push_back(parse_measure(m).value());
    return o;
  }();
  static const GoldView::Options session_options = [] {
    GoldView::Options o = options;
    o.view.shape = WindowShape::session_of(30 * kMicrosPerMinute);
    o.view.measures.push_back(parse_measure("first(user_id) as user_id").value());
    return o;
  }();
  static const GoldView::Options funnel_options = [] {
    GoldView::Options o;
    for (const ViewDeclaration& view : built_in_views())
      if (view.shape.is_funnel()) o.view = view;
    return o;
  }();
  static const std::string formats[] = {begin_of(WindowView(options), 2), begin_of(SessionView(session_options), 2),
                                        begin_of(FunnelView(funnel_options), 2), begin_of(ConversionEvidence({}), 1)};
  if (size == 0) return 0;
  const size_t kind = data[0] % 4;
  std::string bytes = formats[kind];
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string again;
  if (kind < 3) {
    const GoldView::Options& of = kind == 0 ? options : kind == 1 ? session_options : funnel_options;
    if (auto view = load_view(of, bytes)) {
      (*view)->save(again);
      auto same = load_view(of, again);
      PACTOLUS_CHECK(same.has_value(), "what was saved does not load");
      std::string third;
      (*same)->save(third);
      PACTOLUS_CHECK(again == third, "saved twice, differently");
      if (kind == 0) {
        const auto& windows = static_cast<const WindowView&>(**view);
        (void)windows.provisional(windows.newest_open_window(), 3);
      }
      const int64_t end = (*view)->last_window_end();
      const ViewRows rows = (*view)->commit(end > (*view)->watermark() ? end : (*view)->watermark());
      (void)rows.columns(0, rows.size(), ViewBasis::stream, 1);
      PACTOLUS_CHECK_EQ((*view)->last_window_end(), kNoTime);
    }
  } else if (auto evidence = ConversionEvidence::load({}, bytes)) {
    evidence->save(again);
    PACTOLUS_CHECK(ConversionEvidence::load({}, again).has_value(), "what was saved does not load");
    const ConversionEvidence::Seen seen[] = {{"a", "c", {5, 0}}, {"b", "c", {3, 2}}};
    (void)evidence->look(seen, evidence->period_start() == kNoTime ? 0 : evidence->period_start(), 0.5);
  }
  return 0;
}
