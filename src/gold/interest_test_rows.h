// Rows of events for the tests of product_interest, and its rows as text.
#pragma once

#include <fmt/format.h>

#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gold/product_interest.h"

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
};

inline EventBatch batch_of(std::span<const Row> rows) {
  EventBatch b;
  for (const Row& r : rows) {
    b.fingerprint.push_back(b.fingerprint.size());
    b.event_type.push_back(uint8_t(r.kind));
    b.product_id.codes.push_back(r.product.empty() ? -1 : b.products.code(r.product));
    b.user_id.codes.push_back(b.users.code(r.user));
    b.currency.codes.push_back(r.currency.empty() ? -1 : b.currencies.code(r.currency));
    b.event_time.push_back(r.time);
    b.price.push_back(r.price);
    b.quantity.push_back(r.quantity);
  }
  return b;
}

inline void feed(ProductInterest& view, std::span<const Row> rows) {
  const EventBatch b = batch_of(rows);
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0u);
  view.apply(b, all, view.watermark());
}

inline ProductInterest view_of(WindowShape shape) {
  ProductInterest::Options options;
  options.shape = shape;
  return ProductInterest(options);
}

inline std::string saved(const ProductInterest& view) {
  std::string out;
  view.save(out);
  return out;
}

// "p [0,10) 2v 1c 1p 10.0000-0.0000 1u EUR=5.0000"
inline std::string text(const InterestRow& r) {
  std::string out = fmt::format("{} [{},{}) {}v {}c {}p {}-{} {}{}u", r.product_id, r.window_start / kMinute,
                                r.window_end / kMinute, r.views, r.carts, r.purchases, money_text(r.revenue),
                                money_text(r.refunds), r.viewers_approx ? "about " : "", r.viewers);
  for (const auto& [currency, amount] : r.revenue_other) out += " " + currency + "=" + money_text(amount);
  return out;
}
inline std::string text(const std::vector<InterestRow>& rows) {
  std::string out;
  for (const auto& r : rows) out += text(r) + "\n";
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
  }
  return rows;
}

}  // namespace pactolus::gold_test
