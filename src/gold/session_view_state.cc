// Saved state of a view of sessions, format 1 (numbers as in gold/state_bytes.h):
//
//   text "session/1" · text fingerprint · signed first window · signed watermark
//   count of sessions, then each, ascending by first event, then key:
//     for each key column 0 for null, or 1 and the text
//     signed time of the first event · what the last is later
//     each signed count · each signed amount · each set
//     for each first() 0 for none, or 1, signed time and text
//     count of other amounts, then each: slot, then text of the currency, ascending · signed amount
#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "gold/session_view.h"
#include "gold/state_bytes.h"

namespace pactolus {
namespace {

constexpr std::string_view kFormat = "session/1";
constexpr int64_t kCountLimit = int64_t(1) << 60;
constexpr __int128 kMoneyLimit = static_cast<__int128>(1) << 110;

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corrupt, "saved state of a view of sessions: " + std::move(what));
}

using KeyTexts = std::vector<std::optional<std::string_view>>;

void save_text(StateWriter& to, std::optional<std::string_view> text) {
  to.number(text.has_value());
  if (text) to.text(*text);
}

std::optional<std::string_view> load_text(StateReader& in) {
  return in.number(1) != 0 ? std::optional(in.text()) : std::nullopt;
}

}  // namespace

void SessionView::save(std::string& out) const {
  StateWriter to(out);
  save_head(to, kFormat);
  std::vector<std::tuple<int64_t, KeyTexts, size_t>> sessions;
  for (size_t s = 0; s < state_.all(); ++s) {
    if (!state_.is_open(s)) continue;
    KeyTexts key;
    for (size_t k = 0; k < keys_.columns(); ++k) key.push_back(keys_.text(state_.key(s), k));
    sessions.emplace_back(state_.first(s), std::move(key), s);
  }
  std::ranges::sort(sessions);
  to.number(sessions.size());
  std::vector<std::tuple<int32_t, std::string_view, WideMoney>> others;  // slot, currency, amount
  for (const auto& [first, key, s] : sessions) {
    for (const auto& text : key) save_text(to, text);
    to.signed_number(first);
    to.number(uint64_t(state_.last(s) - first));
    for (const int64_t n : state_.counted.numbers.counts(s)) to.signed_number(n);
    for (const WideMoney m : state_.counted.numbers.moneys(s)) to.signed_number(m);
    for (const DistinctSet& set : state_.counted.numbers.sets(s)) set.save(to);
    for (int32_t t = 0; t < slots_.texts; ++t) {
      const First& text = state_.counted.text(s, t);
      to.number(text.time != kNoTime);
      if (text.time == kNoTime) continue;
      to.signed_number(text.time);
      to.text(text.text);
    }
    others.clear();
    state_.counted.numbers.each_other(s, [&](const OtherAmount& o) {
      others.emplace_back(o.slot, actions_.currencies().value(o.currency), o.amount);
    });
    std::ranges::sort(others);
    to.number(others.size());
    for (const auto& [slot, currency, amount] : others) {
      to.number(uint32_t(slot));
      to.text(currency);
      to.signed_number(amount);
    }
  }
}

Result<SessionView> SessionView::load(Options wanted, std::string_view bytes) {
  StateReader in(bytes);
  const int64_t watermark = TRY(load_head(in, kFormat, wanted));
  SessionView view(std::move(wanted));
  view.watermark_ = watermark;

  const int64_t gap = view.view_->shape.gap();
  auto& state = view.state_;
  const size_t sessions = in.count();
  KeyTexts key(view.keys_.columns()), key_before;
  std::vector<int32_t> codes(view.keys_.columns());
  int64_t first_before = kNoTime;
  for (size_t n = 0; n < sessions && in.ok(); ++n) {
    for (size_t k = 0; k < key.size(); ++k) {
      key[k] = load_text(in);
      if (!in.ok()) return corrupt("it ends in a key");
      codes[k] = key[k] ? view.keys_.texts(k).code(*key[k]) : -1;
    }
    const int64_t first = in.signed_number();
    const int64_t length = in.number(kEventTimeEnd - kFirstEventTime);
    if (!in.ok() || first < kFirstEventTime || first >= kEventTimeEnd || length >= kEventTimeEnd - first)
      return corrupt("a session lies outside of time");
    if (n > 0 && std::tie(first, key) <= std::tie(first_before, key_before))
      return corrupt("sessions are not in ascending order");
    first_before = first;
    key_before = key;
    if (watermark != kNoTime && first + length + gap <= watermark)
      return corrupt("a session is older than the watermark");
    const size_t s = state.join(view.keys_.number(codes), first, first + length);
    if (state.open() != n + 1) return corrupt("two sessions of a key overlap");
    for (int32_t c = 0; c < view.slots_.counts; ++c) {
      const int64_t count = in.signed_number();
      if (count >= kCountLimit || count <= -kCountLimit) return corrupt("a count is out of range");
      state.counted.numbers.count(s, c) = count;
    }
    const auto amount_of_money = [&]() -> Result<WideMoney> {
      const WideMoney m = in.wide_signed_number();
      if (m >= kMoneyLimit || m <= -kMoneyLimit) return corrupt("an amount of money is out of range");
      return m;
    };
    for (int32_t m = 0; m < view.slots_.moneys; ++m) state.counted.numbers.money(s, m) = TRY(amount_of_money());
    for (int32_t set = 0; set < view.slots_.sets; ++set) state.counted.numbers.set(s, set) = TRY(DistinctSet::load(in));
    for (int32_t t = 0; t < view.slots_.texts; ++t) {
      if (in.number(1) == 0) continue;
      const int64_t time = in.signed_number();
      if (time < first || time > first + length) return corrupt("a first event is none of its session");
      state.counted.text(s, t).take(time, in.text());
    }
    const size_t others = in.count();
    std::pair<int32_t, std::string_view> other_before{-1, {}};
    for (size_t o = 0; o < others && in.ok(); ++o) {
      const auto slot = int32_t(in.number(INT32_MAX));
      const std::pair<int32_t, std::string_view> place{slot, in.text()};
      if (!in.ok() || slot >= view.slots_.others || place <= other_before ||
          place.second == view.options_.shop_currency)
        return corrupt("an unknown currency");
      other_before = place;
      state.counted.numbers.add_other(s, slot, view.actions_.currencies().code(place.second), TRY(amount_of_money()));
    }
  }
  if (!in.ok() || !in.at_end()) return corrupt("it ends early or goes on too long");
  view.keys_kept_ = view.keys_.size();
  return view;
}

}  // namespace pactolus
