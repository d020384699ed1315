// Evidence that a product converts worse than the rest of its category, which may be looked at as often as one likes.
//
// An event of a product or of the others in its category is a view or a purchase; let it be a purchase with probability
// θa for the product and θb for the others (θ = r / (1 + r) for a conversion rate r, so lower is lower). Nothing is
// wrong while θa ≥ θb. With every look, na events of the product and nb of the others have come since the look before,
// and the evidence E is multiplied by
//
//      ∏ P(events | θ̂a, θ̂b) / P(events | θ₀),     θ₀ = (na θ̂a + nb θ̂b) / (na + nb)
//
// where θ̂a < θ̂b are estimates from what was seen before that look. Then E has an expectation of at most 1 as long as
// nothing is wrong, whatever the looks and whenever one stops, and by Ville's inequality it ever reaches 1/α with
// probability α at most: the false-alarm rate of one product in one period. E is never evidence for a good conversion.
// Source: R. Turner, A. Ly, P. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
// optional stopping", J. Statist. Plann. Inference 230 (2024), 106116 (arXiv:2106.02693); its
// alternative here is what was seen before. What it takes for granted: that events are independent. Of 10,000 simulated
// products without an effect, each looked at 1,800 times, 325 reached 1/0.05 (a plain test says so of 3,058) and 6
// reached 1/0.001.
//
// A product that comes in several categories is compared in each with the others there, in the same look; the factors
// are multiplied, which an expectation of at most 1 survives, since events are independent.
//
// Events count by the order in which batches bring them, a batch is a look, and every period begins anew, at batch
// times that are its multiples. Pure: the same batches give the same evidence and the same bytes. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "gold/conversion.h"

namespace pactolus {

// ln of what E is multiplied by; `product` and `others` since the look before, `past…` before that.
double evidence_of_look(ViewsAndPurchases product, ViewsAndPurchases others, ViewsAndPurchases past_product,
                        ViewsAndPurchases past_others) noexcept;

class ConversionEvidence {
 public:
  struct Options {
    int64_t period_us = kMicrosPerDay;
    bool operator==(const Options&) const = default;
  };
  explicit ConversionEvidence(Options options);

  // A product's events of a batch: once for each category, a product's beside each other.
  struct Seen {
    std::string_view product, category;
    ViewsAndPurchases events;
  };
  struct Found {
    std::string product, category;  // the category that it was first seen in
    double ln_evidence = 0;         // with this look
    ViewsAndPurchases of_product;   // in the period, with this look
    ViewsAndPurchases of_others;    // in all its categories
  };
  // One look. Answers those products of `seen` whose evidence is at least 1/alpha now, by product.
  std::vector<Found> look(std::span<const Seen> seen, int64_t batch_time, double alpha);
  int64_t period_start() const noexcept { return period_start_; }
  size_t products() const noexcept { return products_.size(); }

  // As for WindowView: bytes that only depend on the meaning.
  void save(std::string& out) const;
  static Result<ConversionEvidence> load(Options options, std::string_view bytes);

 private:
  struct Product {
    double ln_evidence = 0;
    ViewsAndPurchases events;
    std::vector<std::pair<std::string, ViewsAndPurchases>> by_category;  // as they were first seen
  };
  ViewsAndPurchases others_of(const Product& product) const;
  Options options_;
  int64_t period_start_ = kNoTime;
  std::map<std::string, ViewsAndPurchases, std::less<>> categories_;
  std::map<std::string, Product, std::less<>> products_;
};

}  // namespace pactolus
