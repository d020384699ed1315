// Saved state of a funnel, format 1 (numbers as in gold/state_bytes.h):
//
//   text "funnel/1" · text fingerprint · signed first window · signed watermark
//   keys:     count, then each, ascending: for each column 0 for null, or 1 and the text
//   sessions: count, then each, ascending by first event, then name: text name, signed first, what the last is later
//     count of first steps, then each, by key: number of the key, how much later than the first event
//     count of others, then each, ascending: how much later than the first event, key, step
//   windows:  count, then each, ascending: signed start ÷ size, how much older than it the oldest session is
//     count of keys, then each, ascending: number of the key, sessions of the first step
//     then for each other step: count of durations, then each, ascending
#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "gold/funnel_view.h"
#include "gold/state_bytes.h"

namespace pactolus {
namespace {

constexpr std::string_view kFormat = "funnel/1";
constexpr int64_t kLongest = kEventTimeEnd - kFirstEventTime;

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corrupt, "saved state of a funnel: " + std::move(what));
}

}  // namespace

void FunnelView::save(std::string& out) const {
  StateWriter to(out);
  save_head(to, kFormat);

  std::vector<int32_t> rank(size_t(keys_.size()), -1);
  const auto use = [&](int32_t key) { rank[size_t(key)] = 0; };
  std::vector<std::tuple<int64_t, std::string_view, size_t, size_t>> sessions;
  std::vector<std::vector<Taken>> later;
  for (size_t s = 0; s < state_.all(); ++s) {
    if (!state_.is_open(s)) continue;
    sessions.emplace_back(state_.first(s), *names_.text(state_.key(s), 0), s, later.size());
    later.push_back(needed_steps(s));
    state_.counted.each_begun(s, [&](const Taken& t) { use(t.key); });
    for (const Taken& t : later.back()) use(t.key);
  }
  for (const auto& [start, window] : windows_)
    for (const auto& [key, count] : window.counts) use(key);
  std::ranges::sort(sessions);

  int32_t used = 0;
  for (const int32_t key : keys_.sorted())
    if (rank[size_t(key)] == 0) rank[size_t(key)] = used++;
  to.number(uint32_t(used));
  for (const int32_t key : keys_.sorted()) {
    if (rank[size_t(key)] < 0) continue;
    for (const auto& text : texts(key)) {
      to.number(text.has_value());
      if (text) to.text(*text);
    }
  }

  to.number(sessions.size());
  std::vector<Taken> taken;
  const auto ranked = [&](Taken t) {
    t.key = rank[size_t(t.key)];
    taken.push_back(t);
  };
  for (const auto& [first, name, s, place] : sessions) {
    to.text(name);
    to.signed_number(first);
    to.number(uint64_t(state_.last(s) - first));
    taken.clear();
    state_.counted.each_begun(s, ranked);
    std::ranges::sort(taken, {}, &Taken::key);
    to.number(taken.size());
    for (const Taken& t : taken) {
      to.number(uint32_t(t.key));
      to.number(uint64_t(t.time - first));
    }
    taken.clear();
    for (const Taken& t : later[place]) ranked(t);
    std::ranges::sort(taken);
    to.number(taken.size());
    for (const Taken& t : taken) {
      to.number(uint64_t(t.time - first));
      to.number(uint32_t(t.key));
      to.number(uint32_t(t.step));
    }
  }

  to.number(windows_.size());
  for (const auto& [start, window] : windows_) {
    to.signed_number(start / view_->shape.size);
    to.number(uint64_t(start + view_->shape.size - window.oldest));
    std::map<int32_t, const Count*> counts;
    for (const auto& [key, count] : window.counts) counts.emplace(rank[size_t(key)], &count);
    to.number(counts.size());
    for (const auto& [key, count] : counts) {
      to.number(uint32_t(key));
      to.number(uint64_t(count->sessions[0]));
      for (size_t step = 1; step < size_t(steps()); ++step) {
        std::vector<int64_t> durations = count->durations[step];
        std::ranges::sort(durations);
        to.number(durations.size());
        for (const int64_t d : durations) to.number(uint64_t(d));
      }
    }
  }
}

