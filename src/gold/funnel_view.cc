#include "gold/funnel_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace pactolus {
namespace {

constexpr std::array kSessionKey = {EventColumn::session};

double median_seconds(std::vector<int64_t>& durations) {
  if (durations.empty()) return std::numeric_limits<double>::quiet_NaN();
  const size_t half = durations.size() / 2;
  std::ranges::sort(durations);
  const auto upper = double(durations[half]);
  return (durations.size() % 2 == 1 ? upper : (upper + double(durations[half - 1])) / 2) / 1e6;
}

}  // namespace

void FunnelView::Steps::begin_far(size_t session, int32_t key, int64_t time) {
  for (Taken& b : far[session]) {
    if (b.key != key) continue;
    b.time = std::min(b.time, time);
    return;
  }
  far[session].push_back({time, key, 0});
}

void FunnelView::Steps::take(size_t to, Steps& other, size_t from) {
  other.each_begun(from, [&](const Taken& b) { begin(to, b.key, b.time); });
  later[to].insert(later[to].end(), other.later[from].begin(), other.later[from].end());
  known[to].add(other.known[from].steps, other.known[from].by);
}

size_t FunnelView::Steps::bytes() const noexcept {
  size_t sum = near.capacity() * sizeof(near[0]) + (far.capacity() + later.capacity()) * sizeof(std::vector<Taken>) +
               needed.capacity() * sizeof(size_t) + known.capacity() * sizeof(Known);
  for (const auto* all : {&far, &later})
    for (const auto& taken : *all) sum += taken.capacity() * sizeof(Taken);
  return sum;
}

FunnelView::FunnelView(Options options)
    : GoldView(std::move(options)),
      columns_(columns_of(*view_)),
      step_of_(options_.types.size(), -1),
      keys_(view_->keys.size()),
      state_({}, view_->shape.gap()) {
  PACTOLUS_CHECK(view_->shape.is_funnel());
  const int64_t size = view_->shape.size;
  if (options_.first_window != kNoTime) options_.first_window = floor_to(options_.first_window + size - 1, size);
  for (const Measure& m : view_->measures) {
    if (!m.is_step()) continue;
    for (size_t type = 0; type < step_of_.size(); ++type)
      if (std::ranges::find(m.types, options_.types[type], &MeasuredType::name) != m.types.end())
        step_of_[type] = int32_t(optional_.size());
    const size_t before = optional_.empty() ? 0 : optional_.size() - 1;
    waits_for_.push_back(optional_.empty() || !optional_[before] ? int32_t(before) : waits_for_[before]);
    optional_.push_back(m.function == MeasureFunction::maybe);
  }
}

void FunnelView::apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) {
  PACTOLUS_CHECK_EQ(watermark_before, watermark_);
  for (const EventColumn c : columns_) PACTOLUS_CHECK_EQ(column_of(b, c).rows, b.rows());
  batch_names_.start(b, rows, kSessionKey, names_);
  batch_keys_.start(b, rows, view_->keys, keys_);
  for (const uint32_t row : rows) {
    const uint8_t type = b.event_type[row];
    const int32_t step = type < step_of_.size() ? step_of_[type] : -1;
    if (step < 0) continue;
    const int64_t time = b.event_time[row];
    if (is_late_for_sessions(time)) continue;
    overlay_.push_back({time, batch_names_.number(row), batch_keys_.number(row), step});
  }
}

bool FunnelView::is_whole(int32_t key) const {
  return std::ranges::all_of(keys_.codes(key), [](int32_t code) { return code >= 0; });
}

void FunnelView::take(const Event& event) {
  Steps& counted = state_.counted;
  const size_t session = state_.at(event.name, event.time);
  Known& known = counted.known[session];
  const uint64_t bit = bit_of(event.key, event.step);
  const bool is_behind = event.time >= known.by;  // of all that is known
  if (is_behind && (known.steps & bit)) return;
  if (event.step == 0) {
    counted.begin(session, event.key, event.time);
    known.add(bit, event.time);
    return;
  }
  if (is_behind && (known.steps & bit_of(event.key, waits_for_[size_t(event.step)])) && is_whole(event.key))
    known.add(bit, event.time);
  std::vector<Taken>& later = counted.later[session];
  later.push_back({event.time, event.key, event.step});
  if (later.size() >= 2 * counted.needed[session] + 32) forget_steps(session);
}

void FunnelView::drop_overlay() {
  overlay_.clear();
  overlay_late_ = 0;
}

