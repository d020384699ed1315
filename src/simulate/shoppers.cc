#include "simulate/shoppers.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pactolus {
namespace {

constexpr std::array<std::string_view, 3> kDevices = {"mobile", "desktop", "tablet"};
constexpr std::array<std::string_view, 7> kReferrers = {"",
                                                        "https://www.google.com/",
                                                        "https://www.bing.com/",
                                                        "https://www.instagram.com/",
                                                        "https://www.youtube.com/",
                                                        "https://news.example.org/gift-guide?page=2",
                                                        "https://newsletter.example.com/"};
constexpr std::array<std::string_view, 4> kCampaigns = {"", "spring_sale", "newsletter_12", "Größer & günstiger"};
// Which names the three foreign currencies have, and what a hundred of the shop's cost. Rates are made up and fixed.
constexpr std::array<std::string_view, 4> kCurrencies = {"EUR", "GBP", "CHF", "USD"};
constexpr std::array<int64_t, 4> kPercent = {100, 92, 79, 88};

constexpr double kSecondsBetweenActions = 10;
constexpr size_t kFewestShoppers = 8;
constexpr int64_t kActionsPerNewcomer = 8;  // how fast the pool grows at the start

constexpr double kBounce = 0.15;         // leave after the first page
constexpr double kMoreViews = 0.78;      // each further product: about four a session
constexpr double kBrowseBetween = 0.25;  // back to a list before the next product
constexpr double kSelectFirst = 0.3;
constexpr double kPlantedCartRate = 0.02;
constexpr double kRegret = 0.1;        // take out again at once
constexpr double kKeepLooking = 0.35;  // with something in the cart
constexpr double kCheckout = 0.62;
constexpr double kPay = 0.75;

bool chance(Random& random, double p) { return random.unit() < p; }

}  // namespace

std::string_view device_name(uint8_t device) noexcept { return kDevices[device]; }
std::string_view referrer_url(uint8_t referrer) noexcept { return kReferrers[referrer]; }
std::string_view campaign_name(uint8_t campaign) noexcept { return kCampaigns[campaign]; }
std::string_view currency_name(uint8_t currency, std::string_view shop_currency) noexcept {
  size_t i = size_t(currency) - 1;
  for (size_t j = 0; j <= i && j < kCurrencies.size(); ++j)
    if (kCurrencies[j] == shop_currency) ++i;
  return kCurrencies[i];
}
int64_t foreign_cents(uint8_t currency, int64_t cents) noexcept {
  return std::max<int64_t>(1, (cents * kPercent[currency] + 50) / 100);
}

Shoppers::Shoppers(const ShoppersOptions& options, const Catalogue& catalogue)
    : options_(options), catalogue_(catalogue), buying_(kNobody), users_(options.known_users) {
  const double shoppers = options.rate * kSecondsBetweenActions;
  full_pool_ = size_t(std::clamp(shoppers, double(kFewestShoppers), double(kMostShoppers)));
  pool_.reserve(full_pool_);
  pool_.resize(kFewestShoppers);
}

Shoppers::Shopper& Shoppers::whose_turn(Random& random) {
  if (buying_ != kNobody) return pool_[buying_];  // the lines of an order come together
  if (pool_.size() < full_pool_ && actions_ % kActionsPerNewcomer == 0) pool_.emplace_back();
  const size_t i = random.below(uint32_t(pool_.size()));
  Shopper& s = pool_[i];
  if (s.next == Step::gone) arrive(s, random);
  if (s.next == Step::buy) buying_ = i;
  return s;
}

void Shoppers::arrive(Shopper& s, Random& random) {
  s = {};
  if (users_ == 0 || chance(random, options_.new_user_ratio)) {
    s.visit.user = ++users_;
  } else {
    // Who came lately comes back sooner: the square root leans towards the newest.
    const double u = random.unit();
    s.visit.user = 1 + uint64_t(std::max(u, random.unit()) * double(users_));
  }
  s.visit.session = sessions_++;
  const uint32_t device = random.below(100);
  s.visit.device = device < 58 ? 0 : device < 92 ? 1 : 2;
  s.visit.referrer = chance(random, 0.6) ? uint8_t(1 + random.below(kReferrers.size() - 1)) : 0;
  s.visit.campaign = chance(random, 0.15) ? uint8_t(1 + random.below(kCampaigns.size() - 1)) : 0;
  s.visit.currency = chance(random, 0.06) ? uint8_t(1 + random.below(3)) : 0;
  s.visit.names_currency = chance(random, 0.1);
  s.views_left = 1;
  while (s.views_left < 40 && chance(random, kMoreViews)) ++s.views_left;
  s.product = catalogue_.pick(random);
  s.next = Step::land;
}

