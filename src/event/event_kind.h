// What the shop's event types mean. The built-in ten come first, in this order; a configuration may add more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pactolus {

enum class EventKind : uint8_t {
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
inline constexpr int kBuiltInKinds = 10;
inline constexpr std::array<std::string_view, kBuiltInKinds> kKindNames = {
    "view",   "add_to_cart",    "remove_from_cart", "begin_checkout", "purchase",
    "refund", "view_item_list", "select_item",      "search",         "page_view"};
constexpr std::string_view name_of(EventKind kind) noexcept { return kKindNames[size_t(kind)]; }

constexpr bool needs_product(EventKind k) noexcept {
  return k == EventKind::view || k == EventKind::add_to_cart || k == EventKind::remove_from_cart ||
         k == EventKind::select_item || k == EventKind::purchase || k == EventKind::refund;
}

}  // namespace pactolus
