// Saved state of product_interest, format 1 (numbers as in gold/state_bytes.h):
//
//   text "product_interest/1" · size · slide · text shop currency · signed first window · signed watermark
//   products:   count, then each text, ascending; all are used
//   currencies: count, then each text, ascending; none is the shop's; all are used
//   panes:      count, then each, ascending: signed start ÷ pane width, count of entries, then by product, ascending:
//     product · views · carts · purchases · signed revenue · refunds · viewers
//     count of other amounts, then each: currency, ascending · signed amount
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gold/product_interest.h"
#include "gold/state_bytes.h"

namespace pactolus {
namespace {

constexpr std::string_view kFormat = "product_interest/1";
// What one pane can hold at most, so that no sum over the at most 10,000 panes of a window overflows: a million million
// events; half a million purchases of the largest price times the largest quantity.
constexpr int64_t kCountLimit = int64_t(1) << 40;
constexpr unsigned __int128 kMoneyLimit = static_cast<unsigned __int128>(1) << 110;

// The numbers in use, renumbered by ascending text.
struct Ordered {
  std::vector<int32_t> by_text, rank;
  Ordered(const TextDictionary& all, const std::vector<bool>& used) : rank(size_t(all.size()), -1) {
    for (int32_t n = 0; n < all.size(); ++n)
      if (used[size_t(n)]) by_text.push_back(n);
    std::sort(by_text.begin(), by_text.end(), [&](int32_t a, int32_t b) { return all.value(a) < all.value(b); });
    for (size_t i = 0; i < by_text.size(); ++i) rank[size_t(by_text[i])] = int32_t(i);
  }
  void save(StateWriter& to, const TextDictionary& all) const {
    to.number(by_text.size());
    for (const int32_t n : by_text) to.text(all.value(n));
  }
};

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corrupt, "saved state of product_interest: " + std::move(what));
}

Result<> load_texts(StateReader& in, TextDictionary& out) {
  const size_t n = in.count();
  for (size_t i = 0; i < n && in.ok(); ++i) {
    const std::string_view text = in.text();
    if (i > 0 && text <= out.value(int32_t(i) - 1)) return corrupt("names are not in ascending order");
    out.code(text);
  }
  return {};
}

Result<> load_entry(StateReader& in, ProductMeasures& m) {
  m.views = in.number(kCountLimit);
  m.carts = in.number(kCountLimit);
  m.purchases = in.number(kCountLimit);
  m.revenue = in.wide_signed_number();
  const unsigned __int128 refunds = in.wide_number();
  if (refunds >= kMoneyLimit || m.revenue < 0 || static_cast<unsigned __int128>(m.revenue) >= kMoneyLimit)
    return corrupt("an amount of money is out of range");
  m.refunds = WideMoney(refunds);
  m.viewers = TRY(DistinctSet::load(in));
  if (m.viewers.approximate() ? m.views <= DistinctSet::kExactMax : m.viewers.count() > m.views)
    return corrupt("more viewers than views");
  return {};
}

}  // namespace

void ProductInterest::save(std::string& out) const {
  StateWriter to(out);
  to.text(kFormat);
  to.number(uint64_t(options_.shape.size));
  to.number(uint64_t(options_.shape.slide));
  to.text(options_.shop_currency);
  to.signed_number(options_.first_window);
  to.signed_number(watermark_);

  std::vector<bool> used_products(size_t(products_.size())), used_currencies(size_t(currencies_.size()));
  for (const auto& [start, pane] : panes_)
    for (const ProductMeasures& m : pane.products()) {
      used_products[size_t(m.product)] = true;
      pane.each_other(m, [&](int32_t currency, WideMoney) { used_currencies[size_t(currency)] = true; });
    }
  const Ordered products(products_, used_products), currencies(currencies_, used_currencies);
  products.save(to, products_);
  currencies.save(to, currencies_);

  to.number(panes_.size());
  std::vector<const ProductMeasures*> entries;
  std::vector<std::pair<int32_t, WideMoney>> others;
  for (const auto& [start, pane] : panes_) {
    to.signed_number(start / options_.shape.pane());
    entries.clear();
    for (const ProductMeasures& m : pane.products()) entries.push_back(&m);
    std::sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
      return products.rank[size_t(a->product)] < products.rank[size_t(b->product)];
    });
    to.number(entries.size());
    for (const ProductMeasures* m : entries) {
      to.number(uint32_t(products.rank[size_t(m->product)]));
      to.number(uint64_t(m->views));
      to.number(uint64_t(m->carts));
      to.number(uint64_t(m->purchases));
      to.signed_number(m->revenue);
      to.number(static_cast<unsigned __int128>(m->refunds));
      m->viewers.save(to);
      others.clear();
      pane.each_other(*m, [&](int32_t currency, WideMoney amount) {
        others.emplace_back(currencies.rank[size_t(currency)], amount);
      });
      std::sort(others.begin(), others.end());
      to.number(others.size());
      for (const auto& [currency, amount] : others) {
        to.number(uint32_t(currency));
        to.signed_number(amount);
      }
    }
  }
}

