#include "simulate/shop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time_text.h"
#include "simulate/catalogue.h"

namespace pactolus {
namespace {

const int64_t kStart = *parse_iso_time("2025-11-29T10:15:30Z");

ShopOptions options(int64_t count) {
  return {.seed = 7, .schedule = {.start_us = kStart, .rate = 200, .count = count}, .first_id = 1};
}

ShopOptions troubled(int64_t count) {
  ShopOptions o = options(count);
  o.late_ratio = 0.05;
  o.dup_ratio = 0.04;
  o.bad_ratio = 0.03;
  return o;
}

struct Sent {
  std::string key, value;
  int64_t event_time_us, send_time_us;
  Fate fate;
  Json json;  // null for the broken
};

std::vector<Sent> collect(EventSource& source) {
  std::vector<Sent> out;
  GeneratedEvent e;
  while (source.next(e)) {
    out.push_back({std::string(e.key), std::string(e.value), e.event_time_us, e.send_time_us, e.fate, {}});
    if (!e.fate.reject.empty()) continue;
    auto json = Json::parse(e.value);
    EXPECT_TRUE(json) << e.value;
    if (json) out.back().json = std::move(*json);
  }
  return out;
}

void expect_share(int64_t hits, int64_t of, double p, const char* what) {
  const double sigma = std::sqrt(double(of) * p * (1 - p));  // five of them: see classic_test.cc
  EXPECT_NEAR(double(hits), double(of) * p, 5 * sigma) << what;
}

TEST(Shop, SameArgumentsGiveTheSameBytes) {
  const auto bytes = [](ShopOptions o) {
    auto source = make_shop(o);
    std::string out;
    for (const Sent& s : collect(*source)) out += s.key + " " + s.value + "\n";
    return out;
  };
  const std::string once = bytes(troubled(5000));
  EXPECT_EQ(once, bytes(troubled(5000)));
  auto other = troubled(5000);
  other.seed = 8;
  EXPECT_NE(once, bytes(other));
}

TEST(Shop, SendTimesFollowTheScheduleAndEventTimesAreInTheText) {
  auto source = make_shop(troubled(5000));
  const auto sent = collect(*source);
  ASSERT_EQ(sent.size(), 5000u);
  for (size_t i = 0; i < sent.size(); ++i) {
    ASSERT_EQ(sent[i].send_time_us, kStart + int64_t(i) * 5000);
    if (sent[i].json.is_null()) continue;
    ASSERT_EQ(parse_iso_time(sent[i].json["timestamp"].as_string()), sent[i].event_time_us);
    ASSERT_EQ(sent[i].json["user_id"].as_string(), sent[i].key);
    if (!sent[i].fate.late && !sent[i].fate.duplicate) {
      ASSERT_EQ(sent[i].event_time_us, sent[i].send_time_us);
    }
  }
}

TEST(Shop, RunsShareNeitherEventsNorSessionsNorOrders) {
  std::set<std::string> ids[2];
  for (int run = 0; run < 2; ++run) {
    ShopOptions options = troubled(20'000);
    options.run = std::to_string(kStart + run);
    auto source = make_shop(options);
    for (const Sent& s : collect(*source))
      for (const char* field : {"event_id", "session_id", "order_id"})
        if (s.fate.reject.empty() && s.json.find(field)) ids[run].insert(std::string(s.json[field].as_string()));
  }
  EXPECT_TRUE(ids[0].contains("evt_" + std::to_string(kStart) + "00000001"));
  for (const std::string& id : ids[0]) ASSERT_FALSE(ids[1].contains(id)) << id;
}

TEST(Shop, TruthIsWhatALaterCountFinds) {
  auto source = make_shop(troubled(100'000));
  const auto sent = collect(*source);
  std::map<std::string, int64_t> types, reasons;
  std::map<std::string, std::pair<int64_t, int64_t>> cents;
  std::set<std::string> ids, users, products, sessions, orders;
  int64_t duplicates = 0, late = 0, bad = 0, first = INT64_MAX, last = INT64_MIN;
  for (const Sent& s : sent) {
    if (!s.fate.reject.empty()) {
      ++bad, ++reasons[std::string(s.fate.reject)];
      continue;
    }
    const auto text = [&](std::string_view field) { return std::string(s.json[field].as_string()); };
    if (!ids.insert(text("event_id")).second) {
      ++duplicates;
      continue;
    }
    late += s.fate.late;
    ++types[text("event_type")];
    users.insert(text("user_id"));
    sessions.insert(text("session_id"));
    if (s.json.find("product_id")) products.insert(text("product_id"));
    if (s.json.find("order_id")) orders.insert(text("order_id"));
    first = std::min(first, s.event_time_us), last = std::max(last, s.event_time_us);
    const int64_t worth = std::llround(s.json["price"].as_double() * 100) * s.json["quantity"].as_int(1);
    const std::string currency = text("currency") == "USD" ? "" : text("currency");
    if (text("event_type") == "purchase") cents[currency].first += worth;
    if (text("event_type") == "refund") cents[currency].second += worth;
  }
  const Truth& truth = source->truth();
  EXPECT_EQ(truth.records, 100'000);
  EXPECT_EQ(truth.events, int64_t(ids.size()));
  EXPECT_EQ(truth.duplicates, duplicates);
  EXPECT_EQ(truth.late, late);
  EXPECT_EQ(truth.bad, bad);
  EXPECT_EQ(truth.records, truth.events + truth.duplicates + truth.bad);
  for (size_t i = 0; i < kKindNames.size(); ++i) {
    EXPECT_EQ(truth.by_type[i], types[std::string(kKindNames[i])]) << kKindNames[i];
    EXPECT_GT(truth.by_type[i], 0) << kKindNames[i];
  }
  EXPECT_EQ((std::map<std::string, int64_t>(truth.bad_by_reason.begin(), truth.bad_by_reason.end())), reasons);
  ASSERT_EQ(truth.takings.size(), cents.size());
  EXPECT_GT(cents.size(), 1u) << "some pay in another currency";
  for (const auto& [currency, t] : truth.takings) {
    EXPECT_TRUE(t.revenue == WideMoney(cents[currency].first) * 100) << currency;
    EXPECT_TRUE(t.refunds == WideMoney(cents[currency].second) * 100) << currency;
  }
  EXPECT_EQ(truth.users.count(), int64_t(users.size()));
  EXPECT_EQ(truth.products.count(), int64_t(products.size()));
  EXPECT_EQ(truth.sessions, int64_t(sessions.size()));
  EXPECT_EQ(truth.orders, int64_t(orders.size()));
  EXPECT_EQ(truth.first_event_time_us, first);
  EXPECT_EQ(truth.last_event_time_us, last);
}

TEST(Shop, TroubleComesInTheRatiosAskedFor) {
  auto source = make_shop(troubled(100'000));
  std::map<std::string, std::string> first_sent;
  for (const Sent& s : collect(*source)) {
    if (!s.fate.reject.empty()) continue;
    const std::string id(s.json["event_id"].as_string());
    if (s.fate.duplicate) {
      ASSERT_EQ(first_sent.at(id), s.value) << "a duplicate is an exact copy";
    } else {
      first_sent[id] = s.value;
      if (s.fate.late) {
        ASSERT_GE(s.send_time_us - s.event_time_us, kMicrosPerSecond);
        ASSERT_LE(s.send_time_us - s.event_time_us, 10 * kMicrosPerMinute);
      }
    }
  }
  const Truth& truth = source->truth();
  expect_share(truth.bad, truth.records, 0.03, "bad");
  expect_share(truth.late, truth.events, 0.05, "late");
  // Up to 6,000 slots later, so that a few of the last copies are not sent any more: half of 6,000 × 4 %.
  EXPECT_NEAR(double(truth.duplicates), 0.04 * double(truth.events), 400);
}

TEST(Shop, WithoutTroubleThereIsNone) {
  auto source = make_shop(options(20'000));
  for (const Sent& s : collect(*source)) ASSERT_TRUE(!s.fate.late && !s.fate.duplicate && s.fate.reject.empty());
  EXPECT_EQ(source->truth().events, 20'000);
}

TEST(Shop, ProductsKeepPriceCategoryAndName) {
  auto source = make_shop(options(50'000));
  std::map<std::string, std::string> category, name, price;
  for (const Sent& s : collect(*source)) {
    const Json* product = s.json.find("product_id");
    if (!product) continue;
    const std::string id(product->as_string());
    const auto same = [&](std::map<std::string, std::string>& seen, const std::string& key, std::string value) {
      const auto [at, fresh] = seen.emplace(key, value);
      return fresh || at->second == value;
    };
    ASSERT_GT(s.json["price"].as_double(), 0) << s.value;
    ASSERT_TRUE(same(category, id, s.json["product_category"].dump())) << s.value;
    if (s.json.find("product_name")) {
      ASSERT_TRUE(same(name, id, s.json["product_name"].dump())) << s.value;
    }
    std::string currency(s.json["currency"].as_string("USD"));
    ASSERT_TRUE(same(price, id + currency, s.json["price"].dump())) << s.value;
  }
  EXPECT_GT(category.size(), 300u);
  EXPECT_EQ(make_product(7, 11).name, make_product(7, 11).name);
  EXPECT_NE(make_product(7, 11).cents, make_product(8, 11).cents);
}

TEST(Shop, NobodyBuysBeforeTheFunnelLeadsThere) {
  struct Session {
    std::string user;
    std::set<std::string> viewed;
    std::map<std::string, int> cart;
    std::map<std::string, std::set<std::string>> bought;  // by order
    bool checked_out = false;
    int events = 0;
  };
  std::map<std::string, Session> sessions;
  auto source = make_shop(options(200'000));
  int purchases = 0, refunds = 0, several_lines = 0;
  for (const Sent& e : collect(*source)) {
    const auto text = [&](std::string_view field) { return std::string(e.json[field].as_string()); };
    Session& s = sessions[text("session_id")];
    const std::string type = text("event_type"), product = text("product_id");
    if (++s.events == 1) {
      ASSERT_TRUE(type == "page_view" || type == "search" || type == "view_item_list") << e.value;
      s.user = e.key;
    }
    ASSERT_EQ(s.user, e.key);
    if (type == "view") s.viewed.insert(product);
    if (type == "add_to_cart" || type == "select_item") {
      ASSERT_TRUE(s.viewed.contains(product)) << e.value;
    }
    if (type == "add_to_cart") {
      ASSERT_EQ(++s.cart[product], 1) << e.value;
    }
    if (type == "remove_from_cart") {
      ASSERT_EQ(--s.cart[product], 0) << e.value;
    }
    if (type == "begin_checkout") s.checked_out = true;
    if (type == "purchase") {
      ASSERT_TRUE(s.checked_out) << e.value;
      ASSERT_EQ(s.cart[product], 1) << e.value;
      ASSERT_GT(e.json["quantity"].as_int(), 0) << e.value;
      ASSERT_FALSE(text("order_id").empty()) << e.value;
      ASSERT_TRUE(s.bought[text("order_id")].insert(product).second) << e.value;
      ASSERT_EQ(s.bought.size(), 1u) << "one order a session: " << e.value;
      several_lines += s.bought.begin()->second.size() == 2;
      ++purchases;
    }
    if (type == "refund") {
      ASSERT_TRUE(s.bought[text("order_id")].contains(product)) << e.value;
      ++refunds;
    }
  }
  EXPECT_GT(purchases, 1000);
  EXPECT_GT(several_lines, 50);
  EXPECT_GT(refunds, 0);
  EXPECT_LT(refunds, purchases / 20);
}

TEST(Shop, SomeUsersComeBackAndSomeAreNew) {
  auto o = options(100'000);
  o.known_users = 1000;
  auto source = make_shop(o);
  std::map<std::string, std::set<std::string>> sessions;
  for (const Sent& s : collect(*source)) sessions[s.key].insert(std::string(s.json["session_id"].as_string()));
  int64_t back = 0, fresh = 0;
  for (const auto& [user, of_user] : sessions) {
    back += of_user.size() > 1;
    fresh += user > "user_001000";
  }
  EXPECT_GT(back, 1000);
  expect_share(fresh, source->truth().sessions, 0.35, "sessions of new users");
}

TEST(Shop, PopularProductsAreFewAndThePlantedOneHasItsShare) {
  auto source = make_shop(options(100'000));
  std::map<std::string, int64_t> views;
  int64_t all = 0;
  for (const Sent& s : collect(*source))
    if (s.json["event_type"].as_string() == "view") ++views[std::string(s.json["product_id"].as_string())], ++all;
  expect_share(views["prod_0042"], all, 0.15, "planted views");
  std::vector<int64_t> counts;
  for (const auto& [id, n] : views)
    if (id != "prod_0042") counts.push_back(n);
  std::sort(counts.rbegin(), counts.rend());
  // Zipf over 499 products: the first has 1/H(499) = 14.7 % of the rest, the tenth a tenth of that.
  const int64_t rest = all - views["prod_0042"];
  expect_share(counts[0], rest, 0.1472, "the most popular product");
  EXPECT_NEAR(double(counts[9]), double(counts[0]) / 10, double(counts[0]) / 40);
}

TEST(Shop, ThePlantedProductIsHardlyEverBought) {
  auto source = make_shop(options(3'000'000));
  GeneratedEvent e;
  while (source->next(e)) {
  }
  const Truth& truth = source->truth();
  const double expected = double(truth.planted_views) / 20'000;
  EXPECT_GT(truth.planted_views, 150'000);
  // Poisson, so five of its standard deviations.
  EXPECT_NEAR(double(truth.planted_purchases), expected, 5 * std::sqrt(expected));
  EXPECT_GT(truth.planted_purchases, 0);
  const double others = double(truth.count(EventKind::purchase) - truth.planted_purchases) /
                        double(truth.count(EventKind::view) - truth.planted_views);
  EXPECT_GT(others, 0.02);
  EXPECT_LT(others, 0.06);
}

TEST(Shop, ThePlantedRateIsTheOneAskedFor) {
  auto o = options(500'000);
  o.planted_purchases_per_view = 0.01;
  auto source = make_shop(o);
  GeneratedEvent e;
  while (source->next(e)) {
  }
  const Truth& truth = source->truth();
  // A little is lost: the cart is full or has it already, or the run ends before the shopper has paid.
  EXPECT_NEAR(double(truth.planted_purchases) / double(truth.planted_views), 0.01, 0.0012);
}

TEST(Shop, ExtraFieldsAreThereSometimes) {
  auto source = make_shop(options(50'000));
  std::map<std::string, int> extras;
  for (const Sent& s : collect(*source))
    for (const char* field : {"campaign", "experiment", "product_name", "referrer", "currency"})
      extras[field] += s.json.find(field) != nullptr;
  for (const auto& [field, n] : extras) {
    EXPECT_GT(n, 50) << field;
    EXPECT_LT(n, 25'000) << field;
  }
}

TEST(Shop, TruthAsJsonHasTheFigures) {
  auto source = make_shop(troubled(20'000));
  collect(*source);
  const Truth& truth = source->truth();
  const auto json = Json::parse(truth.to_json().dump());
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["records"].as_int(), 20'000);
  EXPECT_EQ((*json)["by_type"]["view"].as_int(), truth.count(EventKind::view));
  EXPECT_EQ((*json)["duplicates"].as_int(), truth.duplicates);
  EXPECT_EQ((*json)["bad_by_reason"]["malformed_json"].as_int(), truth.bad_by_reason.at("malformed_json"));
  EXPECT_EQ((*json)["revenue"].as_string(), money_text(truth.takings.at("").revenue));
  EXPECT_EQ((*json)["unique_users"].as_int(), truth.users.count());
  EXPECT_EQ((*json)["last_event_time"].as_string(), iso_time(truth.last_event_time_us));
}

}  // namespace
}  // namespace pactolus
