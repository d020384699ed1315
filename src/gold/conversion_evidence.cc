#include "gold/conversion_evidence.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "gold/state_bytes.h"
#include "gold/window_shape.h"

namespace pactolus {
namespace {

constexpr std::string_view kFormat = "conversion_evidence/1";
// The estimate of a product, which is one over all its categories, begins at half of what the others do, as if that
// many of its events had been seen.
constexpr int64_t kMostEvents = INT64_MAX / 8;
constexpr double kPriorEvents = 20, kPriorShare = 0.5;

double events_of(ViewsAndPurchases n) noexcept { return double(n.views) + double(n.purchases); }
ViewsAndPurchases sum(ViewsAndPurchases a, ViewsAndPurchases b) noexcept {
  return {a.views + b.views, a.purchases + b.purchases};
}
ViewsAndPurchases without(ViewsAndPurchases all, ViewsAndPurchases part) noexcept {
  return {all.views - part.views, all.purchases - part.purchases};
}

}  // namespace

double evidence_of_look(ViewsAndPurchases product, ViewsAndPurchases others, ViewsAndPurchases past_product,
                        ViewsAndPurchases past_others) noexcept {
  const double na = events_of(product), nb = events_of(others);
  if (na == 0 || past_others.purchases == 0 || past_others.views == 0) return 0;  // nothing to bet on
  const double b = double(past_others.purchases) / events_of(past_others);
  const double a =
      (double(past_product.purchases) + kPriorEvents * kPriorShare * b) / (events_of(past_product) + kPriorEvents);
  if (a >= b) return 0;
  const double mixed = (na * a + nb * b) / (na + nb);
  const auto ratio = [mixed](ViewsAndPurchases n, double p) {
    return double(n.purchases) * std::log(p / mixed) + double(n.views) * std::log1p((mixed - p) / (1 - mixed));
  };
  return ratio(product, a) + ratio(others, b);
}

ConversionEvidence::ConversionEvidence(Options options) : options_(options) { PACTOLUS_CHECK(options_.period_us > 0); }

std::vector<ConversionEvidence::Found> ConversionEvidence::look(std::span<const Seen> seen, int64_t batch_time,
                                                                double alpha) {
  const int64_t period = floor_div(batch_time, options_.period_us) * options_.period_us;
  if (period != period_start_) {
    period_start_ = period;
    categories_.clear();
    products_.clear();
  }
  std::map<std::string_view, ViewsAndPurchases> now;  // by category
  for (const Seen& s : seen) now[s.category] = sum(now[s.category], s.events);
  // Everything is judged by what was there before this look, which is added to the product at once and to its
  // categories at the end.
  std::vector<const std::string*> looked_at;
  for (const Seen& s : seen) {
    const auto category = categories_.find(s.category);
    const ViewsAndPurchases past_all = category == categories_.end() ? ViewsAndPurchases() : category->second;
    auto product = products_.find(s.product);
    if (product == products_.end()) product = products_.try_emplace(std::string(s.product)).first;
    Product& p = product->second;
    auto mine = std::ranges::find(p.by_category, s.category, &std::pair<std::string, ViewsAndPurchases>::first);
    if (mine == p.by_category.end()) mine = p.by_category.emplace(mine, s.category, ViewsAndPurchases());
    p.ln_evidence +=
        evidence_of_look(s.events, without(now[s.category], s.events), p.events, without(past_all, mine->second));
    mine->second = sum(mine->second, s.events);
    if (looked_at.empty() || *looked_at.back() != s.product) looked_at.push_back(&product->first);
  }
  for (const auto& [name, events] : now) {
    const auto category = categories_.try_emplace(std::string(name)).first;
    category->second = sum(category->second, events);
  }
  for (const Seen& s : seen) {
    Product& p = products_.find(s.product)->second;
    p.events = sum(p.events, s.events);
  }
  std::vector<Found> out;
  for (const std::string* name : looked_at) {
    const Product& p = products_.find(*name)->second;
    if (p.ln_evidence >= -std::log(alpha))
      out.push_back({*name, p.by_category.front().first, p.ln_evidence, p.events, others_of(p)});
  }
  std::ranges::sort(out, {}, &Found::product);
  return out;
}

ViewsAndPurchases ConversionEvidence::others_of(const Product& product) const {
  ViewsAndPurchases out;
  for (const auto& [category, events] : product.by_category)
    out = sum(out, without(categories_.find(category)->second, events));
  return out;
}

// text "conversion_evidence/1" · period · signed period start ÷ period (0 and no products before the first look) ·
// count, then each product, ascending: text · evidence as a word · count of categories, at least 1, then of each: text
// · views · purchases
void ConversionEvidence::save(std::string& out) const {
  StateWriter to(out);
  to.text(kFormat);
  to.number(uint64_t(options_.period_us));
  to.signed_number(period_start_ == kNoTime ? 0 : period_start_ / options_.period_us);
  to.number(products_.size());
  for (const auto& [name, product] : products_) {
    to.text(name);
    to.word(std::bit_cast<uint64_t>(product.ln_evidence));
    to.number(product.by_category.size());
    for (const auto& [category, events] : product.by_category) {
      to.text(category);
      to.number(uint64_t(events.views));
      to.number(uint64_t(events.purchases));
    }
  }
}

Result<ConversionEvidence> ConversionEvidence::load(Options options, std::string_view bytes) {
  StateReader in(bytes);
  if (in.text() != kFormat) return fail(ErrorCode::unsupported, "saved evidence is of another format");
  if (in.number(INT64_MAX) != options.period_us)
    return fail(ErrorCode::unsupported, "saved evidence is of another period");
  ConversionEvidence out(options);
  const int64_t period = in.signed_number();
  const size_t products = in.count();
  if (!in.ok() || period < kFirstEventTime / options.period_us - 1 || period > kEventTimeEnd / options.period_us)
    return fail(ErrorCode::corrupt, "saved evidence: a period that cannot be");
  if (products > 0) out.period_start_ = period * options.period_us;
  for (size_t i = 0; i < products && in.ok(); ++i) {
    const std::string name(in.text());
    Product product;
    product.ln_evidence = std::bit_cast<double>(in.word());
    const size_t categories = in.count();
    for (size_t c = 0; c < categories && in.ok(); ++c) {
      const std::string category(in.text());
      const ViewsAndPurchases events{in.number(kMostEvents), in.number(kMostEvents)};
      const bool twice =
          std::ranges::find(product.by_category, category, &std::pair<std::string, ViewsAndPurchases>::first) !=
          product.by_category.end();
      ViewsAndPurchases& all = out.categories_[category];
      all = sum(all, events);
      product.events = sum(product.events, events);
      if (!in.ok() || twice || all.views > kMostEvents || all.purchases > kMostEvents)
        return fail(ErrorCode::corrupt, "saved evidence: a category that cannot be");
      product.by_category.emplace_back(category, events);
    }
    if (!in.ok() || !std::isfinite(product.ln_evidence) || product.by_category.empty() ||
        (!out.products_.empty() && name <= out.products_.rbegin()->first))
      return fail(ErrorCode::corrupt, "saved evidence: a product that cannot be");
    out.products_.emplace_hint(out.products_.end(), name, std::move(product));
  }
  if (!in.ok() || !in.at_end()) return fail(ErrorCode::corrupt, "saved evidence ends early or goes on too long");
  return out;
}

}  // namespace pactolus
