// Bytes of the embedded log: frames, records and the durable mark. docs/formats/bronze-log.md is the page about it.
//
// A segment is a row of frames and nothing else. A frame is a group of records written by one flush:
//
//   header, 56 bytes                                            payload: records, one behind the other
//   ┌───────┬─────────┬──────┬────────┬─────────┬─────────┐ ┌───────────────────────────────┬─────┬────────┬───────┐ │
//   magic │ version │ base │ counts │ newest, │ 2 check │     │ value, key, origin length; us │ key │ origin │ value │
//   … │       │         │      │ sizes  │ durable │ sums    │     │ 20 bytes                      │     │        │ │
//   └───────┴─────────┴──────┴────────┴─────────┴─────────┘ └───────────────────────────────┴─────┴────────┴───────┘
//
// All numbers are little-endian and unaligned. Both checksums are seeded by topic id and partition, so that a frame in
// a wrong place is not a frame, and so that a record's value cannot pretend to be one. The header has a checksum of
// its own: a seek walks from header to header without reading payloads, and a length is never believed unchecked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bronze/log.h"

namespace pactolus::bronze {

inline constexpr int kFormatVersion = 1;
// A frame's own version. Records of the second may be erased: no more of them is there than offset and time.
inline constexpr uint16_t kFrameVersion = 1, kErasedVersion = 2;
inline constexpr size_t kFrameHeaderBytes = 56;
inline constexpr size_t kRecordHeadBytes = 20;
inline constexpr uint32_t kFrameMagic = 0x31464250;  // "PBF1"
inline constexpr uint32_t kNullLength = 0xFFFFFFFF;
inline constexpr uint32_t kErasedLength = 0xFFFFFFFE;  // of a value, in frames of version kErasedVersion

// Key, value and origin together. Kafka's brokers refuse above 1 MiB by default and are rarely set beyond 16.
inline constexpr size_t kMaxRecordBytes = 16 << 20;
// A group is closed once it has reached EmbeddedLogOptions::group_bytes, at most 8 MiB, and the record that closes it
// may be a largest one. What says more is no frame, and so nobody allocates for it.
inline constexpr size_t kMaxFramePayload = 32 << 20;

struct FrameHeader {
  int64_t base_offset = 0;  // of the first record; the others follow without gap
  uint32_t records = 0;     // at least one
  uint32_t payload_bytes = 0;
  int64_t newest_timestamp_us = 0;
  int64_t durable_offset = 0;  // everything below was fsynced when this frame was made: recovery asks
  uint64_t payload_checksum = 0;
  uint16_t version = kFrameVersion;
  int64_t end_offset() const noexcept { return base_offset + records; }
  int64_t frame_bytes() const noexcept { return int64_t(kFrameHeaderBytes) + payload_bytes; }
};

enum class FrameFault : uint8_t {
  none,
  truncated,            // the bytes end before the frame does
  not_a_frame,          // no magic, no valid header
  unsupported_version,  // a valid header of a release that is not this one
  out_of_limits,        // a valid header that promises what no frame may hold
  wrong_offset,         // a valid frame that does not continue the one before
  payload_checksum,
  bad_record,  // lengths of a record do not fit into the payload
};
std::string_view text_of(FrameFault fault) noexcept;

// The seed of all checksums of a partition. Frozen.
uint64_t checksum_seed(std::string_view topic_id, PartitionId partition);

// Writes kFrameHeaderBytes to `out`, which lies directly before the payload; both checksums are made here.
void write_frame_header(FrameHeader header, uint64_t seed, char* out) noexcept;
// `bytes` starts at the header and may hold less or more than it.
FrameFault parse_frame_header(std::string_view bytes, uint64_t seed, FrameHeader& out) noexcept;
FrameFault check_payload(const FrameHeader& header, std::string_view payload, uint64_t seed) noexcept;
// Appends the frame's records from offset `from` on; the views point into `payload`, behind which the caller keeps
// kRecordPadding readable bytes. Erased ones are passed over. On a fault nothing is appended.
FrameFault decode_records(const FrameHeader& header, std::string_view payload, Offset from,
                          std::vector<RecordView>& out);

// How far the partition is durable, where readers of all processes look. One small file, overwritten in place.
struct DurableMark {
  int64_t end_offset = 0;    // one past the newest durable record
  int64_t segment_base = 0;  // the segment in which it ends
  int64_t position = 0;      // and where in that file
};
inline constexpr size_t kMarkBytes = 40;
std::array<char, kMarkBytes> encode_mark(const DurableMark& mark, uint64_t seed) noexcept;
std::optional<DurableMark> decode_mark(std::string_view bytes, uint64_t seed) noexcept;  // empty: torn or foreign

std::string segment_name(int64_t base_offset);                              // 20 digits and ".log"
std::optional<int64_t> parse_segment_name(std::string_view name) noexcept;  // empty: some other file

}  // namespace pactolus::bronze
