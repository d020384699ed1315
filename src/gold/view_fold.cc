#include "gold/view_fold.h"

#include <algorithm>

namespace pactolus {

void ViewFold::start(size_t keys) {
  for (const Sum& s : sums_) sum_of_[size_t(s.key)] = -1;
  sums_.clear();
  parts_.clear();
  if (sum_of_.size() < keys) sum_of_.resize(keys, -1);
}

void ViewFold::add(const ViewPane& pane) {
  for (size_t e = 0; e < pane.entries(); ++e) {
    int32_t& at = sum_of_[size_t(pane.key(e))];
    if (at < 0) {
      at = int32_t(sums_.size());
      sums_.push_back({pane.key(e), -1});
    }
    Sum& sum = sums_[size_t(at)];
    parts_.push_back({&pane, e, sum.last_part});
    sum.last_part = int32_t(parts_.size()) - 1;
  }
}

ViewFold::Sum ViewFold::only(const ViewPane& pane, size_t entry) {
  parts_.assign(1, Part{&pane, entry, -1});
  return {pane.key(entry), 0};
}

int64_t ViewFold::count(const Sum& sum, int32_t slot) const {
  int64_t out = 0;
  for (int32_t i = sum.last_part; i >= 0; i = parts_[size_t(i)].before)
    out += parts_[size_t(i)].pane->counts(parts_[size_t(i)].entry)[size_t(slot)];
  return out;
}

void ViewFold::append_row(const Sum& sum, const KeyTable& keys, const TextDictionary& currencies, int64_t window_start,
                          ViewRows& out) {
  out.window_start_.push_back(window_start);
  for (size_t k = 0; k < keys.columns(); ++k) out.append_text(keys.text(sum.key, k), out.keys_, out.has_key_);
  const size_t counts = size_t(slots_.counts), moneys = size_t(slots_.moneys), sets = size_t(slots_.sets);
  out.counts_.resize(out.counts_.size() + counts);
  out.moneys_.resize(out.moneys_.size() + moneys);
  out.others_.resize(out.others_.size() + size_t(slots_.others));
  int64_t* const count = out.counts_.data() + out.counts_.size() - counts;
  WideMoney* const money = out.moneys_.data() + out.moneys_.size() - moneys;
  auto* const other = out.others_.data() + out.others_.size() - size_t(slots_.others);
  sets_.clear();
  for (int32_t i = sum.last_part; i >= 0; i = parts_[size_t(i)].before) {
    const Part& part = parts_[size_t(i)];
    const int64_t* const part_counts = part.pane->counts(part.entry).data();
    for (size_t s = 0; s < counts; ++s) count[s] += part_counts[s];
    const WideMoney* const part_moneys = part.pane->moneys(part.entry).data();
    for (size_t s = 0; s < moneys; ++s) money[s] += part_moneys[s];
    if (sets > 0) sets_.push_back(part.pane->sets(part.entry).data());
    part.pane->each_other(part.entry, [&](const OtherAmount& o) {
      auto& amounts = other[o.slot];
      const std::string_view name = currencies.value(o.currency);
      const auto at = std::ranges::lower_bound(amounts, name, {}, &ViewRows::OtherCurrency::currency);
      if (at != amounts.end() && at->currency == name)
        at->amount += o.amount;
      else
        amounts.insert(at, {std::string(name), o.amount});
    });
  }
  for (size_t s = 0; s < sets; ++s) append_set(s, out);
}

// From sets_: of each part, its sets.
void ViewFold::append_set(size_t s, ViewRows& out) {
  if (slots_.is_sketch[s]) {
    DistinctSet merged;
    for (const DistinctSet* part : sets_) merged.merge(part[s]);
    out.distinct_.push_back(merged.count());
    out.approximate_.push_back(merged.approximate());
    StateWriter to(out.sketches_.emplace_back());
    merged.save(to);
    return;
  }
  size_t expected = 0;
  for (const DistinctSet* part : sets_) expected += part[s].values().size();
  union_.start(expected);
  for (const DistinctSet* part : sets_) union_.add(part[s]);
  out.distinct_.push_back(union_.count());
  out.approximate_.push_back(union_.approximate());
  out.sketches_.emplace_back();
}

}  // namespace pactolus
