// A declared view of sessions at work (gold/gold_view.h): the runs of events of a key with at most a gap from each to
// the next, as session windows of Flink, Beam and Spark are.
//
//   an event at t         [t ─── gap ───)                 a window of its own, which
//   a session of its key       [first ……… last ─── gap ───)   joins those that it overlaps or touches
//   later, in between      [────────)                         and may make one of two
//
// A session ends a gap after its last event and is final when the watermark reaches that. An event whose own window
// ended before the watermark is late and enters nothing. One that comes in time begins a new session when the one that
// it would have joined is final already, so that no row is ever changed.
//
// State is the open sessions (gold/open_sessions.h). Final ones leave it, and with them the names of their keys.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gold/gold_view.h"
#include "gold/key_table.h"
#include "gold/open_sessions.h"
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
  int64_t oldest_session() const override { return state_.oldest_start(); }

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
  struct Counted {
    explicit Counted(const MeasureSlots& of) : slots(of), numbers(of) {}
    void append(int32_t key) {
      numbers.append(key);
      texts.resize(texts.size() + size_t(slots.texts));
      texts_until.push_back(INT64_MAX);
    }
    void take(size_t to, Counted& other, size_t from);
    void clear() {
      numbers.clear();
      texts.clear();
      texts_until.clear();
    }
    Counted like() const { return Counted(slots); }
    void renumber(std::span<const int32_t> new_number) { numbers.renumber(new_number); }
    size_t bytes() const noexcept;
    First& text(size_t session, int32_t slot) { return texts[session * size_t(slots.texts) + size_t(slot)]; }
    const First& text(size_t session, int32_t slot) const {
      return texts[session * size_t(slots.texts) + size_t(slot)];
    }

    MeasureSlots slots;
    ViewPane numbers;  // an entry each
    std::vector<First> texts;
    std::vector<int64_t> texts_until;  // by session: no later event changes a text of it
  };

  void forget_keys();

  std::vector<EventColumn> columns_;       // that a batch must have
  std::vector<EventColumn> text_columns_;  // of first(), by slot
  ViewActions actions_;
  KeyTable keys_;
  int32_t keys_kept_ = 0;  // after the last clean-up
  OpenSessions<Counted> state_, overlay_;
  BatchKeys batch_keys_;
  ViewFold fold_;
};

}  // namespace pactolus
