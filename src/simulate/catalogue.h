// The products of a simulated shop. Everything about a product follows from the seed and its number, so that it has
// the same price, category and name in every run, at every rate, on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace pactolus {

inline constexpr uint32_t kPlantedProduct = 42;  // prod_0042: much looked at, hardly ever bought

struct Product {
  std::string id;    // prod_0042
  std::string name;  // "Compact Desk Lamp"
  std::string_view category;
  std::string_view category_path;  // "/category/home-garden"
  std::string_view search_path;    // "/search?q=lamp"
  int64_t cents = 0;               // in the shop's currency, > 0
  double cart_rate = 0;            // probability that a view puts it into the cart
};

// Product number n, from 1. Pure.
Product make_product(uint64_t seed, uint32_t number);

// Products 1 .. `size` and how often each is looked at. Popularity falls with its rank as Zipf's law has it
// (weight 1/rank); the ranks are dealt by the seed. The planted product stands outside: it has a share of its own.
class Catalogue {
 public:
  Catalogue(uint64_t seed, uint32_t size, double planted_share);
  const Product& product(uint32_t number) const { return products_[number - 1]; }
  uint32_t size() const noexcept { return uint32_t(products_.size()); }
  // Number of the product that somebody looks at next.
  uint32_t pick(Random& random) const noexcept;

 private:
  // Walker's alias method as Vose gives it (IEEE TSE 17(9), 1991): one draw of column and coin for any distribution.
  struct Column {
    double keep;  // probability that the column's own product is meant
    uint32_t own, other;
  };
  std::vector<Product> products_;
  std::vector<Column> columns_;  // empty when only the planted product is there
  double planted_share_;
};

}  // namespace pactolus
