// Saved state of the Gold view and of the alert rule: any bytes either are refused or are exactly what save() writes
// again, and what was loaded can be used.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "gold/alert_rule.h"
#include "gold/product_interest.h"

namespace {

// The format's name with its length: put before the input, so that the fuzzer starts behind it.
template <class Saved>
std::string format_of(const Saved& empty) {
  std::string out;
  empty.save(out);
  return out.substr(0, 1 + size_t(out[0]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus;
  static const std::string view_format = format_of(ProductInterest({})), rule_format = format_of(AlertRule({}));
  if (size == 0) return 0;
  std::string bytes = data[0] % 2 == 0 ? view_format : rule_format;
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string again;
  if (data[0] % 2 == 0) {
    if (auto view = ProductInterest::load(bytes)) {
      view->save(again);
      auto same = ProductInterest::load(again);
      PACTOLUS_CHECK(same.has_value(), "what was saved does not load");
      std::string third;
      same->save(third);
      PACTOLUS_CHECK(again == third, "saved twice, differently");
      const WindowShape& shape = view->options().shape;
      if (shape.size / shape.slide <= 64) {  // else one commit is thousands of windows
        (void)view->provisional(view->newest_open_window(), 3);
        const int64_t end = view->last_window_end();
        for (const auto& row : view->commit(end > view->watermark() ? end : view->watermark())) (void)window_date(row);
        PACTOLUS_CHECK_EQ(view->panes(), size_t(0));
      }
    }
  } else if (auto rule = AlertRule::load(bytes)) {
    rule->save(again);
    PACTOLUS_CHECK(AlertRule::load(again).has_value(), "what was saved does not load");
    (void)rule->judge({}, kEventTimeEnd + 2 * 366 * kMicrosPerDay);
  }
  return 0;
}