ViewRows FunnelView::commit(int64_t watermark_after) {
  PACTOLUS_CHECK_GE(watermark_after, watermark_);  // kNoTime is below every time
  for (const Event& event : overlay_) take(event);
  drop_overlay();
  ViewRows out(view_);
  if (watermark_after == watermark_) return out;
  watermark_ = watermark_after;
  for (const size_t session : state_.close(watermark_)) count(session);
  while (!windows_.empty() && windows_.begin()->first + view_->shape.size <= watermark_) {
    append_rows(windows_.begin()->first, windows_.begin()->second, out);
    windows_.erase(windows_.begin());
  }
  state_.compact();
  forget_keys();
  return out;
}

// What no earlier event can come in front of any more, since it would be late, is decided: of it only those steps count
// that were taken. Of the rest those do not that lie behind what was taken. A session that never pauses (a robot, or a
// shop whose ids come round again) stays small that way. Which ones are needed depends on all events of the session,
// not on their order or on what was forgotten before.
std::vector<FunnelView::Taken> FunnelView::needed_steps(size_t session) const {
  std::vector<Taken> later = state_.counted.later[session];
  std::ranges::sort(later, Taken::ByKey());
  later.erase(std::ranges::unique(later).begin(), later.end());
  const std::vector<Taken> of_more = of_more_keys(later);
  std::vector<bool> is_taken(later.size()), is_behind(later.size());
  state_.counted.each_begun(session, [&](const Taken& b) {
    const std::span<const Taken> own = std::ranges::equal_range(later, b.key, {}, &Taken::key);
    const auto first = size_t(own.data() - later.data());
    each_step(b, own, of_more, [&](int32_t step, int64_t time, int64_t) {
      for (size_t i = 0; i < own.size(); ++i) {
        if (own[i].step != step) continue;
        if (own[i].time == time) is_taken[first + i] = true;
        if (own[i].time > time && is_whole(b.key)) is_behind[first + i] = true;
      }
      for (auto t = std::ranges::lower_bound(of_more, time, {}, &Taken::time); t != of_more.end() && t->time == time;
           ++t)
        if (t->step == step && is_also_of(t->key, b.key))
          is_taken[size_t(std::ranges::lower_bound(later, *t, Taken::ByKey()) - later.begin())] = true;
    });
  });
  const int64_t decided = watermark_ == kNoTime ? kNoTime : watermark_ - view_->shape.gap();
  size_t at = 0;
  std::erase_if(later, [&](const Taken& t) {
    const size_t i = at++;
    return !is_taken[i] && (is_behind[i] || t.time <= decided);
  });
  return later;
}

void FunnelView::forget_steps(size_t session) {
  state_.counted.later[session] = needed_steps(session);
  state_.counted.needed[session] = state_.counted.later[session].size();
}

// Those that have a null, by time.
std::vector<FunnelView::Taken> FunnelView::of_more_keys(std::span<const Taken> later) const {
  std::vector<Taken> out;
  std::ranges::copy_if(later, std::back_inserter(out), [this](const Taken& t) { return !is_whole(t.key); });
  std::ranges::sort(out);
  return out;
}

// Calls taken(step, its time, time since the last step that was waited for). `own` are the later steps of the key,
// `of_more` those of more than one, both by time.
template <class Function>
void FunnelView::each_step(const Taken& begun, std::span<const Taken> own, std::span<const Taken> of_more,
                           Function taken) const {
  int64_t since = begun.time;
  for (int32_t step = 1; step < steps(); ++step) {
    const auto is_step = [&](const Taken& t) { return t.step == step; };
    int64_t time = kNever;
    if (const auto found = std::find_if(std::ranges::lower_bound(own, since, {}, &Taken::time), own.end(), is_step);
        found != own.end())
      time = found->time;
    for (auto t = std::ranges::lower_bound(of_more, since, {}, &Taken::time); t != of_more.end() && t->time < time; ++t)
      if (t->step == step && is_also_of(t->key, begun.key)) time = t->time;
    if (time == kNever) {
      if (optional_[size_t(step)]) continue;
      return;
    }
    taken(step, time, time - since);
    if (!optional_[size_t(step)]) since = time;
  }
}

FunnelView::Count& FunnelView::count_of(Window& window, int32_t key) {
  Count& count = window.counts[key];
  count.sessions.resize(size_t(steps()));
  count.durations.resize(size_t(steps()));
  return count;
}

// Has the event, where it has a value, that of the key?
bool FunnelView::is_also_of(int32_t event_key, int32_t key) const {
  const auto of_event = keys_.codes(event_key), of_key = keys_.codes(key);
  for (size_t k = 0; k < of_key.size(); ++k)
    if (of_event[k] >= 0 && of_event[k] != of_key[k]) return false;
  return true;
}

