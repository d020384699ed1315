// Saved state of a view, format 1 (numbers as in gold/state_bytes.h):
//
//   text "view/1" · text fingerprint · signed first window · signed watermark
//   texts:      for each key column: count, then each text, ascending; all are used
//   keys:       count, then each, ascending: for each column 0 for null or 1 + the number of its text; all are used
//   currencies: count, then each text, ascending; none is the shop's; all are used
//   panes:      count, then each, ascending: signed start ÷ pane width, count of entries, then by key, ascending:
//     key · each signed count · each signed amount · each set
//     count of other amounts, then each: slot, then currency, ascending · signed amount
#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "gold/state_bytes.h"
#include "gold/window_view.h"

namespace pactolus {
namespace {

constexpr std::string_view kFormat = "view/1";
// What one pane can hold at most, so that no sum over the at most 10,000 panes of a window overflows: a million million
// events of any quantity; half a million purchases of the largest price times the largest quantity.
constexpr int64_t kCountLimit = int64_t(1) << 48;
constexpr __int128 kMoneyLimit = static_cast<__int128>(1) << 110;

// The texts in use, renumbered by their order.
struct OrderedTexts {
  std::vector<int32_t> by_text, rank;
  OrderedTexts(const TextDictionary& all, const std::vector<bool>& used) : rank(size_t(all.size()), -1) {
    for (int32_t n = 0; n < all.size(); ++n)
      if (used[size_t(n)]) by_text.push_back(n);
    std::ranges::sort(by_text, {}, [&](int32_t n) { return all.value(n); });
    for (size_t i = 0; i < by_text.size(); ++i) rank[size_t(by_text[i])] = int32_t(i);
  }
  void save(StateWriter& to, const TextDictionary& all) const {
    to.number(by_text.size());
    for (const int32_t n : by_text) to.text(all.value(n));
  }
};

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corrupt, "saved state of a view: " + std::move(what));
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

Result<> all_used(const std::vector<bool>& used) {
  if (std::ranges::count(used, false) > 0) return corrupt("a name that nothing uses");
  return {};
}

}  // namespace

void WindowView::save(std::string& out) const {
  StateWriter to(out);
  save_head(to, kFormat);

  std::vector<bool> used_keys(size_t(keys_.size())), used_currencies(size_t(actions_.currencies().size()));
  for (const auto& [start, pane] : panes_)
    for (size_t e = 0; e < pane.entries(); ++e) {
      used_keys[size_t(pane.key(e))] = true;
      pane.each_other(e, [&](const OtherAmount& o) { used_currencies[size_t(o.currency)] = true; });
    }
  std::vector<int32_t> keys;
  for (const int32_t n : keys_.sorted())
    if (used_keys[size_t(n)]) keys.push_back(n);
  std::vector<int32_t> key_rank(size_t(keys_.size()), -1);
  for (size_t i = 0; i < keys.size(); ++i) key_rank[size_t(keys[i])] = int32_t(i);
  std::vector<OrderedTexts> texts;
  for (size_t c = 0; c < keys_.columns(); ++c) {
    std::vector<bool> used(size_t(keys_.texts(c).size()));
    for (const int32_t n : keys)
      if (const int32_t code = keys_.codes(n)[c]; code >= 0) used[size_t(code)] = true;
    texts.emplace_back(keys_.texts(c), used).save(to, keys_.texts(c));
  }
  to.number(keys.size());
  for (const int32_t n : keys)
    for (size_t c = 0; c < keys_.columns(); ++c) {
      const int32_t code = keys_.codes(n)[c];
      to.number(code < 0 ? 0 : uint32_t(texts[c].rank[size_t(code)]) + 1);
    }
  const OrderedTexts currencies(actions_.currencies(), used_currencies);
  currencies.save(to, actions_.currencies());

  to.number(panes_.size());
  std::vector<size_t> entries;
  std::vector<std::tuple<int32_t, int32_t, WideMoney>> others;  // slot, currency, amount
  for (const auto& [start, pane] : panes_) {
    to.signed_number(start / view_->shape.pane());
    entries.resize(pane.entries());
    std::iota(entries.begin(), entries.end(), size_t(0));
    std::ranges::sort(entries, {}, [&](size_t e) { return key_rank[size_t(pane.key(e))]; });
    to.number(entries.size());
    for (const size_t e : entries) {
      to.number(uint32_t(key_rank[size_t(pane.key(e))]));
      for (const int64_t n : pane.counts(e)) to.signed_number(n);
      for (const WideMoney m : pane.moneys(e)) to.signed_number(m);
      for (const DistinctSet& set : pane.sets(e)) set.save(to);
      others.clear();
      pane.each_other(
          e, [&](const OtherAmount& o) { others.emplace_back(o.slot, currencies.rank[size_t(o.currency)], o.amount); });
      std::ranges::sort(others);
      to.number(others.size());
      for (const auto& [slot, currency, amount] : others) {
        to.number(uint32_t(slot));
        to.number(uint32_t(currency));
        to.signed_number(amount);
      }
    }
  }
}

