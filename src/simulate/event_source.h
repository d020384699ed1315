// What the shoppers give out: one event after the other, ready to be sent.
//
//   EventSource (classic, shop, replay) ──next()──► drive() ──► EventSink (file, log)
//                                                     └── Pacer: not before its send time
//
// A source is a pure function of its options: the same seed and start time give the same bytes. It never looks at a
// clock; `send_time_us` says when the event is due, and whoever drives it waits, or does not.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "simulate/truth.h"

namespace pactolus {

// What the source knows about an event and the pipeline has to find out.
struct Fate {
  bool late = false;             // its event time was moved back behind its neighbours'
  bool duplicate = false;        // an exact copy of an event that was sent before
  std::string_view reject = {};  // the reason it must meet, by its name in the contract; empty for a good event
};

// Views are valid until the next call of the same source.
struct GeneratedEvent {
  std::string_view key;       // the user; empty stands for no key
  std::string_view value;     // JSON, or what a broken client sends; may be empty
  int64_t event_time_us = 0;  // of a broken record: what it would have been
  int64_t send_time_us = 0;   // never falls from one event to the next
  Fate fate;
};

// One thread.
class EventSource {
 public:
  virtual ~EventSource() = default;
  // When the next event is due, without taking it. False at the end: of the count, of the duration, of the replayed
  // rows, or after a failure. Whoever waits asks this first: an event that was taken counts as sent.
  virtual bool next_due(int64_t& send_time_us) = 0;
  // Takes the next event. False at the end.
  virtual bool next(GeneratedEvent& out) = 0;
  // What has been given out so far.
  virtual const Truth& truth() const = 0;
  // Why it ended early. Only a replay can fail: the others read nothing.
  virtual Result<> outcome() const { return {}; }
};

}  // namespace pactolus
