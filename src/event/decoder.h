// From bytes to columns: JSON records become rows of an EventBatch, or rejects with their reason. Everything the
// contract says about a single event is checked here; what needs the stream (duplicates) is not.
//
// A record is read in place, a plain one as plain_json.h says, any other by simdjson On-Demand; strings without escapes
// are never copied before they reach their column. Stateless between records but for buffers and for what was usual
// so far, which makes it faster: the same record and rules always give the same answer.
//
//   bytes ──► JSON object ──► fields ──► rules, in the order of the contract's list of reasons ──► row
//                 │               │          │
//                 └───────────────┴──────────┴──► Reject, with the exact bytes
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "event/event_batch.h"
#include "event/record.h"

namespace pactolus {

struct DecodeRules {
  std::vector<ExtraEventType> extra_types;      // codes follow the built-in ones: kBuiltInKinds + index
  int64_t max_ahead_us = 5 * kMicrosPerMinute;  // a clock may run ahead by this much
  size_t max_record_bytes = 1 << 20;
  int max_depth = 64;
};

// What the open batch knows about time; see design.md section 4.
struct BatchTimes {
  int64_t batch_time = 0;  // UTC microseconds
  int64_t too_late_before =
      kNoTime;  // watermark − horizon before the batch; kNoTime accepts any age (histories, no watermark yet)
};

// A key may be any bytes, the columns `kafka_key` are text: bytes that are no UTF-8 become "0x" and hexadecimal digits.
std::string key_text(std::string_view key);

// One decoder belongs to one thread.
class Decoder {
 public:
  explicit Decoder(DecodeRules rules);
  ~Decoder();
  Decoder(Decoder&&) noexcept;

  // Appends one row or one reject per record, in order. `source` goes into the rows. `malformed` is the reason for
  // bytes that are no JSON: malformed_row where the topic holds rows of an imported file.
  void decode(std::span<const RecordView> records, uint16_t source, const BatchTimes& times, EventBatch& out,
              std::vector<Reject>& rejects, RejectReason malformed = RejectReason::malformed_json);

  // Name of a type code: built-in or configured.
  std::string_view type_name(uint8_t code) const;
  int type_count() const;
  // The code of rows that are in Silver under a name which the configuration has no more: an event, of none of its
  // types.
  uint8_t other_type() const { return uint8_t(type_count()); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pactolus