Result<FunnelView> FunnelView::load(Options wanted, std::string_view bytes) {
  StateReader in(bytes);
  const int64_t watermark = TRY(load_head(in, kFormat, wanted));
  const int64_t size = wanted.view.shape.size, gap = wanted.view.shape.gap();
  FunnelView view(std::move(wanted));
  view.watermark_ = watermark;

  const size_t keys = in.count();
  std::vector<std::optional<std::string_view>> before, key(view.keys_.columns());
  std::vector<int32_t> codes(key.size());
  for (size_t n = 0; n < keys && in.ok(); ++n) {
    for (size_t k = 0; k < key.size(); ++k) {
      key[k] = in.number(1) != 0 ? std::optional(in.text()) : std::nullopt;
      if (!in.ok()) return corrupt("it ends in a key");
      codes[k] = key[k] ? view.keys_.texts(k).code(*key[k]) : -1;
    }
    if (n > 0 && key <= before) return corrupt("keys are not in ascending order");
    before = key;
    view.keys_.number(codes);
  }
  std::vector<bool> used(keys);
  const auto read_key = [&] {
    const auto n = int32_t(in.number(INT32_MAX));
    if (!in.ok() || size_t(n) >= keys) return -1;
    used[size_t(n)] = true;
    return n;
  };

  OpenSessions<Steps>& state = view.state_;
  const size_t sessions = in.count();
  std::pair<int64_t, std::string_view> session_before;
  for (size_t n = 0; n < sessions && in.ok(); ++n) {
    const std::string_view name = in.text();
    const int64_t first = in.signed_number(), length = in.number(kLongest);
    if (!in.ok() || first < kFirstEventTime || first >= kEventTimeEnd || length >= kEventTimeEnd - first)
      return corrupt("a session lies outside of time");
    if (n > 0 && std::pair(first, name) <= session_before) return corrupt("sessions are not in ascending order");
    session_before = {first, name};
    if (watermark != kNoTime && first + length + gap <= watermark)
      return corrupt("a session is older than the watermark");
    const int32_t code = view.names_.texts(0).code(name);
    const size_t s = state.join(view.names_.number(std::span(&code, 1)), first, first + length);
    if (state.open() != n + 1) return corrupt("two sessions of a name overlap");
    const size_t begun = in.count();
    for (size_t i = 0, last = 0; i < begun && in.ok(); ++i) {
      const int32_t of = read_key();
      const int64_t later = in.number(length);
      if (!in.ok() || of < 0 || (i > 0 && size_t(of) <= last)) return corrupt("a first step");
      last = size_t(of);
      state.counted.begin(s, of, first + later);
    }
    const size_t others = in.count();
    for (size_t i = 0; i < others && in.ok(); ++i) {
      Taken t{first + in.number(length), 0, 0};
      t.key = read_key();
      t.step = int32_t(in.number(INT32_MAX));
      if (!in.ok() || t.key < 0 || t.step < 1 || t.step >= view.steps() || (i > 0 && t < state.counted.later[s].back()))
        return corrupt("a later step");
      state.counted.later[s].push_back(t);
    }
  }

  const size_t windows = in.count();
  for (size_t w = 0; w < windows && in.ok(); ++w) {
    const int64_t number = in.signed_number();
    if (!in.ok() || number < floor_div(kFirstEventTime, size) - 1 || number > floor_div(kEventTimeEnd + gap, size))
      return corrupt("a window lies outside of time");
    const int64_t start = number * size;
    if ((!view.windows_.empty() && start <= view.windows_.rbegin()->first) ||
        (watermark != kNoTime && start + size <= watermark))
      return corrupt("windows are not in ascending order, or final");
    Window& window = view.windows_[start];
    window.oldest = start + size - in.number(2 * kLongest);
    const size_t counts = in.count();
    int32_t key_before = -1;
    if (counts == 0) return corrupt("an empty window");
    for (size_t i = 0; i < counts && in.ok(); ++i) {
      const int32_t of = read_key();
      if (of <= key_before) return corrupt("a key of a window");
      key_before = of;
      Count& count = view.count_of(window, of);
      count.sessions[0] = in.number(int64_t(1) << 48);
      if (in.ok() && count.sessions[0] == 0) return corrupt("a count of nothing");
      for (size_t step = 1; step < size_t(view.steps()); ++step) {
        const size_t durations = in.count();
        for (size_t d = 0; d < durations && in.ok(); ++d) {
          const int64_t duration = in.number(kLongest);
          if (d > 0 && duration < count.durations[step].back()) return corrupt("durations are not in ascending order");
          count.durations[step].push_back(duration);
        }
        count.sessions[step] = int64_t(durations);
      }
    }
  }
  if (!in.ok() || !in.at_end()) return corrupt("it ends early or goes on too long");
  if (std::ranges::count(used, false) > 0) return corrupt("a key that nothing uses");
  view.names_kept_ = view.names_.size();
  view.keys_kept_ = view.keys_.size();
  return view;
}

}  // namespace pactolus
