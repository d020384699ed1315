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

std::vector<std::string> faults_of(const ViewDeclaration& view, std::span<const std::string> types) {
  std::vector<std::string> faults;
  if (view.keys.size() > kMostKeys)
    faults.push_back(fmt::format("expected at most {} keys, got {}", kMostKeys, view.keys.size()));
  if (view.measures.empty()) faults.push_back("expected at least one measure, got none");
  if (view.measures.size() > kMostMeasures)
    faults.push_back(fmt::format("expected at most {} measures, got {}", kMostMeasures, view.measures.size()));
  const WindowShape& shape = view.shape;
  if (shape.is_session() && view.keys.empty()) faults.push_back("expected a key: sessions are of somebody");
  if (shape.has_sessions() && shape.gap() > kMicrosPerDay)
    faults.push_back("expected a gap of at most a day: a session stays open for that long");
  if (shape.slide > shape.size)
    faults.push_back(
        "expected a slide that is at most the window's size: events between two windows would count nowhere");
  else if (!shape.valid())
    faults.push_back(
        "expected a window of at most 366 days and of at most 10,000 panes (the greatest common divisor of size and "
        "slide)");

  std::set<std::string> columns = {"window_start", "window_end", "window_date", "basis", "batch_id"};
  const auto take = [&](const std::string& column) {
    if (!columns.insert(column).second)
      faults.push_back(fmt::format("expected columns of different names, got {} twice", column));
  };
  for (const EventColumn key : view.keys) take(std::string(name_of(key)));
  std::vector<std::string_view> counts, sums;
  for (const Measure& m : view.measures) {
    if (m.function == MeasureFunction::count || m.is_step()) counts.push_back(m.name);
    if (m.is_money()) sums.push_back(m.name);
  }
  bool has_step = false;
  std::set<std::string> stepped;
  const auto refer = [&](const Measure& m, std::string_view what, const std::string& name,
                         const std::vector<std::string_view>& names) {
    if (std::ranges::find(names, name) == names.end())
      faults.push_back(fmt::format("{}: expected the name of {} of this view, got {}{}", to_text(m), what, name,
                                   did_you_mean(name, names)));
  };
  const std::vector<std::string_view> known(types.begin(), types.end());
  for (const Measure& m : view.measures) {
    for (const std::string& column : m.columns()) take(column);
    for (const MeasuredType& t : m.types)
      if (std::ranges::find(known, t.name) == known.end())
        faults.push_back(
            fmt::format("{}: expected an event type, got {}{}", to_text(m), t.name, did_you_mean(t.name, known)));
    if (m.function == MeasureFunction::rate || m.function == MeasureFunction::any)
      refer(m, "a count()", m.part, counts);
    if (m.function == MeasureFunction::unless) refer(m, "a sum() of money", m.part, sums);
    if (m.function == MeasureFunction::rate || m.function == MeasureFunction::unless)
      refer(m, "a count()", m.whole, counts);
    if (m.is_step() != shape.is_funnel() && !m.is_derived())
      faults.push_back(fmt::format("{}: expected {}", to_text(m),
                                   shape.is_funnel() ? "step(), then() or maybe(): windows with a gap are a funnel's"
                                                     : "a size and a gap for the steps of a funnel"));
    if (m.is_step()) {
      if (m.function == MeasureFunction::step ? std::exchange(has_step, true) : !has_step)
        faults.push_back(fmt::format("{}: expected one step(), before all then() and maybe()", to_text(m)));
      for (const MeasuredType& t : m.types)
        if (!stepped.insert(t.name).second)
          faults.push_back(fmt::format("{}: expected each event type in one step, got {} twice", to_text(m), t.name));
    }
    if (m.function == MeasureFunction::first && !shape.is_session())
      faults.push_back(fmt::format("{}: expected a measure of windows; only a session has a first event", to_text(m)));
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
