// What was really sent: kept by the source while it generates, and compared afterwards with what a pipeline found.
//
// "Events" are the distinct good ones: what Silver must hold, if nothing is too late. Duplicates and broken records
// are counted apart, so that  records = events + duplicates + bad.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/ids.h"
#include "base/json.h"
#include "event/event_kind.h"

namespace pactolus {

// Which small numbers have been seen, and how many. Memory: a bit per number up to the largest.
class SeenNumbers {
 public:
  void add(uint64_t number) {
    const size_t word = number / 64;
    if (word >= words_.size()) words_.resize(word + word / 2 + 64);
    const uint64_t bit = uint64_t(1) << (number % 64);
    count_ += (words_[word] & bit) == 0;
    words_[word] |= bit;
  }
  void reserve(uint64_t numbers) { words_.resize(numbers / 64 + 1); }
  int64_t count() const noexcept { return count_; }

 private:
  std::vector<uint64_t> words_;
  int64_t count_ = 0;
};

struct Truth {
  // Money of one currency: price × quantity of every purchase, and of every refund (both positive).
  struct Takings {
    WideMoney revenue = 0;
    WideMoney refunds = 0;
  };

  int64_t records = 0;     // everything that was sent
  int64_t events = 0;      // distinct good events
  int64_t duplicates = 0;  // exact copies of events
  int64_t late = 0;        // of the events; their copies are not counted again
  int64_t bad = 0;         // broken records
  std::map<std::string, int64_t, std::less<>> bad_by_reason;
  std::array<int64_t, kBuiltInKinds> by_type{};         // of the events
  std::map<std::string, Takings, std::less<>> takings;  // by currency; "" is the shop's own
  int64_t sessions = 0;                                 // that have at least one event
  int64_t orders = 0;                                   // distinct order_id
  int64_t planted_views = 0, planted_purchases = 0;     // of the planted product, among the events
  SeenNumbers users, products;                          // of the events
  int64_t first_event_time_us = kNoTime;                // smallest and largest of the events; kNoTime without any
  int64_t last_event_time_us = kNoTime;

  int64_t count(EventKind e) const noexcept { return by_type[size_t(e)]; }
  void add_time(int64_t event_time_us) noexcept {
    if (first_event_time_us == kNoTime || event_time_us < first_event_time_us) first_event_time_us = event_time_us;
    if (event_time_us > last_event_time_us) last_event_time_us = event_time_us;
  }
  // {"records":…,"events":…,"by_type":{…},"revenue":"12.3400",…}: money as text, types and reasons that did not occur
  // left out, times as ISO 8601 or null.
  Json to_json() const;
};

}  // namespace pactolus
