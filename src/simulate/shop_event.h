// The event types by name, in the contract's order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pactolus {

enum class ShopEvent : uint8_t {
  view,
  add_to_cart,
  remove_from_cart,
  begin_checkout,
  purchase,
  refund,
  view_item_list,
  select_item,
  search,
  page_view,
};
inline constexpr size_t kShopEvents = 10;
inline constexpr std::array<std::string_view, kShopEvents> kShopEventNames = {
    "view",   "add_to_cart",    "remove_from_cart", "begin_checkout", "purchase",
    "refund", "view_item_list", "select_item",      "search",         "page_view"};
constexpr std::string_view name_of(ShopEvent e) noexcept { return kShopEventNames[size_t(e)]; }

}  // namespace pactolus
