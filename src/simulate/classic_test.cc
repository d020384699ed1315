#include "simulate/classic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time_text.h"

namespace {
int64_t allocations = 0;  // of this program; the tests have one thread
}
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  std::abort();
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace pactolus {
namespace {

const int64_t kStart = *parse_iso_time("2025-11-29T10:15:30.123456Z");

ClassicOptions options(int64_t count) {
  return {.seed = 7, .schedule = {.start_us = kStart, .rate = 1000, .count = count}, .first_id = 1};
}

std::string all_bytes(const ClassicOptions& o) {
  auto source = make_classic(o);
  GeneratedEvent e;
  std::string out;
  while (source->next(e)) out.append(e.key).append(" ").append(e.value).append("\n");
  return out;
}

bool is_number_after(std::string_view text, std::string_view prefix, size_t digits) {
  return text.starts_with(prefix) && text.size() == prefix.size() + digits &&
         std::all_of(text.begin() + ptrdiff_t(prefix.size()), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

TEST(Classic, HasTheFieldsOfTheContractInTheirOrder) {
  const auto example = Json::parse(
      R"({"event_id":"evt_00000001","user_id":"user_0042","product_id":"prod_0042","event_type":"view",)"
      R"("timestamp":"2025-11-29T10:15:30.123456Z","session_id":"session_1234","product_category":"Electronics",)"
      R"("device_type":"mobile","page_url":"/product/prod_0042","price":299.99})");
  auto source = make_classic(options(1000));
  GeneratedEvent e;
  while (source->next(e)) {
    const auto json = Json::parse(e.value);
    ASSERT_TRUE(json) << e.value;
    ASSERT_EQ(json->size(), example->size());
    for (size_t i = 0; i < json->size(); ++i) {
      const auto& [name, value] = json->as_object()[i];
      ASSERT_EQ(name, example->as_object()[i].first);
      ASSERT_EQ(value.is_string(), example->as_object()[i].second.is_string()) << name;
    }
  }
}

TEST(Classic, WritesEveryFieldInTheContractsForm) {
  const std::set<std::string_view> categories = {"Electronics", "Clothing", "Home & Garden", "Sports", "Books"};
  const std::set<std::string_view> devices = {"mobile", "desktop", "tablet"};
  const std::set<std::string_view> types = {"view", "add_to_cart", "purchase"};
  auto source = make_classic(options(5000));
  GeneratedEvent e;
  for (int64_t i = 0; source->next(e); ++i) {
    const Json json = *Json::parse(e.value);
    const auto text = [&](std::string_view field) { return json[field].as_string(); };
    ASSERT_EQ(text("event_id"), "evt_" + std::string(8 - std::to_string(i + 1).size(), '0') + std::to_string(i + 1));
    ASSERT_TRUE(is_number_after(text("user_id"), "user_", 4)) << e.value;
    ASSERT_TRUE(is_number_after(text("product_id"), "prod_", 4)) << e.value;
    ASSERT_TRUE(is_number_after(text("session_id"), "session_", 4)) << e.value;
    ASSERT_TRUE(types.contains(text("event_type"))) << e.value;
    ASSERT_TRUE(categories.contains(text("product_category"))) << e.value;
    ASSERT_TRUE(devices.contains(text("device_type"))) << e.value;
    ASSERT_EQ(text("page_url"), "/product/" + std::string(text("product_id")));
    ASSERT_EQ(text("timestamp"), iso_time(e.event_time_us));
    ASSERT_EQ(parse_iso_time(text("timestamp")), kStart + i * 1000);
    ASSERT_EQ(e.key, text("user_id"));
    const double price = json["price"].as_double();
    ASSERT_GE(price, 10);
    ASSERT_LE(price, 1000);
    ASSERT_EQ(e.value[e.value.size() - 4], '.') << "two decimals: " << e.value;
  }
}

TEST(Classic, FirstIdNumbersTheEvents) {
  auto o = options(2);
  o.first_id = kStart;
  auto source = make_classic(o);
  GeneratedEvent e;
  source->next(e), source->next(e);
  EXPECT_EQ((*Json::parse(e.value))["event_id"].as_string(), "evt_" + std::to_string(kStart + 1));
}

TEST(Classic, ARunCountsBehindItsOwnDigits) {
  auto o = options(1);
  o.run = std::to_string(kStart);
  auto source = make_classic(o);
  GeneratedEvent e;
  source->next(e);
  EXPECT_EQ((*Json::parse(e.value))["event_id"].as_string(), "evt_" + o.run + "00000001");
}

TEST(Classic, UuidIdsAreVersionFourAndDiffer) {
  auto o = options(10'000);
  o.uuid_ids = true;
  auto source = make_classic(o);
  GeneratedEvent e;
  std::set<std::string> ids;
  while (source->next(e)) {
    const Json json = *Json::parse(e.value);
    const std::string id(json["event_id"].as_string());
    ASSERT_EQ(id.size(), 36u);
    ASSERT_EQ(id[14], '4');
    ASSERT_TRUE(std::string("89ab").find(id[19]) != std::string::npos) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 10'000u);
}

// Bound: five standard deviations of the binomial, which a right generator crosses once in 1.7 million checks; and the
// seed is fixed, so the test does not flicker.
void expect_share(int64_t hits, int64_t of, double p, const char* what) {
  const double sigma = std::sqrt(double(of) * p * (1 - p));
  EXPECT_NEAR(double(hits), double(of) * p, 5 * sigma) << what;
}

TEST(Classic, HasTheWeightsOfTheOriginal) {
  constexpr int64_t kCount = 200'000;
  std::map<std::string, int64_t> planted, others, products, categories, devices, users;
  auto source = make_classic(options(kCount));
  GeneratedEvent e;
  while (source->next(e)) {
    const Json json = *Json::parse(e.value);
    const auto text = [&](std::string_view field) { return std::string(json[field].as_string()); };
    ++(text("product_id") == "prod_0042" ? planted : others)[text("event_type")];
    ++products[text("product_id")];
    ++categories[text("product_category")];
    ++devices[text("device_type")];
    ++users[text("user_id")];
  }
  const int64_t p = products["prod_0042"], o = kCount - p;
  expect_share(p, kCount, 0.20, "traffic of prod_0042");
  expect_share(planted["view"], p, 0.95, "planted views");
  expect_share(planted["add_to_cart"], p, 0.04, "planted carts");
  expect_share(planted["purchase"], p, 0.01, "planted purchases");
  expect_share(others["view"], o, 0.70, "views");
  expect_share(others["add_to_cart"], o, 0.20, "carts");
  expect_share(others["purchase"], o, 0.10, "purchases");
  EXPECT_EQ(products.size(), 100u);
  EXPECT_EQ(users.size(), 500u);
  for (const auto& [name, n] : categories) expect_share(n, kCount, 1.0 / 5, name.c_str());
  for (const auto& [name, n] : devices) expect_share(n, kCount, 1.0 / 3, name.c_str());
  for (const auto& [name, n] : users) expect_share(n, kCount, 1.0 / 500, name.c_str());
}

TEST(Classic, SameArgumentsGiveTheSameBytes) {
  const std::string once = all_bytes(options(5000));
  EXPECT_EQ(once, all_bytes(options(5000)));
  auto other = options(5000);
  other.seed = 8;
  EXPECT_NE(once, all_bytes(other));
}

TEST(Classic, TruthIsWhatALaterCountFinds) {
  auto source = make_classic(options(20'000));
  GeneratedEvent e;
  std::map<std::string, int64_t> types;
  std::set<std::string> users, products;
  int64_t cents = 0, last = 0;
  while (source->next(e)) {
    const Json json = *Json::parse(e.value);
    ++types[std::string(json["event_type"].as_string())];
    users.emplace(json["user_id"].as_string());
    products.emplace(json["product_id"].as_string());
    if (json["event_type"].as_string() == "purchase") cents += std::llround(json["price"].as_double() * 100);
    last = e.event_time_us;
  }
  const Truth& truth = source->truth();
  EXPECT_EQ(truth.records, 20'000);
  EXPECT_EQ(truth.events, 20'000);
  for (const auto type : {EventKind::view, EventKind::add_to_cart, EventKind::purchase})
    EXPECT_EQ(truth.count(type), types[std::string(name_of(type))]);
  EXPECT_EQ(truth.users.count(), int64_t(users.size()));
  EXPECT_EQ(truth.products.count(), int64_t(products.size()));
  EXPECT_TRUE(truth.takings.at("").revenue == WideMoney(cents) * 100);
  EXPECT_EQ(truth.first_event_time_us, kStart);
  EXPECT_EQ(truth.last_event_time_us, last);
}

TEST(Classic, AllocatesNothingPerEvent) {
  auto source = make_classic(options(10'000));
  GeneratedEvent e;
  source->next(e);
  const int64_t before = allocations;
  while (source->next(e)) {
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(source->truth().records, 10'000);
}

}  // namespace
}  // namespace pactolus