void FunnelView::count(size_t session) {
  bool has_begun = false;
  state_.counted.each_begun(session, [&](const Taken&) { has_begun = true; });
  const int64_t start = view_->shape.window_of_end(state_.end(session));
  if (!has_begun || start < options_.first_window) return;  // kNoTime is before all
  Window& window = windows_[start];
  window.oldest = std::min(window.oldest, state_.first(session));
  std::vector<Taken>& later = state_.counted.later[session];
  std::ranges::sort(later, Taken::ByKey());
  const std::vector<Taken> of_more = of_more_keys(later);
  state_.counted.each_begun(session, [&](const Taken& b) {
    Count& count = count_of(window, b.key);
    ++count.sessions[0];
    each_step(b, std::ranges::equal_range(later, b.key, {}, &Taken::key), of_more,
              [&](int32_t step, int64_t, int64_t duration) {
                ++count.sessions[size_t(step)];
                count.durations[size_t(step)].push_back(duration);
              });
  });
}

std::vector<std::optional<std::string_view>> FunnelView::texts(int32_t key) const {
  std::vector<std::optional<std::string_view>> out;
  for (size_t k = 0; k < keys_.columns(); ++k) out.push_back(keys_.text(key, k));
  return out;
}

void FunnelView::append_rows(int64_t start, Window& window, ViewRows& out) {
  std::map<std::vector<std::optional<std::string_view>>, Count*> sorted;  // null first
  for (auto& [key, count] : window.counts) sorted.emplace(texts(key), &count);
  for (const auto& [key, count] : sorted) {
    out.window_start_.push_back(start);
    for (const auto& text : key) out.append_text(text, out.keys_, out.has_key_);
    out.counts_.insert(out.counts_.end(), count->sessions.begin(), count->sessions.end());
    for (std::vector<int64_t>& durations : count->durations) out.medians_.push_back(median_seconds(durations));
  }
}

// The tables only grow; once one has doubled, what nothing holds any more is left behind and the rest renumbered.
void FunnelView::forget_keys() {
  if (names_.size() >= 2 * names_kept_ + 1024) {
    std::vector<int32_t> new_number(size_t(names_.size()), -1);
    const std::vector<int32_t> kept = state_.used_keys(new_number);
    state_.renumber(new_number);
    names_ = names_.with(kept);
    batch_names_.forget();
    names_kept_ = names_.size();
  }
  if (keys_.size() < 2 * keys_kept_ + 1024) return;
  std::vector<int32_t> kept, new_number(size_t(keys_.size()), -1);
  const auto renumbered = [&](int32_t key) {
    int32_t& n = new_number[size_t(key)];
    if (n < 0) {
      n = int32_t(kept.size());
      kept.push_back(key);
    }
    return n;
  };
  for (size_t s = 0; s < state_.all(); ++s)
    if (state_.is_open(s)) state_.counted.renumber_keys(s, renumbered);
  for (auto& [start, window] : windows_) {
    std::map<int32_t, Count> counts;
    for (auto& [key, count] : window.counts) counts.emplace(renumbered(key), std::move(count));
    window.counts = std::move(counts);
  }
  keys_ = keys_.with(kept);
  batch_keys_.forget();
  keys_kept_ = keys_.size();
}

int64_t FunnelView::last_window_end() const {
  const int64_t size = view_->shape.size;
  int64_t end = windows_.empty() ? kNoTime : windows_.rbegin()->first + size;
  int64_t session = state_.last_end();
  for (const Event& event : overlay_) session = std::max(session, event.time + view_->shape.gap());
  return session == kNoTime ? end : std::max(end, view_->shape.window_of_end(session) + size);
}

int64_t FunnelView::oldest_session() const {
  int64_t oldest = state_.oldest_start();
  for (const auto& [start, window] : windows_)
    if (oldest == kNoTime || window.oldest < oldest) oldest = window.oldest;
  return oldest;
}

size_t FunnelView::kept_steps() const noexcept {
  size_t sum = 0;
  for (size_t s = 0; s < state_.all(); ++s)
    if (state_.is_open(s)) sum += state_.counted.later[s].size();
  return sum;
}

size_t FunnelView::bytes() const noexcept {
  size_t sum = names_.bytes() + keys_.bytes() + state_.bytes() + overlay_.capacity() * sizeof(Event);
  for (const auto& [start, window] : windows_)
    for (const auto& [key, count] : window.counts) {
      sum += sizeof(Count) + 64;
      for (const auto& durations : count.durations) sum += durations.capacity() * sizeof(int64_t);
    }
  return sum;
}

}  // namespace pactolus
