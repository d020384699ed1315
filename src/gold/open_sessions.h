// Open sessions by key: runs of events with at most a gap from each to the next, and what was counted of each.
// Sessions of one key are a chain of windows [first, last + gap) that neither overlap nor touch; most keys have one.
// One thread.
//
// Counted holds what was counted, by the number of a session: append(key) makes room for the next number, take(to,
// other, from) adds what another one has, clear(), like() makes an empty one of its kind, renumber() follows the keys,
// bytes().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace pactolus {

template <class Counted>
class OpenSessions {
 public:
  OpenSessions(Counted nothing, int64_t gap) : counted(std::move(nothing)), gap_(gap) {}

  // The session of the key that an event then belongs to. Those that it makes one of are merged.
  size_t at(int32_t key, int64_t time) {
    if (size_t(key) < heads_.size())
      if (const int32_t s = heads_[size_t(key)]; s >= 0) {
        Session& session = sessions_[size_t(s)];
        if (session.next == kNone && time >= session.first && time <= session.last + gap_) {
          session.last = std::max(session.last, time);
          return size_t(s);
        }
      }
    return join(key, time, time);
  }

  // Likewise of events from `begin` to `end` without a gap.
  size_t join(int32_t key, int64_t begin, int64_t end) {
    if (size_t(key) >= heads_.size()) heads_.resize(size_t(key) + 1, kNone);
    size_t found = SIZE_MAX;
    for (int32_t* link = &heads_[size_t(key)]; *link >= 0;) {
      const auto s = size_t(*link);
      Session& session = sessions_[s];
      if (begin > session.last + gap_ || session.first > end + gap_) {
        link = &session.next;
      } else if (found == SIZE_MAX) {
        found = s;
        session.first = std::min(session.first, begin);
        session.last = std::max(session.last, end);
        link = &session.next;
      } else {
        Session& of = sessions_[found];
        of.first = std::min(of.first, session.first);
        of.last = std::max(of.last, session.last);
        counted.take(found, counted, s);
        *link = session.next;
        session.next = kGone;
        --open_;
      }
    }
    return found == SIZE_MAX ? make(key, begin, end) : found;
  }

  void take_all(OpenSessions& other) {
    for (size_t s = 0; s < other.all(); ++s)
      if (other.is_open(s)) counted.take(join(other.key(s), other.first(s), other.last(s)), other.counted, s);
  }

  // Those that have ended by then: open no more, their numbers good until compact().
  std::vector<size_t> close(int64_t watermark) {
    std::vector<size_t> closed;
    for (size_t s = 0; s < all(); ++s) {
      Session& session = sessions_[s];
      if (!is_open(s) || session.last + gap_ > watermark) continue;
      int32_t* link = &heads_[size_t(session.key)];
      while (*link != int32_t(s)) link = &sessions_[size_t(*link)].next;
      *link = session.next;
      session.next = kGone;
      --open_;
      closed.push_back(s);
    }
    return closed;
  }

  // Lets go of what is open no more, when that is the larger part. Numbers of sessions change.
  void compact() {
    if (all() - open_ < open_ + 1024) return;
    OpenSessions kept(counted.like(), gap_);
    kept.take_all(*this);
    *this = std::move(kept);
  }

  void clear() {
    counted.clear();
    sessions_.clear();
    heads_.clear();
    open_ = 0;
  }

  // The keys in use, as their new numbers go; `new_number` of each, −1 for the others.
  std::vector<int32_t> used_keys(std::vector<int32_t>& new_number) const {
    std::vector<int32_t> used;
    for (size_t s = 0; s < all(); ++s) {
      if (!is_open(s)) continue;
      if (int32_t& n = new_number[size_t(key(s))]; n < 0) {
        n = int32_t(used.size());
        used.push_back(key(s));
      }
    }
    return used;
  }
  void renumber(std::span<const int32_t> new_number) {
    std::vector<int32_t> heads;
    for (size_t key = 0; key < heads_.size(); ++key) {
      if (heads_[key] < 0) continue;
      const auto to = size_t(new_number[key]);
      if (heads.size() <= to) heads.resize(to + 1, kNone);
      heads[to] = heads_[key];
    }
    heads_ = std::move(heads);
    for (Session& s : sessions_)
      if (s.key >= 0) s.key = new_number[size_t(s.key)];  // -1: of one that is open no more
    counted.renumber(new_number);
  }

  bool is_open(size_t session) const { return sessions_[session].next != kGone; }
  size_t open() const noexcept { return open_; }
  size_t all() const noexcept { return sessions_.size(); }
  int32_t key(size_t session) const { return sessions_[session].key; }
  int64_t first(size_t session) const { return sessions_[session].first; }  // times of events
  int64_t last(size_t session) const { return sessions_[session].last; }
  int64_t end(size_t session) const { return sessions_[session].last + gap_; }

  int64_t last_end() const {  // kNoTime when none is open
    int64_t out = kNoTime;
    for (size_t s = 0; s < all(); ++s)
      if (is_open(s)) out = std::max(out, end(s));
    return out;
  }
  int64_t oldest_start() const {  // likewise
    int64_t out = INT64_MAX;
    for (size_t s = 0; s < all(); ++s)
      if (is_open(s)) out = std::min(out, first(s));
    return out == INT64_MAX ? kNoTime : out;
  }
  size_t bytes() const noexcept {
    return counted.bytes() + sessions_.capacity() * sizeof(Session) + heads_.capacity() * sizeof(int32_t);
  }

  Counted counted;

 private:
  static constexpr int32_t kNone = -1, kGone = -2;
  struct Session {
    int64_t first, last;
    int32_t key, next;
  };
  size_t make(int32_t key, int64_t begin, int64_t end) {
    const size_t made = all();
    counted.append(key);
    sessions_.push_back({begin, end, key, heads_[size_t(key)]});
    heads_[size_t(key)] = int32_t(made);
    ++open_;
    return made;
  }

  int64_t gap_;
  size_t open_ = 0;
  std::vector<Session> sessions_;
  std::vector<int32_t> heads_;  // by key
};

}  // namespace pactolus
