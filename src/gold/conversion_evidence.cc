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
// The estimate of a product begins at half of what the others do, as if that many of its events had been seen.
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
  std::vector<Found> out;
  for (const Seen& s : seen) {
    const auto category = categories_.find(s.category);
    const ViewsAndPurchases past_all = category == categories_.end() ? ViewsAndPurchases() : category->second;
    Product& product = products_[Name(s.product, s.category)];
    const ViewsAndPurchases others = without(now[s.category], s.events),
                            past_others = without(past_all, product.events);
    product.ln_evidence += evidence_of_look(s.events, others, product.events, past_others);
    product.events = sum(product.events, s.events);
    if (product.ln_evidence >= -std::log(alpha))
      out.push_back({std::string(s.product), std::string(s.category), product.ln_evidence, product.events,
                     sum(past_others, others)});
  }
  for (const auto& [name, events] : now) {
    const auto category = categories_.try_emplace(std::string(name)).first;
    category->second = sum(category->second, events);
  }
  std::ranges::sort(out, {}, [](const Found& f) { return std::tie(f.product, f.category); });
  return out;
}

// text "conversion_evidence/1" · period · signed period start ÷ period (0 and no products before the first look) ·
// count, then each product by (product, category): text · text · views · purchases · evidence as a word
void ConversionEvidence::save(std::string& out) const {
  StateWriter to(out);
  to.text(kFormat);
  to.number(uint64_t(options_.period_us));
  to.signed_number(period_start_ == kNoTime ? 0 : period_start_ / options_.period_us);
  to.number(products_.size());
  for (const auto& [name, product] : products_) {
    to.text(name.first);
    to.text(name.second);
    to.number(uint64_t(product.events.views));
    to.number(uint64_t(product.events.purchases));
    to.word(std::bit_cast<uint64_t>(product.ln_evidence));
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
    Name name{in.text(), in.text()};
    Product product;
    product.events.views = in.number(INT64_MAX / 4), product.events.purchases = in.number(INT64_MAX / 4);
    product.ln_evidence = std::bit_cast<double>(in.word());
    if (!in.ok() || !std::isfinite(product.ln_evidence) ||
        (!out.products_.empty() && name <= out.products_.rbegin()->first))
      return fail(ErrorCode::corrupt, "saved evidence: a product that cannot be");
    auto& category = out.categories_[name.second];
    category = sum(category, product.events);
    if (category.views > INT64_MAX / 4 || category.purchases > INT64_MAX / 4)
      return fail(ErrorCode::corrupt, "saved evidence: more events than there can be");
    out.products_.emplace_hint(out.products_.end(), std::move(name), product);
  }
  if (!in.ok() || !in.at_end()) return fail(ErrorCode::corrupt, "saved evidence ends early or goes on too long");
  return out;
}

}  // namespace pactolus
