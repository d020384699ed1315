// People on their way through the shop: who is there, and what each of them does next.
//
//            ┌────────────────────────────── more to look at ─────────────────────────┐
//            ▼                                                                        │
//   land ─► view ─┬─► select_item ─┬─► add_to_cart ─┬─► begin_checkout ─► purchase ─┐  │
//     │      │ ▲  └────────────────┘                ├─► remove_from_cart ───────────┼──┘
//     │      ▼ │                                    └─► leaves the cart behind      ▼
//     │    browse                                                                 gone
//     └─► gone at once
//
// land and browse are page_view, search or view_item_list. A purchase is one event for each line of the cart, with one
// order id. The planted product is looked at and put into carts, but taken out again or left behind, except for the
// settable share of its views: such a shopper goes through to the purchase.
//
// A pool of shoppers is active at a time; whoever acts next is drawn from it, so that a shopper acts about every ten
// seconds. The pool has at most kMostShoppers: at rates above some 6,000 events a second people are in a hurry
// rather than more. It starts small, so that a short run sees whole sessions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "event/event_kind.h"
#include "simulate/catalogue.h"

namespace pactolus {

struct ShoppersOptions {
  double rate = 200;
  uint32_t known_users = 2'000;
  double new_user_ratio = 0.35;
  double planted_purchases_per_view = 1.0 / 20'000;
};

// Things that stay the same through a session; indexes into the lists of shoppers.cc.
struct Visit {
  uint64_t user = 0;    // from 1
  int64_t session = 0;  // from 0
  uint8_t device = 0;
  uint8_t referrer = 0;         // 0 is none
  uint8_t campaign = 0;         // 0 is none
  uint8_t currency = 0;         // 0 is the shop's own
  bool names_currency = false;  // says so although it is the shop's own
};

// What happened, before it is written down.
struct Action {
  EventKind type{};
  Visit visit;
  uint32_t product = 0;   // 0 is none
  uint32_t quantity = 0;  // 0 is not said
  int64_t order = -1;     // from 0; -1 is none
  std::string_view page;  // of pages without a product
  bool first_of_session = false;
};

std::string_view device_name(uint8_t device) noexcept;
std::string_view referrer_url(uint8_t referrer) noexcept;   // not of 0
std::string_view campaign_name(uint8_t campaign) noexcept;  // not of 0
// A foreign currency and its price for `cents` of the shop's; not of 0. `shop_currency` decides which: never itself.
std::string_view currency_name(uint8_t currency, std::string_view shop_currency) noexcept;
int64_t foreign_cents(uint8_t currency, int64_t cents) noexcept;

class Shoppers {
 public:
  static constexpr size_t kMostShoppers = 65'536;

  Shoppers(const ShoppersOptions& options, const Catalogue& catalogue);
  // The next action of whoever acts next. Allocates nothing once the pool has its size.
  Action act(Random& random);
  int64_t sessions() const noexcept { return sessions_; }
  int64_t orders() const noexcept { return orders_; }

 private:
  enum class Step : uint8_t { land, browse, view, select, add, remove, checkout, buy, gone };
  struct Line {
    uint32_t product;
    uint8_t quantity;
    bool kept;  // planted product: will be bought
  };
  static constexpr uint8_t kMostLines = 3;
  struct Shopper {
    Visit visit;
    Step next = Step::gone;
    uint8_t views_left = 0;
    uint8_t lines = 0, bought = 0;
    bool will_buy = false;
    uint32_t product = 0;  // in hand
    bool keep = false;     // the product in hand is the planted one and will be bought
    int64_t order = -1;
    Line cart[kMostLines];
  };

  Shopper& whose_turn(Random& random);
  void arrive(Shopper& s, Random& random);
  Step after_view(Shopper& s, Random& random);
  Step after_add(Shopper& s, Random& random);
  Step with_cart(Shopper& s, Random& random);
  static std::string_view browse_page(Random& random, const Product& product, EventKind& type);
  bool in_cart(const Shopper& s, uint32_t product) const;

  ShoppersOptions options_;
  const Catalogue& catalogue_;
  std::vector<Shopper> pool_;
  size_t full_pool_;
  size_t buying_;  // who is in the middle of an order; kNobody
  int64_t actions_ = 0;
  uint64_t users_;  // numbers given out
  int64_t sessions_ = 0, orders_ = 0;
  static constexpr size_t kNobody = SIZE_MAX;
};

}  // namespace pactolus
