// A declared view of sessions at work (gold/gold_view.h): the runs of events of a key with less than a gap from each to
// the next, as session windows of Flink, Beam and Spark are.
//
//   an event at t         [t ─── gap ───)                 a window of its own, which
//   a session of its key       [first ……… last ─── gap ───)   joins those that it overlaps
//   later, in between      [────────)                         and may make one of two
//
// A session ends a gap after its last event and is final when the watermark reaches that. An event whose own window
// ended before the watermark is late and enters nothing. One that comes in time begins a new session when the one that
// it would have joined is final already, so that no row is ever changed.
//
// State is one entry for each open session; most keys have one. Final sessions leave it, and with them the names of
// their keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "gold/gold_view.h"
#include "gold/key_table.h"
#include "gold/view_actions.h"
#include "gold/view_fold.h"

namespace pactolus {

class SessionView final : public GoldView {
 public:
  explicit SessionView(Options options);  // faults_of(options.view) is empty, its shape a session's

  void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) override;
  void drop_overlay() override;
  ViewRows commit(int64_t watermark_after) override;
  int64_t last_window_end() const override;
  int64_t oldest_start() const;  // of state; kNoTime when no session is open

  void save(std::string& out) const override;  // gold/session_view_state.cc has the format
  static Result<SessionView> load(Options options, std::string_view bytes);

  size_t sessions() const noexcept { return state_.open(); }
  size_t keys() const noexcept { return size_t(keys_.size()); }  // held, a few of them perhaps gone
  size_t bytes() const noexcept override;

 private:
  // The first event of a session that has a text in some column; of several at one time the least text.
  struct First {
    int64_t time = kNoTime;
    std::string text;
    void take(int64_t at, std::string_view value);
  };
  // Open sessions; those of one key are a chain of windows that do not overlap.
  class Sessions {
   public:
    Sessions(const MeasureSlots& slots, int64_t gap)
        : numbers(slots), slots_(slots), gap_(gap), texts_(size_t(slots.texts)) {}
    // The session of the key that an event then belongs to. Those that it makes one of are merged.
    size_t at(int32_t key, int64_t time) {
      if (size_t(key) < heads_.size())
        if (const int32_t s = heads_[size_t(key)];
            s >= 0 && next_[size_t(s)] == kNone && time >= first[size_t(s)] && time < last[size_t(s)] + gap_) {
          last[size_t(s)] = std::max(last[size_t(s)], time);
          return size_t(s);
        }
      return join(key, time, time);
    }
    // Likewise of a session in [begin, end]: others have no event less than a gap away.
    size_t join(int32_t key, int64_t begin, int64_t end);
    void leave(size_t session);  // it is final
    // The least that holds what is open. Numbers of sessions change.
    void compact();
    void clear();
    bool is_open(size_t session) const { return next_[session] != kGone; }
    size_t open() const noexcept { return open_; }
    size_t all() const noexcept { return first.size(); }
    First& text(size_t session, int32_t slot) { return texts_of_[session * texts_ + size_t(slot)]; }
    const First& text(size_t session, int32_t slot) const { return texts_of_[session * texts_ + size_t(slot)]; }
    void take(size_t to, Sessions& other, size_t from);  // what was counted in a session
    void renumber(std::span<const int32_t> new_number);  // key n becomes new_number[n]
    size_t bytes() const noexcept;

    ViewPane numbers;  // an entry each
    std::vector<int64_t> first, last;

   private:
    static constexpr int32_t kNone = -1, kGone = -2;
    MeasureSlots slots_;
    int64_t gap_;
    size_t texts_;
    size_t open_ = 0;
    std::vector<int32_t> next_;   // of the same key
    std::vector<int32_t> heads_;  // by key
    std::vector<First> texts_of_;
  };

  void forget_keys();

  std::vector<EventColumn> columns_;       // that a batch must have
  std::vector<EventColumn> text_columns_;  // of first(), by slot
  ViewActions actions_;
  KeyTable keys_;
  int32_t keys_kept_ = 0;  // after the last clean-up
  Sessions state_, overlay_;
  BatchKeys batch_keys_;
  ViewFold fold_;
};

}  // namespace pactolus
