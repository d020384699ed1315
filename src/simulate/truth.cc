#include "simulate/truth.h"

#include "base/time_text.h"

namespace pactolus {

Json Truth::to_json() const {
  Json out = Json::object();
  out.set("records", records).set("events", events).set("duplicates", duplicates).set("late", late).set("bad", bad);
  Json types = Json::object(), reasons = Json::object(), others = Json::object();
  for (size_t i = 0; i < kKindNames.size(); ++i)
    if (by_type[i]) types.set(std::string(kKindNames[i]), by_type[i]);
  for (const auto& [reason, n] : bad_by_reason) reasons.set(reason, n);
  Takings own;
  for (const auto& [currency, t] : takings) {
    if (currency.empty()) {
      own = t;
    } else {
      Json one = Json::object();
      one.set("revenue", money_text(t.revenue)).set("refunds", money_text(t.refunds));
      others.set(currency, std::move(one));
    }
  }
  out.set("by_type", std::move(types)).set("bad_by_reason", std::move(reasons));
  out.set("revenue", money_text(own.revenue)).set("refunds", money_text(own.refunds));
  out.set("other_currencies", std::move(others));
  out.set("unique_users", users.count()).set("unique_products", products.count());
  out.set("sessions", sessions).set("orders", orders);
  out.set("planted_views", planted_views).set("planted_purchases", planted_purchases);
  const auto time = [](int64_t t) { return t == kNoTime ? Json() : Json(iso_time(t)); };
  out.set("first_event_time", time(first_event_time_us)).set("last_event_time", time(last_event_time_us));
  return out;
}

}  // namespace pactolus
