#include "gold/view_declaration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/closest_word.h"
#include "gold/distinct_set.h"

namespace pactolus {
namespace {

constexpr size_t kMostKeys = 4, kMostMeasures = 64;

ViewDeclaration declared(std::string name, std::vector<EventColumn> keys, WindowShape shape,
                         std::initializer_list<std::string_view> measures) {
  ViewDeclaration view{std::move(name), std::move(keys), shape, {}};
  for (const std::string_view text : measures) view.measures.push_back(parse_measure(text).value());
  return view;
}

std::vector<ViewDeclaration> make_built_in_views() {
  const std::initializer_list<std::string_view> conversion = {
      "count(view) as views",
      "count(add_to_cart) as carts",
      "count(purchase) as purchases",
      "sum(price*quantity, purchase) as revenue",
      "sum(price*quantity, refund) as refunds",
      "other_currencies(price*quantity, purchase, -refund) as revenue_other",
      "distinct(user_id, view) as viewers",
      "rate(purchases, views) as conversion"};
  return {
      declared("product_interest", {EventColumn::product_id}, {10 * kMicrosPerMinute, kMicrosPerMinute}, conversion),
      declared("category_conversion", {EventColumn::product_category}, {kMicrosPerHour, kMicrosPerHour}, conversion),
      declared(
          "shop_activity", {EventColumn::device_type}, {kMicrosPerMinute, kMicrosPerMinute},
          {"count() as events", "count(view) as views", "count(add_to_cart) as carts", "orders(purchase) as orders",
           "sum(price*quantity, purchase) as revenue", "sketch(user_id) as visitors"}),
      // What a shopper does; a refund is the shop's.
      declared("sessions", {EventColumn::session}, WindowShape::session_of(30 * kMicrosPerMinute),
               {"first(user_id) as user_id", "first(device_type) as device_type",
                "count(view, add_to_cart, remove_from_cart, begin_checkout, purchase, view_item_list, select_item, "
                "search, page_view) as events",
                "count(view) as views", "count(add_to_cart) as carts", "count(purchase) as purchases",
                "sum(price*quantity, purchase) as revenue", "any(purchases) as converted",
                "sum(price*quantity, add_to_cart, -remove_from_cart) as cart_value",
                "unless(cart_value, purchases) as abandoned_cart_value"}),
      declared("funnel", {EventColumn::product_category, EventColumn::device_type},
               WindowShape::funnel_of(kMicrosPerHour, 30 * kMicrosPerMinute),
               {"step(view) as views", "then(add_to_cart) as carts", "maybe(begin_checkout) as checkouts",
                "then(purchase) as purchases", "rate(purchases, views) as conversion"})};
}

}  // namespace

const std::vector<ViewDeclaration>& built_in_views() {
  static const std::vector<ViewDeclaration> views = make_built_in_views();
  return views;
}

std::vector<EventColumn> columns_of(const ViewDeclaration& view) {
  std::vector<EventColumn> columns = view.keys;
  for (const Measure& m : view.measures)
    if (m.is_set())
      columns.push_back(m.function == MeasureFunction::orders ? EventColumn::order_id : m.column);
    else if (m.function == MeasureFunction::first)
      columns.push_back(m.column);
  if (std::erase(columns, EventColumn::session) > 0 || view.shape.is_funnel())
    columns.insert(columns.end(), {EventColumn::session_id, EventColumn::user_id});
  std::ranges::sort(columns);
  columns.erase(std::ranges::unique(columns).begin(), columns.end());
  return columns;
}

std::vector<ViewFault> faults_of(const ViewDeclaration& view, std::span<const std::string> types) {
  std::vector<ViewFault> faults;
  const auto fault = [&](std::string text, std::string_view entry = {}, size_t item = 0) {
    faults.push_back({std::move(text), entry, item});
  };
  if (view.keys.size() > kMostKeys)
    fault(fmt::format("expected at most {} keys, got {}", kMostKeys, view.keys.size()), "keys", kMostKeys);
  if (view.measures.empty()) fault("expected at least one measure, got none");
  if (view.measures.size() > kMostMeasures)
    fault(fmt::format("expected at most {} measures, got {}", kMostMeasures, view.measures.size()), "measures",
          kMostMeasures);
  const WindowShape& shape = view.shape;
  if (shape.is_session() && view.keys.empty()) fault("expected a key: sessions are of somebody");
  const auto is_of_events = [](const Measure& m) { return !m.is_derived() && m.function != MeasureFunction::first; };
  if (shape.is_session() && !view.measures.empty() && std::ranges::none_of(view.measures, is_of_events))
    fault("expected a measure that says which events make a session, such as count(), got first() alone", "measures");
  if (shape.has_sessions() && shape.gap() > kMicrosPerDay)
    fault("expected a gap of at most a day: a session stays open for that long", "gap");
  if (shape.slide > shape.size)
    fault("expected a slide that is at most the window's size: events between two windows would count nowhere",
          "slide");
  else if (!shape.valid())
    fault(
        "expected a window of at most 366 days and of at most 10,000 panes (the greatest common divisor of size and "
        "slide)",
        "size");

  std::set<std::string> columns = {"window_start", "window_end", "window_date", "basis", "batch_id"};
  const auto take = [&](const std::string& column, std::string_view entry, size_t item) {
    if (!columns.insert(column).second)
      fault(fmt::format("expected columns of different names, got {} twice", column), entry, item);
  };
  for (size_t i = 0; i < view.keys.size(); ++i) take(std::string(name_of(view.keys[i])), "keys", i);
  std::vector<std::string_view> counts, sums;
  for (const Measure& m : view.measures) {
    if (m.function == MeasureFunction::count || m.is_step()) counts.push_back(m.name);
    if (m.is_money()) sums.push_back(m.name);
  }
  bool has_step = false;
  std::set<std::string> stepped;
  const std::vector<std::string_view> known(types.begin(), types.end());
  for (size_t i = 0; i < view.measures.size(); ++i) {
    const Measure& m = view.measures[i];
    const auto wrong = [&](const std::string& what) {
      fault(fmt::format("{}: expected {}", to_text(m), what), "measures", i);
    };
    const auto refer = [&](std::string_view what, const std::string& name, const std::vector<std::string_view>& names) {
      if (std::ranges::find(names, name) == names.end())
        wrong(fmt::format("the name of {} of this view, got {}{}", what, name, did_you_mean(name, names)));
    };
    for (const std::string& column : m.columns()) take(column, "measures", i);
    for (const MeasuredType& t : m.types)
      if (std::ranges::find(known, t.name) == known.end())
        wrong(fmt::format("an event type, got {}{}", t.name, did_you_mean(t.name, known)));
    if (m.function == MeasureFunction::rate || m.function == MeasureFunction::any) refer("a count()", m.part, counts);
    if (m.function == MeasureFunction::unless) refer("a sum() of money", m.part, sums);
    if (m.function == MeasureFunction::rate || m.function == MeasureFunction::unless)
      refer("a count()", m.whole, counts);
    if (m.is_step() != shape.is_funnel() && !m.is_derived())
      wrong(shape.is_funnel() ? "step(), then() or maybe(): windows with a gap are a funnel's"
                              : "a size and a gap for the steps of a funnel");
    if (m.is_step()) {
      if (m.function == MeasureFunction::step ? std::exchange(has_step, true) : !has_step)
        wrong("one step(), before all then() and maybe()");
      for (const MeasuredType& t : m.types)
        if (!stepped.insert(t.name).second) wrong(fmt::format("each event type in one step, got {} twice", t.name));
    }
    if (m.function == MeasureFunction::first && !shape.is_session())
      wrong("a measure of windows; only a session has a first event");
  }
  return faults;
}

std::string fingerprint(const ViewDeclaration& view, std::string_view shop_currency) {
  std::vector<std::string> keys, measures;
  for (const EventColumn key : view.keys) keys.emplace_back(name_of(key));
  for (const Measure& m : view.measures) measures.push_back(to_text(m));
  const std::string shape = view.shape.is_session() ? fmt::format("gap={}us", view.shape.gap())
                            : view.shape.is_funnel()
                                ? fmt::format("funnel={}us gap={}us", view.shape.size, view.shape.gap())
                                : fmt::format("size={}us slide={}us", view.shape.size, view.shape.slide);
  return fmt::format("view/1 keys={} {} currency={} distinct=xxh3-64,exact<={},hll{} measures={}", fmt::join(keys, ","),
                     shape, shop_currency, DistinctSet::kExactMax, hyperloglog::kPrecision, fmt::join(measures, "; "));
}

std::optional<ViewDeclaration> view_of_fingerprint(std::string_view text) {
  constexpr std::string_view kFormat = "view/1 keys=", kMeasures = " measures=";
  if (!text.starts_with(kFormat)) return std::nullopt;
  text.remove_prefix(kFormat.size());
  const auto until = [&](std::string_view end) {  // "" when it does not come
    const size_t at = text.find(end);
    const std::string_view part = text.substr(0, at == text.npos ? 0 : at);
    text.remove_prefix(at == text.npos ? text.size() : at + end.size());
    return part;
  };
  const auto number = [](std::string_view digits) {
    int64_t out = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return out;
  };
  ViewDeclaration view;
  for (std::string_view keys = until(" "); !keys.empty();) {
    const size_t comma = keys.find(',');
    const auto key = event_column(keys.substr(0, comma));
    if (!key) return std::nullopt;
    view.keys.push_back(*key);
    keys.remove_prefix(comma == keys.npos ? keys.size() : comma + 1);
  }
  const std::string_view kind = until("=");
  if (kind == "gap") {
    view.shape = WindowShape::session_of(number(until("us currency=")));
  } else if (kind == "funnel") {
    const int64_t size = number(until("us gap="));
    view.shape = WindowShape::funnel_of(size, number(until("us currency=")));
  } else {
    view.shape.size = number(until("us slide="));
    view.shape.slide = number(until("us currency="));
  }
  until(kMeasures);
  while (!text.empty()) {
    const size_t end = std::min(text.find("; "), text.size());
    auto measure = parse_measure(text.substr(0, end));
    if (!measure) return std::nullopt;
    view.measures.push_back(std::move(*measure));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  if (!view.shape.valid() || view.measures.empty()) return std::nullopt;
  return view;
}

MeasureSlots::MeasureSlots(const ViewDeclaration& view) {
  for (const Measure& m : view.measures) {
    Of slots;
    if (m.function == MeasureFunction::count || m.function == MeasureFunction::orders ||
        (m.function == MeasureFunction::sum && !m.is_money()) || m.is_step())
      slots.count = counts++;
    if (m.is_step()) slots.step = steps++;
    if (m.is_money()) slots.money = moneys++;
    if (m.is_set()) {
      slots.set = sets++;
      is_sketch.push_back(m.function == MeasureFunction::sketch);
    }
    if (m.function == MeasureFunction::other_currencies) slots.other = others++;
    if (m.function == MeasureFunction::first) slots.text = texts++;
    of.push_back(slots);
  }
}

}  // namespace pactolus
