#include "simulate/catalogue.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace pactolus {
namespace {

struct Noun {
  std::string_view name;
  std::string_view search_path;
};
struct Category {
  std::string_view name;
  std::string_view path;
  int64_t cheapest_cents, dearest_cents;
  std::array<Noun, 6> nouns;
};
constexpr std::array<Category, 5> kCategories = {{
    {"Electronics",
     "/category/electronics",
     15'00,
     1500'00,
     {{{"Headphones", "/search?q=headphones"},
       {"Phone", "/search?q=phone"},
       {"Laptop Stand", "/search?q=laptop"},
       {"Camera", "/search?q=camera"},
       {"Smart Watch", "/search?q=watch"},
       {"Speaker", "/search?q=speaker"}}}},
    {"Clothing",
     "/category/clothing",
     8'00,
     250'00,
     {{{"Jacket", "/search?q=jacket"},
       {"Shirt", "/search?q=shirt"},
       {"Jeans", "/search?q=jeans"},
       {"Sneakers", "/search?q=sneakers"},
       {"Scarf", "/search?q=scarf"},
       {"Dress", "/search?q=dress"}}}},
    {"Home & Garden",
     "/category/home-garden",
     5'00,
     600'00,
     {{{"Desk Lamp", "/search?q=lamp"},
       {"Armchair", "/search?q=chair"},
       {"Pan", "/search?q=pan"},
       {"Planter", "/search?q=planter"},
       {"Bookshelf", "/search?q=shelf"},
       {"Grill", "/search?q=grill"}}}},
    {"Sports",
     "/category/sports",
     7'00,
     900'00,
     {{{"Running Shoes", "/search?q=shoes"},
       {"Yoga Mat", "/search?q=yoga"},
       {"Bike Helmet", "/search?q=helmet"},
       {"Tent", "/search?q=tent"},
       {"Dumbbells", "/search?q=dumbbells"},
       {"Football", "/search?q=football"}}}},
    {"Books",
     "/category/books",
     4'00,
     80'00,
     {{{"Novel", "/search?q=novel"},
       {"Cookbook", "/search?q=cookbook"},
       {"Atlas", "/search?q=atlas"},
       {"Field Guide", "/search?q=field+guide"},
       {"Biography", "/search?q=biography"},
       {"Comic", "/search?q=comic"}}}},
}};
constexpr std::array<std::string_view, 8> kAdjectives = {"Compact", "Classic", "Pro",     "Light",
                                                         "Urban",   "Alpine",  "Vintage", "Everyday"};
// With what follows in the funnel, 2 to 6 of 100 views end in a purchase.
constexpr double kLowestCartRate = 0.05, kHighestCartRate = 0.14;

}  // namespace

Product make_product(uint64_t seed, uint32_t number) {
  Random random(seed ^ (uint64_t(number) * 0xD1B54A32D192ED03ull));  // neighbours get unrelated streams
  const Category& category = kCategories[random.below(kCategories.size())];
  const Noun& noun = category.nouns[random.below(uint32_t(category.nouns.size()))];
  Product p;
  p.id = fmt::format("prod_{:04d}", number);
  p.name = fmt::format("{} {}", kAdjectives[random.below(kAdjectives.size())], noun.name);
  p.category = category.name;
  p.category_path = category.path;
  p.search_path = noun.search_path;
  // Even in the logarithm: many cheap things and few dear ones; prices end in .99, .49 or .00.
  const double span = std::log(double(category.dearest_cents) / double(category.cheapest_cents));
  const int64_t whole = int64_t(double(category.cheapest_cents) * std::exp(random.unit() * span)) / 100;
  static constexpr std::array<int64_t, 4> kEnds = {99, 99, 49, 0};
  p.cents = whole * 100 + kEnds[random.below(kEnds.size())];
  p.cart_rate = kLowestCartRate + random.unit() * (kHighestCartRate - kLowestCartRate);
  return p;
}

Catalogue::Catalogue(uint64_t seed, uint32_t size, double planted_share) : planted_share_(planted_share) {
  PACTOLUS_CHECK_GE(size, kPlantedProduct);
  products_.reserve(size);
  for (uint32_t n = 1; n <= size; ++n) products_.push_back(make_product(seed, n));

  std::vector<uint32_t> by_rank;
  for (uint32_t n = 1; n <= size; ++n)
    if (n != kPlantedProduct) by_rank.push_back(n);
  Random random(seed);
  for (size_t i = by_rank.size(); i > 1; --i) std::swap(by_rank[i - 1], by_rank[random.below(uint32_t(i))]);

  const size_t n = by_rank.size();
  std::vector<double> weight(n);
  for (size_t i = 0; i < n; ++i) weight[i] = 1 / double(i + 1);
  const double mean = std::accumulate(weight.begin(), weight.end(), 0.0) / double(n);
  columns_.resize(n);
  std::vector<uint32_t> poor, rich;
  for (uint32_t i = 0; i < n; ++i) {
    columns_[i] = {weight[i] /= mean, by_rank[i], by_rank[i]};
    (weight[i] < 1 ? poor : rich).push_back(i);
  }
  while (!poor.empty() && !rich.empty()) {
    const uint32_t p = poor.back(), r = rich.back();
    poor.pop_back();
    columns_[p] = {weight[p], by_rank[p], by_rank[r]};
    weight[r] -= 1 - weight[p];
    if (weight[r] < 1) {
      rich.pop_back();
      poor.push_back(r);
    }
  }
  // What is left over has weight 1 but for rounding, and its own product on both sides of the coin.
}

uint32_t Catalogue::pick(Random& random) const noexcept {
  if (random.unit() < planted_share_ || columns_.empty()) return kPlantedProduct;
  const Column& column = columns_[random.below(uint32_t(columns_.size()))];
  return random.unit() < column.keep ? column.own : column.other;
}

}  // namespace pactolus
