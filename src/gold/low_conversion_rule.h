// The rule "low conversion": the evidence that a product converts worse than the rest of its category (see
// conversion_evidence.h) has reached 1/alpha.
//
// It is judged with every batch, on windows that are still open too: an alert opens when the evidence is there, is
// updated each time that it is a thousand times as strong as when it was last told, and resolves when its period is
// over; the next period begins with nothing. (rule, product_id, category, period) names an alert for ever. Pure. One
// thread.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gold/alert_rule.h"
#include "gold/conversion_evidence.h"

namespace pactolus {

// Of everything in an hour, as the windows of category_conversion are, one product in ten thousand is named wrongly at
// most.
inline constexpr int64_t kEvidencePeriod_us = kMicrosPerHour;

struct EvidenceTransition {
  std::string product_id, category;
  AlertState state = AlertState::open;
  int64_t period_start = 0, until = 0;  // `until`: batch time of the look, or the period's end
  ViewsAndPurchases of_product, of_others;
  double ln_evidence = 0;
};

class LowConversionRule {
 public:
  struct Options {
    std::string name = "low_conversion";
    bool enabled = true;
    double alpha = 1e-4;
    int64_t period_us = kEvidencePeriod_us;
  };
  explicit LowConversionRule(Options options) : options_(std::move(options)) {}

  // `found` as look() answers it for this alpha, in the period that begins then. Transitions by (period, product,
  // category).
  std::vector<EvidenceTransition> judge(std::span<const ConversionEvidence::Found> found, int64_t period_start,
                                        int64_t batch_time);
  // What is open behind these: all that judge() has ever answered, in order.
  void restore(std::span<const EvidenceTransition> told);
  std::vector<EvidenceTransition> open() const;  // as last told
  const Options& options() const noexcept { return options_; }

 private:
  Options options_;
  std::map<std::pair<std::string, std::string>, EvidenceTransition> open_;  // as last told, by product and category
};

// What a batch shows of each product and category, for look(); borrows the batch.
std::vector<ConversionEvidence::Seen> conversion_seen(const EventBatch& events, std::span<const uint32_t> rows);

}  // namespace pactolus
