// What a view says about each of its keys, as it is written in the configuration:
//
//   count(view) as views                                  events of a type
//   count() as events                                     of all types
//   sum(price*quantity, purchase) as revenue              money, of events in the shop's currency; also sum(price, …)
//   sum(quantity, purchase) as units                      a number
//   sum(price*quantity, purchase, -refund) as net         a type with - counts negative
//   other_currencies(price*quantity, purchase, -refund) as revenue_other     the amounts that sum leaves out
//   distinct(user_id, view) as viewers                    exact up to 512, then within 1.6 %: viewers_approx says which
//   sketch(user_id) as visitors                           the same, with a column visitors_sketch that can be merged
//   orders(purchase) as orders                            distinct order_id, and each event without one
//   rate(purchases, views) as conversion                  of two counts: conversion_rate, with the ends of its 95 %
//                                                         interval in conversion_low and conversion_high
//   any(purchases) as converted                           is that count more than 0?
//   unless(cart_value, purchases) as abandoned            that sum of money, if above 0, where that count is 0; else 0
//   first(device_type) as device_type                     of a session: the first that an event of it has
//
// and, of a funnel, which counts sessions:
//
//   step(view) as views                                   those with such an event
//   then(add_to_cart) as carts                            of these, those with such an event at the same time or later:
//                                                         carts, carts_rate of the step before, carts_seconds the
//                                                         median from the step before
//   maybe(begin_checkout) as checkouts                    likewise, but a step that the next one does not wait for
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gold/event_column.h"

namespace pactolus {

enum class MeasureFunction : uint8_t {
  count,
  sum,
  other_currencies,
  distinct,
  sketch,
  orders,
  rate,
  any,
  unless,
  first,
  step,
  then,
  maybe
};
enum class Amount : uint8_t { price_times_quantity, price, quantity };

struct MeasuredType {
  std::string name;  // of an event type
  bool minus = false;
  bool operator==(const MeasuredType&) const = default;
};

struct Measure {
  std::string name;  // of its column, or what its columns begin with
  MeasureFunction function = MeasureFunction::count;
  Amount amount = Amount::price_times_quantity;  // sum, other_currencies
  EventColumn column = EventColumn::user_id;     // distinct, sketch, first
  std::vector<MeasuredType> types;               // empty: all
  std::string part, whole;  // of the same view. rate: two counts; any: a count; unless: a sum, a count
  bool operator==(const Measure&) const = default;

  bool is_money() const noexcept { return function == MeasureFunction::sum && amount != Amount::quantity; }
  // Computed from other measures of its row.
  bool is_derived() const noexcept {
    return function == MeasureFunction::rate || function == MeasureFunction::any || function == MeasureFunction::unless;
  }
  bool is_step() const noexcept {
    return function == MeasureFunction::step || function == MeasureFunction::then || function == MeasureFunction::maybe;
  }
  bool is_set() const noexcept {
    return function == MeasureFunction::distinct || function == MeasureFunction::sketch ||
           function == MeasureFunction::orders;
  }
  std::vector<std::string> columns() const;  // in the table, in order
};

// Error usage: "expected …, got …", in words for whoever wrote it.
Result<Measure> parse_measure(std::string_view text);
std::string to_text(const Measure& measure);  // parses to the same again

}  // namespace pactolus
