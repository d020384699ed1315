#include "gold/session_view.h"

#include <algorithm>

#include "base/check.h"

namespace pactolus {

void SessionView::First::take(int64_t at, std::string_view value) {
  if (time != kNoTime && (at > time || (at == time && value >= text))) return;
  time = at;
  text = value;
}

void SessionView::Counted::take(size_t to, Counted& other, size_t from) {
  numbers.add_entry(to, other.numbers, from);
  for (int32_t t = 0; t < slots.texts; ++t)
    if (const First& theirs = other.text(from, t); theirs.time != kNoTime) text(to, t).take(theirs.time, theirs.text);
}

size_t SessionView::Counted::bytes() const noexcept {
  size_t sum = numbers.bytes() + texts.capacity() * sizeof(First) + texts_until.capacity() * sizeof(int64_t);
  for (const First& f : texts) sum += f.text.capacity() > 15 ? f.text.capacity() : 0;  // short ones lie inside
  return sum;
}

SessionView::SessionView(Options options)
    : GoldView(std::move(options)),
      columns_(columns_of(*view_)),
      actions_(*view_, slots_, options_.types, options_.shop_currency),
      keys_(view_->keys.size()),
      state_(Counted(slots_), view_->shape.gap()),
      overlay_(Counted(slots_), view_->shape.gap()),
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
  for (const uint32_t row : rows) {
    if (!actions_.counts(b.event_type[row])) continue;
    const int64_t time = b.event_time[row];
    if (is_late_for_sessions(time)) continue;
    const size_t session = overlay_.at(batch_keys_.number(row), time);
    actions_.apply(b, row, overlay_.counted.numbers, session);
    int64_t& texts_until = overlay_.counted.texts_until[session];
    if (time > texts_until) continue;
    texts_until = kNoTime;
    for (size_t t = 0; t < texts.size(); ++t) {
      First& first = overlay_.counted.text(session, int32_t(t));
      if (const int32_t code = texts[t].codes[row]; code >= 0) first.take(time, texts[t].values->value(code));
      texts_until = std::max(texts_until, first.time == kNoTime ? INT64_MAX : first.time);
    }
  }
}

void SessionView::drop_overlay() {
  overlay_.clear();
  overlay_late_ = 0;
}

ViewRows SessionView::commit(int64_t watermark_after) {
  PACTOLUS_CHECK_GE(watermark_after, watermark_);  // kNoTime is below every time
  state_.take_all(overlay_);
  drop_overlay();
  ViewRows out(view_);
  if (watermark_after == watermark_) return out;
  watermark_ = watermark_after;
  std::vector<size_t> closed = state_.close(watermark_);
  std::erase_if(closed, [this](size_t s) { return state_.first(s) < options_.first_window; });  // kNoTime is before all
  std::ranges::sort(closed, [this](size_t a, size_t b) {
    if (state_.first(a) != state_.first(b)) return state_.first(a) < state_.first(b);
    for (size_t k = 0; k < keys_.columns(); ++k)
      if (const auto left = keys_.text(state_.key(a), k), right = keys_.text(state_.key(b), k); left != right)
        return left < right;  // null first
    return false;
  });
  for (const size_t s : closed) {
    fold_.append_row(fold_.only(state_.counted.numbers, s), keys_, actions_.currencies(), state_.first(s), out);
    out.session_end_.push_back(state_.end(s));
    for (int32_t t = 0; t < slots_.texts; ++t) {
      const First& first = state_.counted.text(s, t);
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
  std::vector<int32_t> new_number(size_t(keys_.size()), -1);
  const std::vector<int32_t> kept = state_.used_keys(new_number);
  state_.renumber(new_number);
  keys_ = keys_.with(kept);
  batch_keys_.forget();
  keys_kept_ = keys_.size();
}

int64_t SessionView::last_window_end() const { return std::max(state_.last_end(), overlay_.last_end()); }

size_t SessionView::bytes() const noexcept { return keys_.bytes() + state_.bytes() + overlay_.bytes(); }

}  // namespace pactolus
