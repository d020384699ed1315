#include "bronze/embedded/segment_format.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/hash.h"

namespace pactolus::bronze {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is little-endian and read in place");

constexpr uint32_t kMarkMagic = 0x314D4250;  // "PBM1"
constexpr size_t kHeaderChecksumAt = 48;

template <class T>
T load(const char* p) noexcept {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store(char* p, T v) noexcept {
  std::memcpy(p, &v, sizeof v);
}

}  // namespace

std::string_view text_of(FrameFault fault) noexcept {
  switch (fault) {
    case FrameFault::none: return "no fault";
    case FrameFault::truncated: return "the frame is cut off";
    case FrameFault::not_a_frame: return "there is no valid frame header";
    case FrameFault::unsupported_version: return "the frame has a version that this release does not know";
    case FrameFault::out_of_limits: return "the frame header is beyond the format's limits";
    case FrameFault::wrong_offset: return "the frame does not continue the one before";
    case FrameFault::payload_checksum: return "the payload does not match its checksum";
    case FrameFault::bad_record: return "a record does not fit into its frame";
  }
  return "unknown fault";
}

uint64_t checksum_seed(std::string_view topic_id, PartitionId partition) {
  return hash64(fmt::format("{}/{}", topic_id, partition.value));
}

void write_frame_header(FrameHeader header, uint64_t seed, char* out) noexcept {
  store(out, kFrameMagic);
  store(out + 4, header.version);
  store(out + 6, uint16_t(0));
  store(out + 8, header.base_offset);
  store(out + 16, header.records);
  store(out + 20, header.payload_bytes);
  store(out + 24, header.newest_timestamp_us);
  store(out + 32, header.durable_offset);
  store(out + 40, hash64(std::string_view(out + kFrameHeaderBytes, header.payload_bytes), seed));
  store(out + kHeaderChecksumAt, hash64(std::string_view(out, kHeaderChecksumAt), seed));
}

FrameFault parse_frame_header(std::string_view bytes, uint64_t seed, FrameHeader& out) noexcept {
  if (bytes.size() < kFrameHeaderBytes) return FrameFault::truncated;
  const char* p = bytes.data();
  if (load<uint32_t>(p) != kFrameMagic) return FrameFault::not_a_frame;
  if (load<uint64_t>(p + kHeaderChecksumAt) != hash64(bytes.substr(0, kHeaderChecksumAt), seed))
    return FrameFault::not_a_frame;
  // Only now: a flipped bit in the version is damage, not another release.
  out.version = load<uint16_t>(p + 4);
  if ((out.version != kFrameVersion && out.version != kErasedVersion) || load<uint16_t>(p + 6) != 0)
    return FrameFault::unsupported_version;
  out.base_offset = load<int64_t>(p + 8);
  out.records = load<uint32_t>(p + 16);
  out.payload_bytes = load<uint32_t>(p + 20);
  out.newest_timestamp_us = load<int64_t>(p + 24);
  out.durable_offset = load<int64_t>(p + 32);
  out.payload_checksum = load<uint64_t>(p + 40);
  const bool sane = out.base_offset >= 0 && out.base_offset <= INT64_MAX - int64_t(UINT32_MAX) &&
                    out.durable_offset >= 0 && out.durable_offset <= out.base_offset &&
                    out.payload_bytes <= kMaxFramePayload && out.records > 0 &&
                    out.records <= out.payload_bytes / kRecordHeadBytes;
  return sane ? FrameFault::none : FrameFault::out_of_limits;
}

FrameFault check_payload(const FrameHeader& header, std::string_view payload, uint64_t seed) noexcept {
  if (payload.size() != header.payload_bytes) return FrameFault::truncated;
  return hash64(payload, seed) == header.payload_checksum ? FrameFault::none : FrameFault::payload_checksum;
}

FrameFault decode_records(const FrameHeader& header, std::string_view payload, Offset from,
                          std::vector<RecordView>& out) {
  const size_t before = out.size();
  const char* p = payload.data();
  const char* const end = p + payload.size();
  out.reserve(before + header.records);
  for (int64_t offset = header.base_offset; offset != header.end_offset(); ++offset) {
    const size_t left = size_t(end - p);
    if (left < kRecordHeadBytes) break;
    const uint32_t value = load<uint32_t>(p), key = load<uint32_t>(p + 4), origin = load<uint32_t>(p + 8);
    const bool erased = value == kErasedLength && header.version == kErasedVersion;
    const uint64_t value_bytes = value == kNullLength || erased ? 0 : value, key_bytes = key == kNullLength ? 0 : key;
    if (kRecordHeadBytes + value_bytes + key_bytes + origin > left) break;
    const char* key_at = p + kRecordHeadBytes;
    const char* origin_at = key_at + key_bytes;
    const char* value_at = origin_at + origin;
    if (offset >= from.value && !erased) {
      RecordView& record = out.emplace_back();
      record.offset = Offset(offset);
      record.timestamp_us = load<int64_t>(p + 12);
      if (key != kNullLength) record.key.emplace(key_at, key);
      if (value != kNullLength) record.value.emplace(value_at, value);
      record.origin = std::string_view(origin_at, origin);
    }
    p = value_at + value_bytes;
    if (offset + 1 == header.end_offset() && p == end) return FrameFault::none;
  }
  out.resize(before);
  return FrameFault::bad_record;
}

std::array<char, kMarkBytes> encode_mark(const DurableMark& mark, uint64_t seed) noexcept {
  std::array<char, kMarkBytes> out{};
  store(out.data(), kMarkMagic);
  store(out.data() + 8, mark.end_offset);
  store(out.data() + 16, mark.segment_base);
  store(out.data() + 24, mark.position);
  store(out.data() + 32, hash64(std::string_view(out.data(), 32), seed));
  return out;
}

std::optional<DurableMark> decode_mark(std::string_view bytes, uint64_t seed) noexcept {
  if (bytes.size() != kMarkBytes || load<uint32_t>(bytes.data()) != kMarkMagic) return {};
  if (load<uint64_t>(bytes.data() + 32) != hash64(bytes.substr(0, 32), seed)) return {};
  const DurableMark mark{load<int64_t>(bytes.data() + 8), load<int64_t>(bytes.data() + 16),
                         load<int64_t>(bytes.data() + 24)};
  if (mark.segment_base < 0 || mark.position < 0 || mark.end_offset < mark.segment_base) return {};
  return mark;
}

std::string segment_name(int64_t base_offset) { return fmt::format("{:020}.log", base_offset); }

std::optional<int64_t> parse_segment_name(std::string_view name) noexcept {
  if (name.size() != 24 || !name.ends_with(".log")) return {};
  uint64_t base = 0;  // twenty digits may exceed 64 bits: such a name is none of ours
  for (const char c : name.substr(0, 20)) {
    if (c < '0' || c > '9' || base > uint64_t(INT64_MAX) / 10) return {};
    base = base * 10 + uint64_t(c - '0');
  }
  return base <= uint64_t(INT64_MAX) ? std::optional(int64_t(base)) : std::nullopt;
}

}  // namespace pactolus::bronze
