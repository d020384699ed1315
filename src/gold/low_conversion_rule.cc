#include "gold/low_conversion_rule.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>

namespace pactolus {
namespace {
const double kTellAgain = std::log(1000.0);
}

std::vector<EvidenceTransition> LowConversionRule::judge(std::span<const ConversionEvidence::Found> found,
                                                         int64_t period_start, int64_t batch_time) {
  std::vector<EvidenceTransition> out;
  for (auto alert = open_.begin(); alert != open_.end();) {
    if (alert->second.period_start == period_start) {
      ++alert;
      continue;
    }
    EvidenceTransition& over = alert->second;
    over.state = AlertState::resolved;
    over.until = over.period_start + options_.period_us;
    out.push_back(std::move(over));
    alert = open_.erase(alert);
  }
  for (const ConversionEvidence::Found& f : options_.enabled ? found : std::span<const ConversionEvidence::Found>()) {
    const auto known = open_.find({f.product, f.category});
    if (known != open_.end() && f.ln_evidence < known->second.ln_evidence + kTellAgain) continue;
    const EvidenceTransition now{
        f.product,    f.category,   known == open_.end() ? AlertState::open : AlertState::update,
        period_start, batch_time,   f.of_product,
        f.of_others,  f.ln_evidence};
    open_.insert_or_assign({f.product, f.category}, now);
    out.push_back(now);
  }
  std::ranges::sort(out, {},
                    [](const EvidenceTransition& t) { return std::tie(t.period_start, t.product_id, t.category); });
  return out;
}

std::vector<EvidenceTransition> LowConversionRule::open() const {
  std::vector<EvidenceTransition> out;
  for (const auto& [key, alert] : open_) out.push_back(alert);
  return out;
}

void LowConversionRule::restore(std::span<const EvidenceTransition> told) {
  open_.clear();
  for (const EvidenceTransition& t : told) {
    if (t.state == AlertState::resolved)
      open_.erase({t.product_id, t.category});
    else
      open_.insert_or_assign({t.product_id, t.category}, t);
  }
}

std::vector<ConversionEvidence::Seen> conversion_seen(const EventBatch& b, std::span<const uint32_t> rows) {
  // By code of the product, in the category that it was first seen in; what comes in others too stands apart, by both
  // codes.
  struct Product {
    int32_t category = -2;
    ViewsAndPurchases n;
  };
  std::vector<Product> products(size_t(b.products.size()));
  std::unordered_map<uint64_t, ViewsAndPurchases> in_others;
  for (const uint32_t row : rows) {
    const uint8_t type = b.event_type[row];
    const int32_t code = b.product_id.codes[row], category = b.product_category.codes[row];
    if (code < 0 || (type != uint8_t(EventKind::view) && type != uint8_t(EventKind::purchase))) continue;
    Product& product = products[size_t(code)];
    if (product.category == -2) product.category = category;
    ViewsAndPurchases& n =
        product.category == category ? product.n : in_others[uint64_t(code) << 32 | uint32_t(category)];
    type == uint8_t(EventKind::view) ? ++n.views : ++n.purchases;
  }
  std::vector<ConversionEvidence::Seen> out;
  const auto add = [&](int32_t code, int32_t category, ViewsAndPurchases n) {
    out.push_back({b.products.value(code), category < 0 ? std::string_view() : b.categories.value(category), n});
  };
  for (int32_t code = 0; code < b.products.size(); ++code)
    if (const Product& product = products[size_t(code)]; product.category != -2) add(code, product.category, product.n);
  for (const auto& [codes, n] : in_others) add(int32_t(codes >> 32), int32_t(uint32_t(codes)), n);
  std::ranges::sort(out, {}, [](const ConversionEvidence::Seen& s) { return std::tie(s.product, s.category); });
  return out;
}

}  // namespace pactolus
