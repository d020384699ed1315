#include "gold/session_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace pactolus {

void SessionView::First::take(int64_t at, std::string_view value) {
  if (time != kNoTime && (at > time || (at == time && value >= text))) return;
  time = at;
  text = value;
}

size_t SessionView::Sessions::join(int32_t key, int64_t begin, int64_t end) {
  if (size_t(key) >= heads_.size()) heads_.resize(size_t(key) + 1, kNone);
  size_t found = SIZE_MAX;
  for (int32_t* link = &heads_[size_t(key)]; *link >= 0;) {
    const auto s = size_t(*link);
    if (begin >= last[s] + gap_ || first[s] >= end + gap_) {
      link = &next_[s];
    } else if (found == SIZE_MAX) {
      found = s;
      first[s] = std::min(first[s], begin);
      last[s] = std::max(last[s], end);
      link = &next_[s];
    } else {
      first[found] = std::min(first[found], first[s]);
      last[found] = std::max(last[found], last[s]);
      take(found, *this, s);
      *link = next_[s];
      next_[s] = kGone;
      --open_;
    }
  }
  if (found != SIZE_MAX) return found;
  const size_t made = numbers.append(key);
  first.push_back(begin);
  last.push_back(end);
  texts_of_.resize(texts_of_.size() + texts_);
  next_.push_back(heads_[size_t(key)]);
  heads_[size_t(key)] = int32_t(made);
  ++open_;
  return made;
}

void SessionView::Sessions::take(size_t to, Sessions& other, size_t from) {
  numbers.add_entry(to, other.numbers, from);
  for (size_t t = 0; t < texts_; ++t)
    if (const First& theirs = other.text(from, int32_t(t)); theirs.time != kNoTime)
      text(to, int32_t(t)).take(theirs.time, theirs.text);
}

void SessionView::Sessions::leave(size_t session) {
  int32_t* link = &heads_[size_t(numbers.key(session))];
  while (*link != int32_t(session)) link = &next_[size_t(*link)];
  *link = next_[session];
  next_[session] = kGone;
  --open_;
}

void SessionView::Sessions::clear() {
  numbers.clear();
  first.clear();
  last.clear();
  next_.clear();
  heads_.clear();
  texts_of_.clear();
  open_ = 0;
}

void SessionView::Sessions::compact() {
  if (all() - open_ < open_ + 1024) return;
  Sessions kept(slots_, gap_);
  for (size_t s = 0; s < all(); ++s)
    if (is_open(s)) kept.take(kept.join(numbers.key(s), first[s], last[s]), *this, s);
  *this = std::move(kept);
}

void SessionView::Sessions::renumber(std::span<const int32_t> new_number) {
  std::vector<int32_t> heads;
  for (size_t key = 0; key < heads_.size(); ++key) {
    if (heads_[key] < 0) continue;
    const auto to = size_t(new_number[key]);
    if (heads.size() <= to) heads.resize(to + 1, kNone);
    heads[to] = heads_[key];
  }
  heads_ = std::move(heads);
  numbers.renumber(new_number);
}

size_t SessionView::Sessions::bytes() const noexcept {
  size_t sum = numbers.bytes() + (first.capacity() + last.capacity()) * sizeof(int64_t) +
               (next_.capacity() + heads_.capacity()) * sizeof(int32_t) + texts_of_.capacity() * sizeof(First);
  for (const First& f : texts_of_) sum += f.text.capacity() > 15 ? f.text.capacity() : 0;  // short ones lie inside
  return sum;
}

SessionView::SessionView(Options options)
    : GoldView(std::move(options)),
      columns_(columns_of(*view_)),
      actions_(*view_, slots_, options_.types, options_.shop_currency),
      keys_(view_->keys.size()),
      state_(slots_, view_->shape.gap()),
      overlay_(slots_, view_->shape.gap()),
      fold_(slots_) {
  PACTOLUS_CHECK(view_->shape.is_session());
  for (const Measure& m : view_->measures)
    if (m.function == MeasureFunction::first) text_columns_.push_back(m.column);
}

