// Rows of events for the tests of views, and their rows as text.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gold/window_view.h"

namespace pactolus::gold_test {

inline constexpr int64_t kMinute = kMicrosPerMinute;

struct Row {
  EventKind kind = EventKind::view;
  std::string product = "p";  // empty is none
  std::string user = "u";
  int64_t time = 0;
  Money price = 10'0000;
  int32_t quantity = 1;
  std::string currency = {};  // empty is the shop's
  std::string category = {}, device = {}, order = {}, session = {};
};

inline EventBatch batch_of(std::span<const Row> rows) {
  EventBatch b;
  for (const Row& r : rows) {
    b.fingerprint.push_back(b.fingerprint.size());
    b.event_type.push_back(uint8_t(r.kind));
    b.product_id.codes.push_back(r.product.empty() ? -1 : b.products.code(r.product));
    b.user_id.codes.push_back(b.users.code(r.user));
    b.currency.codes.push_back(r.currency.empty() ? -1 : b.currencies.code(r.currency));
    b.product_category.codes.push_back(r.category.empty() ? -1 : b.categories.code(r.category));
    b.device_type.codes.push_back(r.device.empty() ? -1 : b.devices.code(r.device));
    b.order_id.codes.push_back(r.order.empty() ? -1 : b.orders.code(r.order));
    b.session_id.codes.push_back(r.session.empty() ? -1 : b.sessions.code(r.session));
    b.event_time.push_back(r.time);
    b.price.push_back(r.price);
    b.quantity.push_back(r.quantity);
  }
  return b;
}

inline void feed(GoldView& view, std::span<const Row> rows) {
  const EventBatch b = batch_of(rows);
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0u);
  view.apply(b, all, view.watermark());
}

// product_interest with windows of another shape.
inline WindowView::Options interest_of(WindowShape shape) {
  WindowView::Options options;
  options.view = built_in_views()[0];
  options.view.shape = shape;
  return options;
}
inline WindowView view_of(WindowShape shape) { return WindowView(interest_of(shape)); }
inline WindowView view_of(std::vector<EventColumn> keys, WindowShape shape,
                          std::initializer_list<std::string_view> measures) {
  WindowView::Options options;
  options.view = {"test", std::move(keys), shape, {}};
  for (const std::string_view m : measures) options.view.measures.push_back(parse_measure(m).value());
  return WindowView(std::move(options));
}

inline std::string saved(const GoldView& view) {
  std::string out;
  view.save(out);
  return out;
}
inline Result<WindowView> loaded(const WindowView& like, std::string_view bytes) {
  return WindowView::load(like.options(), bytes);
}

// The value of a measure by its name.
inline size_t measure(const ViewRows& rows, std::string_view name) {
  const auto& all = rows.view().measures;
  return size_t(std::ranges::find(all, name, &Measure::name) - all.begin());
}
inline int64_t number(const ViewRows& rows, size_t row, std::string_view name) {
  return rows.number(row, measure(rows, name));
}

// "p|null [0,10) 2 views 1 carts 10.0000 revenue ~700 viewers EUR=5.0000": minutes; no zeros, no rates
inline std::string text(const ViewRows& rows) {
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t k = 0; k < rows.view().keys.size(); ++k)
      out += (k ? "|" : "") + std::string(rows.key(r, k).value_or("null"));
    out += fmt::format(" [{},{})", rows.window_start(r) / kMinute, rows.window_end(r) / kMinute);
    for (size_t i = 0; i < rows.view().measures.size(); ++i) {
      const Measure& m = rows.view().measures[i];
      if (m.function == MeasureFunction::rate) continue;
      if (m.function == MeasureFunction::any) {
        if (rows.any(r, i)) out += " " + m.name;
      } else if (m.function == MeasureFunction::unless) {
        if (rows.unless(r, i) != 0) out += " " + money_text(rows.unless(r, i)) + " " + m.name;
      } else if (m.function == MeasureFunction::first) {
        if (const auto first = rows.first(r, i)) out += fmt::format(" {} {}", *first, m.name);
      } else if (m.function == MeasureFunction::other_currencies) {
        for (const auto& o : rows.other_currencies(r, i)) out += " " + o.currency + "=" + money_text(o.amount);
      } else if (m.is_money()) {
        if (rows.money(r, i) != 0) out += " " + money_text(rows.money(r, i)) + " " + m.name;
      } else if (rows.number(r, i) != 0) {
        out += fmt::format(" {}{} {}", m.is_set() && rows.approximate(r, i) ? "~" : "", rows.number(r, i), m.name);
      }
    }
    out += "\n";
  }
  return out;
}

inline std::vector<Row> random_rows(Random& random, int64_t around, int64_t spread, int products) {
  std::vector<Row> rows(random.below(60));
  for (Row& r : rows) {
    r.kind = EventKind(random.below(kBuiltInKinds));
    if (random.below(2)) r.kind = EventKind::view;
    r.product = random.below(20) ? fmt::format("p{}", random.below(uint32_t(products))) : "";
    r.user = fmt::format("u{}", random.below(30));
    r.time = around + int64_t(random.next() % uint64_t(2 * spread)) - spread;
    r.price = 1 + random.below(1'000'0000);
    r.quantity = 1 + int32_t(random.below(3));
    const uint32_t currency = random.below(8);
    r.currency = currency == 0 ? "EUR" : currency == 1 ? "GBP" : currency == 2 ? "USD" : "";
    r.category = random.below(10) ? fmt::format("c{}", random.below(3)) : "";
    r.device = random.below(10) ? fmt::format("d{}", random.below(2)) : "";
    r.order = random.below(2) ? fmt::format("o{}", random.below(9)) : "";
    r.session = random.below(3) ? fmt::format("s{}", random.below(12)) : "";
  }
  return rows;
}

}  // namespace pactolus::gold_test
