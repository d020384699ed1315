// The `shop` profile: people who walk through a shop, with what real traffic has and tests need.
//
// Sessions follow a funnel (shoppers.h) over products with a price, category and name of their own; users come back;
// orders have several lines, and a few lines are refunded later. Most sessions pay in the shop's currency and do not
// say so. prod_0042 is planted: a large share of the views and hardly a purchase. On top, at settable ratios, events
// whose time lies behind their neighbours', exact copies sent again, and broken records.
//
// A purchase of quantity q at price p is worth p × q; so is a refund.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "simulate/event_source.h"
#include "simulate/load_curve.h"

namespace pactolus {

struct ShopOptions {
  uint64_t seed = 1;
  Schedule schedule = {.rate = 200, .diurnal = true};  // counts every record, also copies and broken ones
  int64_t first_id = 1;                                // number of the first event, session and order, at least 0
  std::string run = {};                                // before each of these numbers; see ClassicOptions
  std::string currency = "USD";                        // the shop's own, three capital letters

  uint32_t products = 500;       // at least 42
  uint32_t known_users = 2'000;  // who may come back at the start
  double new_user_ratio = 0.35;  // of the sessions
  double planted_share = 0.15;   // of what people look at
  double planted_purchases_per_view = 1.0 / 20'000;
  double refund_ratio = 0.02;                       // of the purchases
  int64_t refund_delay_us = 30 * kMicrosPerMinute;  // at most; at least a sixth of it

  double late_ratio = 0;  // of the good events: time moved back by a second to `late_by_us`
  int64_t late_by_us = 10 * kMicrosPerMinute;
  double dup_ratio = 0;  // of the good events: sent a second time, within `dup_delay_us`
  int64_t dup_delay_us = 30 * kMicrosPerSecond;
  double bad_ratio = 0;       // of all records
  bool empty_records = true;  // empty values among the broken; off for files of lines, where they would not count
};

std::unique_ptr<EventSource> make_shop(const ShopOptions& options);

}  // namespace pactolus
