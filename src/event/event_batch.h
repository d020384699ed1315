// Decoded events in columns: what flows between the rooms. Strings with few values are codes into a dictionary of the
// batch, so that dedupe, windows and Parquet work on integers; ids, which are nearly unique, are kept as text.
//
// A batch is filled by the decoder in order of arrival, then only read. It is the open micro-batch's memory: cleared
// and used again, so that a steady stream allocates nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/ids.h"
#include "event/event_kind.h"

namespace pactolus {

// Value → code, codes dense from 0 in order of first sight. Not thread-safe.
class TextDictionary {
 public:
  TextDictionary();
  int32_t code(std::string_view value);        // inserts when new
  int32_t find(std::string_view value) const;  // -1 when absent
  // code() of each value, appended to `codes`; an empty value is null, -1. One look-up does not wait for the one
  // before.
  void append_codes(std::span<const std::string_view> values, std::vector<int32_t>& codes);
  std::string_view value(int32_t code) const {
    const Entry& e = entries_[size_t(code)];
    return {bytes_.data() + e.begin, e.size};
  }
  int32_t size() const { return int32_t(entries_.size()); }
  uint64_t hash(int32_t code) const { return entries_[size_t(code)].hash; }  // hash64 of the value
  size_t bytes() const { return bytes_.size(); }
  void clear();

 private:
  struct Entry {  // all that a look-up needs to know of a value, in one place
    uint64_t hash;
    uint32_t begin, size;  // in bytes_
  };
  struct Slot {
    uint32_t tag = 0;   // upper half of the hash
    int32_t code = -1;  // -1 is free
  };
  int32_t code(std::string_view value, uint64_t hash);
  int32_t probe_or_insert(std::string_view value, uint64_t hash);
  // Where its probe begins. The factor is the process's secret: values chosen by their hashes do not crowd.
  size_t place_of(uint64_t hash) const { return size_t((hash * multiplier_) >> shift_); }
  size_t slot_of(uint64_t hash, std::string_view value) const;  // where it is, or where it belongs
  void grow();
  std::string bytes_;           // all values, one after the other
  std::vector<Entry> entries_;  // by code
  std::vector<Slot> slots_;     // open addressing, linear probing
  uint64_t multiplier_ = process_secret() | 1;
  int shift_;  // 64 less the bits of a slot's number
};

// Text kept row by row: row i lies in [ends[i], ends[i+1]) of bytes.
struct TextRows {
  std::string bytes;
  std::vector<uint32_t> ends{0};
  void append(std::string_view v) {
    bytes.append(v);
    PACTOLUS_CHECK(bytes.size() <= UINT32_MAX, "text rows outgrew their 32-bit offsets");
    ends.push_back(uint32_t(bytes.size()));
  }
  std::string_view at(size_t row) const { return {bytes.data() + ends[row], ends[row + 1] - ends[row]}; }
  size_t rows() const { return ends.size() - 1; }
  void clear() {
    bytes.clear();
    ends.assign(1, 0);
  }
};

struct CodedRows {
  std::vector<int32_t> codes;  // into a TextDictionary; -1 is null
};

// An event type beyond the built-in ten. It is counted and kept under its own name, and its rows obey the rules of
// `like`: a type that was given without one behaves like page_view, which needs neither product nor price.
struct ExtraEventType {
  std::string name;  // 1 to 64 of A-Z a-z 0-9 _ . -; none of the built-in names
  EventKind like = EventKind::page_view;
  bool operator==(const ExtraEventType&) const = default;
};

inline constexpr Money kNoMoney = INT64_MIN;

struct EventBatch {
  // Which filling of a batch this is: no other one of the process has that number, nor has this one after clear(). What
  // was made of codes may be kept for as long as it stays.
  uint64_t filling = next_filling();
  static uint64_t next_filling() noexcept;
  // Identity
  TextRows event_id;
  std::vector<uint64_t> fingerprint;  // hash64(event_id)
  // Text columns by dictionary. user_id and kafka_key share one: the key nearly always is the user.
  TextDictionary users, products, sessions, categories, devices, pages, referrers, currencies, orders;
  CodedRows user_id, kafka_key, product_id, session_id, product_category, device_type, page_url, referrer, currency,
      order_id;
  std::vector<uint8_t> event_type;  // index into the configured types; the built-in ones equal EventKind
  std::vector<Money> price;         // kNoMoney is null
  std::vector<int32_t> quantity;
  std::vector<int64_t> event_time;  // UTC microseconds
  TextRows extra;                   // JSON object text of the unknown fields; empty is null
  TextRows origin;                  // empty is null
  // Where it came from
  std::vector<uint16_t> source;  // index of the (topic, partition) in the job's list of sources
  std::vector<int64_t> offset;
  std::vector<int64_t> record_time;  // kNoTime is null

  size_t rows() const { return fingerprint.size(); }
  size_t bytes() const;  // about what it holds, for the cut
  void clear();
};

// Why a record could not become a Silver row: the contract's closed list, in its order.
enum class RejectReason : uint8_t {
  malformed_json,
  malformed_row,
  not_an_object,
  too_large,
  too_deep,
  invalid_utf8,
  empty_value,
  missing_event_id,
  missing_user_id,
  missing_product_id,
  missing_event_type,
  unknown_event_type,
  missing_timestamp,
  invalid_timestamp,
  future_timestamp,
  too_late,
  missing_price,
  invalid_price,
  non_positive_price,
  invalid_quantity,
  invalid_currency,
  wrong_type,
  field_too_long,
};
inline constexpr int kRejectReasons = 23;
std::string_view name_of(RejectReason reason) noexcept;

// A rejected record with its exact bytes.
struct Reject {
  RejectReason reason;
  std::string field;   // which field, or empty
  std::string detail;  // what was found, in words
  uint16_t source;
  int64_t offset;
  int64_t record_time;  // kNoTime is null
  bool has_key = false, has_value = false;
  std::string key, value, origin;
};

}  // namespace pactolus