void SessionView::apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) {
  PACTOLUS_CHECK_EQ(watermark_before, watermark_);
  for (const EventColumn c : columns_) PACTOLUS_CHECK_EQ(column_of(b, c).rows, b.rows());
  batch_keys_.start(b, rows, view_->keys, keys_);
  actions_.start(b);
  std::vector<CodedColumn> texts;
  for (const EventColumn c : text_columns_) texts.push_back(column_of(b, c));
  const int64_t gap = view_->shape.gap();
  for (const uint32_t row : rows) {
    if (!actions_.counts(b.event_type[row])) continue;
    const int64_t time = b.event_time[row];
    PACTOLUS_CHECK(time >= kFirstEventTime && time < kEventTimeEnd,
                   fmt::format("an event time that cannot be: {}", time));
    if (watermark_ != kNoTime && time + gap <= watermark_) {
      ++overlay_late_;
      continue;
    }
    const size_t session = overlay_.at(batch_keys_.number(row), time);
    actions_.apply(b, row, overlay_.numbers, session);
    for (size_t t = 0; t < texts.size(); ++t) {
      First& first = overlay_.text(session, int32_t(t));
      if (first.time != kNoTime && time > first.time) continue;
      if (const int32_t code = texts[t].codes[row]; code >= 0) first.take(time, texts[t].values->value(code));
    }
  }
}

void SessionView::drop_overlay() {
  overlay_.clear();
  overlay_late_ = 0;
}

ViewRows SessionView::commit(int64_t watermark_after) {
  PACTOLUS_CHECK_GE(watermark_after, watermark_);  // kNoTime is below every time
  for (size_t s = 0; s < overlay_.all(); ++s)
    if (overlay_.is_open(s))
      state_.take(state_.join(overlay_.numbers.key(s), overlay_.first[s], overlay_.last[s]), overlay_, s);
  drop_overlay();
  ViewRows out(view_);
  if (watermark_after == watermark_) return out;
  watermark_ = watermark_after;
  const int64_t gap = view_->shape.gap();
  std::vector<size_t> closed;
  for (size_t s = 0; s < state_.all(); ++s) {
    if (!state_.is_open(s) || state_.last[s] + gap > watermark_) continue;
    state_.leave(s);
    if (state_.first[s] >= options_.first_window) closed.push_back(s);  // kNoTime is below every time
  }
  std::ranges::sort(closed, [this](size_t a, size_t b) {
    if (state_.first[a] != state_.first[b]) return state_.first[a] < state_.first[b];
    for (size_t k = 0; k < keys_.columns(); ++k)
      if (const auto left = keys_.text(state_.numbers.key(a), k), right = keys_.text(state_.numbers.key(b), k);
          left != right)
        return left < right;  // null first
    return false;
  });
  for (const size_t s : closed) {
    fold_.append_row(fold_.only(state_.numbers, s), keys_, actions_.currencies(), state_.first[s], out);
    out.session_end_.push_back(state_.last[s] + gap);
    for (int32_t t = 0; t < slots_.texts; ++t) {
      const First& first = state_.text(s, t);
      out.append_text(first.time == kNoTime ? std::nullopt : std::optional<std::string_view>(first.text), out.firsts_,
                      out.has_first_);
    }
  }
  state_.compact();
  forget_keys();
  return out;
}

// The table only grows; once it has doubled, the keys that no session holds are left behind and the rest renumbered.
void SessionView::forget_keys() {
  if (keys_.size() < 2 * keys_kept_ + 1024) return;
  std::vector<int32_t> kept, new_number(size_t(keys_.size()), -1);
  for (size_t s = 0; s < state_.all(); ++s) {
    if (!state_.is_open(s)) continue;
    if (int32_t& n = new_number[size_t(state_.numbers.key(s))]; n < 0) {
      n = int32_t(kept.size());
      kept.push_back(state_.numbers.key(s));
    }
  }
  state_.renumber(new_number);
  keys_ = keys_.with(kept);
  keys_kept_ = keys_.size();
}

int64_t SessionView::last_window_end() const {
  int64_t end = kNoTime;
  for (const Sessions* sessions : {&state_, &overlay_})
    for (size_t s = 0; s < sessions->all(); ++s)
      if (sessions->is_open(s)) end = std::max(end, sessions->last[s] + view_->shape.gap());
  return end;
}

int64_t SessionView::oldest_start() const {
  int64_t start = INT64_MAX;
  for (size_t s = 0; s < state_.all(); ++s)
    if (state_.is_open(s)) start = std::min(start, state_.first[s]);
  return start == INT64_MAX ? kNoTime : start;
}

size_t SessionView::bytes() const noexcept { return keys_.bytes() + state_.bytes() + overlay_.bytes(); }

}  // namespace pactolus