Result<WindowView> WindowView::load(Options wanted, std::string_view bytes) {
  StateReader in(bytes);
  const int64_t watermark = TRY(load_head(in, kFormat, wanted));
  const WindowShape shape = wanted.view.shape;
  WindowView view(std::move(wanted));
  view.watermark_ = watermark;

  KeyTable& keys = view.keys_;
  for (size_t c = 0; c < keys.columns(); ++c) TRY(load_texts(in, keys.texts(c)));
  std::vector<std::vector<bool>> used_texts;
  for (size_t c = 0; c < keys.columns(); ++c) used_texts.emplace_back(size_t(keys.texts(c).size()));
  std::vector<int32_t> before, codes(keys.columns());
  const size_t key_count = in.count();
  for (size_t n = 0; n < key_count && in.ok(); ++n) {
    for (size_t c = 0; c < keys.columns(); ++c) {
      codes[c] = int32_t(in.number(keys.texts(c).size())) - 1;
      if (in.ok() && codes[c] >= 0) used_texts[c][size_t(codes[c])] = true;
    }
    if (n > 0 && codes <= before) return corrupt("keys are not in ascending order");
    before = codes;
    keys.number(codes);
  }
  for (const auto& used : used_texts) TRY(all_used(used));
  view.keys_kept_ = keys.size();
  TRY(load_texts(in, view.actions_.currencies()));
  if (view.actions_.currencies().find(view.options_.shop_currency) >= 0)
    return corrupt("the shop's currency is among the others");

  std::vector<bool> used_keys(size_t(keys.size())), used_currencies(size_t(view.actions_.currencies().size()));
  const int64_t width = shape.pane();
  int64_t start_before = kNoTime;
  const size_t panes = in.count();
  for (size_t p = 0; p < panes && in.ok(); ++p) {
    const int64_t number = in.signed_number();
    if (number < floor_div(kFirstEventTime, width) || number >= floor_div(kEventTimeEnd - 1, width) + 1)
      return corrupt("a pane lies outside of time");
    const int64_t start = number * width;
    if (start <= start_before) return corrupt("panes are not in ascending order");
    if (shape.last_end(start) <= watermark) return corrupt("a pane is older than the watermark");
    start_before = start;
    ViewPane& pane = view.panes_.try_emplace(start, view.slots_).first->second;
    const size_t entries = in.count();
    if (entries == 0) return corrupt("an empty pane");
    int32_t key_before = -1;
    for (size_t e = 0; e < entries && in.ok(); ++e) {
      const auto key = int32_t(in.number(INT32_MAX));
      if (!in.ok() || key <= key_before || key >= keys.size()) return corrupt("an unknown key");
      used_keys[size_t(key)] = true;
      key_before = key;
      const size_t entry = pane.entry(key);
      for (int32_t s = 0; s < view.slots_.counts; ++s) {
        const int64_t n = in.signed_number();
        if (n >= kCountLimit || n <= -kCountLimit) return corrupt("a count is out of range");
        pane.count(entry, s) = n;
      }
      const auto amount_of_money = [&]() -> Result<WideMoney> {
        const WideMoney m = in.wide_signed_number();
        if (m >= kMoneyLimit || m <= -kMoneyLimit) return corrupt("an amount of money is out of range");
        return m;
      };
      for (int32_t s = 0; s < view.slots_.moneys; ++s) pane.money(entry, s) = TRY(amount_of_money());
      for (int32_t s = 0; s < view.slots_.sets; ++s) pane.set(entry, s) = TRY(DistinctSet::load(in));
      std::pair<int32_t, int32_t> other_before{-1, -1};
      const size_t others = in.count();
      for (size_t o = 0; o < others && in.ok(); ++o) {
        const auto slot = int32_t(in.number(INT32_MAX)), currency = int32_t(in.number(INT32_MAX));
        const std::pair<int32_t, int32_t> place{slot, currency};
        if (!in.ok() || slot >= view.slots_.others || currency >= view.actions_.currencies().size() ||
            place <= other_before)
          return corrupt("an unknown currency");
        other_before = place;
        used_currencies[size_t(currency)] = true;
        pane.add_other(entry, slot, currency, TRY(amount_of_money()));
      }
    }
  }
  if (!in.ok() || !in.at_end()) return corrupt("it ends early or goes on too long");
  TRY(all_used(used_keys));
  TRY(all_used(used_currencies));
  return view;
}

}  // namespace pactolus