bool Shoppers::in_cart(const Shopper& s, uint32_t product) const {
  return std::any_of(s.cart, s.cart + s.lines, [&](const Line& line) { return line.product == product; });
}

std::string_view Shoppers::browse_page(Random& random, const Product& product, EventKind& type) {
  if (chance(random, 0.4)) {
    type = EventKind::search;
    return product.search_path;
  }
  type = EventKind::view_item_list;
  return product.category_path;
}

Action Shoppers::act(Random& random) {
  Shopper& s = whose_turn(random);
  ++actions_;
  Action a;
  a.visit = s.visit;
  switch (s.next) {
    case Step::land:
      a.first_of_session = true;
      if (chance(random, 0.5)) {
        a.type = EventKind::page_view;
        a.page = "/";
      } else {
        a.page = browse_page(random, catalogue_.product(s.product), a.type);
      }
      s.next = chance(random, kBounce) ? Step::gone : Step::view;
      break;
    case Step::browse:
      s.product = catalogue_.pick(random);
      a.page = browse_page(random, catalogue_.product(s.product), a.type);
      s.next = Step::view;
      break;
    case Step::view:
      a.type = EventKind::view;
      a.product = s.product;
      --s.views_left;
      s.next = after_view(s, random);
      break;
    case Step::select:
      a.type = EventKind::select_item;
      a.product = s.product;
      s.next = Step::add;
      break;
    case Step::add: {
      const uint8_t quantity = uint8_t(chance(random, 0.85) ? 1 : 2 + random.below(3));
      s.cart[s.lines++] = {s.product, quantity, s.keep};
      a.type = EventKind::add_to_cart;
      a.product = s.product;
      a.quantity = quantity > 1 ? quantity : 0;
      s.next = after_add(s, random);
      break;
    }
    case Step::remove: {
      const Line line = s.cart[--s.lines];
      a.type = EventKind::remove_from_cart;
      a.product = line.product;
      a.quantity = line.quantity > 1 ? line.quantity : 0;
      s.next = s.lines > 0 ? with_cart(s, random) : s.views_left > 0 ? Step::browse : Step::gone;
      break;
    }
    case Step::checkout:
      a.type = EventKind::begin_checkout;
      a.page = "/checkout";
      s.next = s.will_buy || chance(random, kPay) ? Step::buy : Step::gone;
      break;
    case Step::buy: {
      if (s.bought == 0) s.order = orders_++;
      const Line& line = s.cart[s.bought++];
      a.type = EventKind::purchase;
      a.product = line.product;
      a.quantity = line.quantity;
      a.order = s.order;
      if (s.bought == s.lines) {
        s.next = Step::gone;
        buying_ = kNobody;
      }
      break;
    }
    case Step::gone: std::unreachable();
  }
  return a;
}

Shoppers::Step Shoppers::after_view(Shopper& s, Random& random) {
  const bool planted = s.product == kPlantedProduct;
  const bool fits = s.lines < kMostLines && !in_cart(s, s.product);
  bool takes;
  s.keep = false;
  if (planted) {
    const double u = random.unit();
    s.keep = fits && u < options_.planted_purchases_per_view;
    takes = u < options_.planted_purchases_per_view + kPlantedCartRate;
    s.will_buy |= s.keep;
  } else {
    takes = chance(random, catalogue_.product(s.product).cart_rate);
  }
  if (takes && fits) return chance(random, kSelectFirst) ? Step::select : Step::add;
  if (s.views_left == 0) return s.lines > 0 ? with_cart(s, random) : Step::gone;
  if (chance(random, kBrowseBetween)) return Step::browse;
  s.product = catalogue_.pick(random);
  return Step::view;
}

Shoppers::Step Shoppers::after_add(Shopper& s, Random& random) {
  if (!s.keep && chance(random, kRegret)) return Step::remove;
  if (s.views_left > 0 && chance(random, kKeepLooking)) {
    s.product = catalogue_.pick(random);
    return Step::view;
  }
  return with_cart(s, random);
}

// To the checkout or away; a planted product that is not to be bought leaves the cart first.
Shoppers::Step Shoppers::with_cart(Shopper& s, Random& random) {
  for (uint8_t i = 0; i < s.lines; ++i)
    if (s.cart[i].product == kPlantedProduct && !s.cart[i].kept) {
      if (s.lines == 1 && chance(random, 0.5)) return Step::gone;
      std::swap(s.cart[i], s.cart[s.lines - 1]);
      return Step::remove;
    }
  return s.will_buy || chance(random, kCheckout) ? Step::checkout : Step::gone;
}

}  // namespace pactolus
