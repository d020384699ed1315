// A declared funnel at work (gold/gold_view.h): how many sessions took its steps, in their order, and how long they
// took from one to the next. Sessions are those of gold/session_view.h by the key `session`; one is counted when it is
// final, in the tumbling window in which it ends.
//
//   session   ─●────●──────●────●─────────●── gap ──)     counted in the window that holds the time before `)`
//             view view   cart view   purchase
//             └ first step  └ first cart since then └ first purchase since that cart
//
// A session counts once for each key that an event of its first step has, with the events of that key and those that
// have no value where the key has one: a checkout names no category. A step is taken at the first of its events at or
// after the last step that had to be waited for.
//
// Only the earliest event of a step can be taken, so most events of a long session change nothing and are not kept:
//
//   what K has taken at step s is at c(s), the first event of that step at or after c of the step it waits for.
//   More events, an earlier first step or a session that joins only ever make c(s) smaller. So an event of K at or
//   after c(s) will never be taken: Known says which c(s) there are and that none is later than `by`. Events with a
//   null in their key are of several K, some of which may not have begun, and are kept for as long as an earlier event
//   may come.
//
// State is the open sessions with their steps, and what is counted in windows that are not final; the overlay is the
// open batch's events as they came. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gold/gold_view.h"
#include "gold/key_table.h"
#include "gold/open_sessions.h"

namespace pactolus {

class FunnelView final : public GoldView {
 public:
  explicit FunnelView(Options options);  // faults_of(options.view) is empty, its shape a funnel's

  void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) override;
  void drop_overlay() override;
  ViewRows commit(int64_t watermark_after) override;
  int64_t last_window_end() const override;
  int64_t oldest_session() const override;

  void save(std::string& out) const override;  // gold/funnel_view_state.cc has the format
  static Result<FunnelView> load(Options options, std::string_view bytes);

  size_t sessions() const noexcept { return state_.open(); }
  size_t kept_steps() const noexcept;  // events of later steps that open sessions hold
  size_t windows() const noexcept { return windows_.size(); }
  size_t bytes() const noexcept override;

 private:
  struct Taken {
    int64_t time;
    int32_t key;  // of keys_
    int32_t step;
    auto operator<=>(const Taken&) const = default;
    struct ByKey {
      bool operator()(const Taken& a, const Taken& b) const { return a.key != b.key ? a.key < b.key : a < b; }
    };
  };
  static constexpr int64_t kNever = INT64_MAX;
  struct Event {
    int64_t time;
    int32_t name, key, step;  // name: of names_
  };
  struct Known {
    uint64_t steps = 0;  // bit_of(key, step): there is c(step) of the key, at or before `by`
    int64_t by = INT64_MIN;
    void add(uint64_t bit, int64_t time) {
      if ((steps & bit) == bit) return;
      steps |= bit;
      by = std::max(by, time);
    }
  };
  struct Steps {
    void append(int32_t) {
      near.emplace_back().fill(kNever);
      far.emplace_back();
      later.emplace_back();
      needed.push_back(0);
      known.emplace_back();
    }
    void take(size_t to, Steps& other, size_t from);
    // The first step of each key at its earliest.
    void begin(size_t session, int32_t key, int64_t time) {
      if (key < kNear)
        near[session][size_t(key)] = std::min(near[session][size_t(key)], time);
      else
        begin_far(session, key, time);
    }
    void begin_far(size_t session, int32_t key, int64_t time);
    template <class Function>  // (Taken), in the order of keys_, then as they came
    void each_begun(size_t session, Function function) const {
      for (int32_t key = 0; key < kNear; ++key)
        if (const int64_t time = near[session][size_t(key)]; time != kNever) function(Taken{time, key, 0});
      for (const Taken& taken : far[session]) function(taken);
    }
    template <class Function>  // the new number of a key
    void renumber_keys(size_t session, Function number) {
      std::vector<Taken> begun;
      each_begun(session, [&](Taken taken) { begun.push_back(taken); });
      near[session].fill(kNever);
      far[session].clear();
      for (const Taken& taken : begun) begin(session, number(taken.key), taken.time);
      for (Taken& taken : later[session]) taken.key = number(taken.key);
      known[session] = {};
    }
    void clear() {
      near.clear();
      far.clear();
      later.clear();
      needed.clear();
      known.clear();
    }
    Steps like() const { return {}; }
    void renumber(std::span<const int32_t>) {}
    size_t bytes() const noexcept;

    // By session: first steps of the first keys, whose place is their number; of others; and later steps that may
    // count.
    static constexpr int32_t kNear = 16;
    std::vector<std::array<int64_t, kNear>> near;
    std::vector<std::vector<Taken>> far, later;
    std::vector<size_t> needed;  // how many others were when last looked at
    std::vector<Known> known;
  };
  struct Count {
    std::vector<int64_t> sessions;                // by step
    std::vector<std::vector<int64_t>> durations;  // by step, microseconds
  };
  struct Window {
    int64_t oldest = INT64_MAX;  // first event of a session counted here
    std::map<int32_t, Count> counts;
  };

  int32_t steps() const noexcept { return slots_.steps; }
  void take(const Event& event);
  // Of Known; 0 for what it has no room for, of which nothing is known then.
  uint64_t bit_of(int32_t key, int32_t step) const noexcept {
    const int64_t bit = int64_t(key) * steps() + step;
    return bit < 64 ? uint64_t(1) << bit : 0;
  }
  bool is_whole(int32_t key) const;  // has no null
  Count& count_of(Window& window, int32_t key);
  bool is_also_of(int32_t event_key, int32_t key) const;
  void count(size_t session);
  template <class Function>
  void each_step(const Taken& begun, std::span<const Taken> own, std::span<const Taken> of_more, Function taken) const;
  std::vector<Taken> of_more_keys(std::span<const Taken> later) const;
  std::vector<Taken> needed_steps(size_t session) const;
  void forget_steps(size_t session);
  void append_rows(int64_t start, Window& window, ViewRows& out);
  void forget_keys();
  std::vector<std::optional<std::string_view>> texts(int32_t key) const;

  std::vector<EventColumn> columns_;  // that a batch must have
  std::vector<int32_t> step_of_;      // by event type; -1 is none
  std::vector<bool> optional_;        // by step
  std::vector<int32_t> waits_for_;    // by step; the first for itself
  KeyTable names_{1};                 // of sessions
  KeyTable keys_;
  int32_t names_kept_ = 0, keys_kept_ = 0;  // after the last clean-up
  OpenSessions<Steps> state_;
  std::vector<Event> overlay_;
  std::map<int64_t, Window> windows_;  // by start
  BatchKeys batch_names_, batch_keys_;
};

}  // namespace pactolus
