// The `classic` profile: the original producer's events, field by field (contracts, "Event"). 500 users, 100 products,
// 5 categories, 3 devices; prod_0042 is a fifth of the traffic with 95/4/1 for view, add_to_cart, purchase, the other
// 99 share the rest with 70/20/10. Category, device, session and price are drawn anew for every event, as the original
// does: only `shop` has products with a price of their own. Prices are uniform in 10.00 .. 1000.00, two decimals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "simulate/event_source.h"
#include "simulate/load_curve.h"

namespace pactolus {

struct ClassicOptions {
  uint64_t seed = 1;
  Schedule schedule = {.duration_us = 60'000'000};  // the original's 5 events a second for a minute
  int64_t first_id = 1;                             // number of the first event, at least 0: evt_00000001
  std::string run = {};   // digits before the number, which keep runs apart: evt_<run>00000001 (decision 0011)
  bool uuid_ids = false;  // random version 4 UUIDs instead of evt_…: what text ids cost at their worst
};

// No heap allocation per event.
std::unique_ptr<EventSource> make_classic(const ClassicOptions& options);

}  // namespace pactolus
