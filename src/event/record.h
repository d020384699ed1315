// A record as Bronze hands it to the decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"

namespace pactolus {

// A record as it lies in the log. Views: valid until the next poll of the same reader. At least kRecordPadding bytes
// are readable behind `value`, so that a SIMD parser may read past its end.
struct RecordView {
  Offset offset;
  int64_t timestamp_us = kNoTime;         // when it was appended (or the producer's time); kNoTime when missing
  std::optional<std::string_view> key;    // nullopt is a null key
  std::optional<std::string_view> value;  // nullopt is a tombstone
  std::string_view origin;                // "topic@topic-id/partition/offset" of a replayed record, else empty
};
inline constexpr size_t kRecordPadding = 64;

}  // namespace pactolus