Result<ProductInterest> ProductInterest::load(std::string_view bytes) {
  StateReader in(bytes);
  if (in.text() != kFormat) return fail(ErrorCode::unsupported, "saved state of product_interest is of another format");
  Options options;
  options.shape.size = in.number(INT64_MAX);
  options.shape.slide = in.number(INT64_MAX);
  options.shop_currency = in.text();
  options.first_window = in.signed_number();
  const int64_t watermark = in.signed_number();
  // A watermark may reach as far as the last window end of the last event.
  const auto is_time = [&](int64_t t) {
    return t == kNoTime || (t >= kFirstEventTime - 366 * kMicrosPerDay && t <= kEventTimeEnd + 366 * kMicrosPerDay);
  };
  if (!in.ok() || !options.shape.valid() || !is_time(options.first_window) || !is_time(watermark) ||
      (options.first_window != kNoTime && floor_to(options.first_window, options.shape.slide) != options.first_window))
    return corrupt("the declaration makes no sense");
  const int64_t width = options.shape.pane();
  ProductInterest view(std::move(options));
  view.watermark_ = watermark;
  TRY(load_texts(in, view.products_));
  TRY(load_texts(in, view.currencies_));
  if (view.currencies_.find(view.options_.shop_currency) >= 0)
    return corrupt("the shop's currency is among the others");
  view.products_kept_ = view.products_.size();

  std::vector<bool> used_products(size_t(view.products_.size())), used_currencies(size_t(view.currencies_.size()));
  int64_t before = kNoTime;
  const size_t panes = in.count();
  for (size_t p = 0; p < panes && in.ok(); ++p) {
    const int64_t number = in.signed_number();
    if (number < floor_div(kFirstEventTime, width) || number >= floor_div(kEventTimeEnd - 1, width) + 1)
      return corrupt("a pane lies outside of time");
    const int64_t start = number * width;
    if (start <= before) return corrupt("panes are not in ascending order");
    if (view.options_.shape.last_end(start) <= watermark) return corrupt("a pane is older than the watermark");
    before = start;
    InterestPane& pane = view.panes_[start];
    const size_t entries = in.count();
    if (entries == 0) return corrupt("an empty pane");
    int32_t product_before = -1;
    for (size_t e = 0; e < entries && in.ok(); ++e) {
      const auto product = int32_t(in.number(INT32_MAX));
      if (!in.ok() || product <= product_before || product >= view.products_.size())
        return corrupt("an unknown product");
      used_products[size_t(product)] = true;
      product_before = product;
      ProductMeasures& m = pane.of(product);
      TRY(load_entry(in, m));
      int32_t currency_before = -1;
      const size_t others = in.count();
      for (size_t o = 0; o < others && in.ok(); ++o) {
        const auto currency = int32_t(in.number(INT32_MAX));
        const WideMoney amount = in.wide_signed_number();
        if (!in.ok() || currency <= currency_before || currency >= view.currencies_.size())
          return corrupt("an unknown currency");
        if (amount >= WideMoney(kMoneyLimit) || amount <= -WideMoney(kMoneyLimit))
          return corrupt("an amount of money is out of range");
        used_currencies[size_t(currency)] = true;
        currency_before = currency;
        pane.add_other(m, currency, amount);
      }
    }
  }
  if (!in.ok() || !in.at_end()) return corrupt("it ends early or goes on too long");
  if (std::count(used_products.begin(), used_products.end(), false) > 0 ||
      std::count(used_currencies.begin(), used_currencies.end(), false) > 0)
    return corrupt("a name that nothing uses");
  return view;
}

}  // namespace pactolus
