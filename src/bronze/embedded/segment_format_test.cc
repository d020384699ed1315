#include "bronze/embedded/segment_format.h"

#include <gtest/gtest.h>

#include <cstring>

#include "bronze/embedded/frame_buffer.h"

namespace pactolus::bronze {
namespace {

constexpr uint64_t kSeed = 42;

std::string frame_of(const std::vector<NewRecord>& records, int64_t base = 0, int64_t durable = 0) {
  FrameBuffer buffer(kSeed, Offset(base), 1 << 20);
  for (const NewRecord& r : records) buffer.append(r, 99, Offset(durable));
  buffer.seal(Offset(durable));
  return std::string(buffer.front(INT64_MAX).bytes);
}

// The bytes of version 1 are a promise: every later release reads them.
TEST(SegmentFormat, TheBytesOfVersionOneStay) {
  const std::string frame = frame_of({{.key = "k", .value = "vv", .origin = "o"}, {}}, 7, 5);
  std::string hex;
  for (const unsigned char c : frame) hex += "0123456789abcdef"[c >> 4], hex += "0123456789abcdef"[c & 15];
  EXPECT_EQ(hex.substr(0, 80),
            "5042463101000000"
            "0700000000000000"
            "02000000"
            "2c000000"
            "6300000000000000"
            "0500000000000000");
  EXPECT_EQ(hex.substr(112),
            "020000000100000001000000"
            "6300000000000000"
            "6b"
            "6f"
            "7676"
            "ffffffffffffffff00000000"
            "6300000000000000");
  EXPECT_EQ(hex.substr(80, 32),
            "7c423ed7f55994bb"
            "6690e43180d574d4");
  const auto mark = encode_mark({7, 5, 300}, kSeed);
  EXPECT_EQ(std::string_view(mark.data(), 4), "PBM1");
  EXPECT_EQ(segment_name(1234), "00000000000000001234.log");
}

TEST(SegmentFormat, SegmentNamesAreReadBack) {
  for (const int64_t base : {int64_t(0), int64_t(1234), INT64_MAX})
    EXPECT_EQ(parse_segment_name(segment_name(base)), base);
  for (const char* other : {"durable", "00000000000000001234.log2", "0000000000000000123x.log",
                            "99999999999999999999.log", "09223372036854775808.log", "1234.log"})
    EXPECT_FALSE(parse_segment_name(other)) << other;
}

TEST(SegmentFormat, MarksAreReadBackOrRefused) {
  const auto bytes = encode_mark({70, 50, 300}, kSeed);
  const std::string_view whole(bytes.data(), bytes.size());
  const auto mark = decode_mark(whole, kSeed);
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->end_offset, 70);
  EXPECT_EQ(mark->segment_base, 50);
  EXPECT_EQ(mark->position, 300);
  EXPECT_FALSE(decode_mark(whole, kSeed + 1));
  EXPECT_FALSE(decode_mark(whole.substr(1), kSeed));
  for (size_t bit = 0; bit < 8 * kMarkBytes; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_mark({damaged.data(), damaged.size()}, kSeed)) << bit;
  }
}

TEST(SegmentFormat, EveryFlippedBitOfAFrameIsSeen) {
  const std::string frame = frame_of({{.key = "key", .value = "value"}, {.value = "second"}});
  for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << bit % 8));
    FrameHeader header;
    FrameFault fault = parse_frame_header(damaged, kSeed, header);
    if (fault == FrameFault::none)
      fault = check_payload(header, std::string_view(damaged).substr(kFrameHeaderBytes), kSeed);
    EXPECT_NE(fault, FrameFault::none) << bit;
    EXPECT_NE(fault, FrameFault::unsupported_version) << "a flipped bit is no later release: " << bit;
  }
}

TEST(SegmentFormat, HeadersBeyondTheLimitsAreRefused) {
  const auto fault_of = [](FrameHeader header) {
    std::string bytes(kFrameHeaderBytes + 100, '\0');
    const uint32_t payload = header.payload_bytes;
    header.payload_bytes = 0;
    write_frame_header(header, kSeed, bytes.data());
    std::memcpy(bytes.data() + 20, &payload, sizeof payload);
    FrameHeader out;
    write_frame_header(header, kSeed, bytes.data());
    return parse_frame_header(bytes, kSeed, out);
  };
  EXPECT_EQ(fault_of({.base_offset = 0, .records = 0}), FrameFault::out_of_limits);
  EXPECT_EQ(fault_of({.base_offset = -1, .records = 1}), FrameFault::out_of_limits);
  EXPECT_EQ(fault_of({.base_offset = 1, .records = 1, .durable_offset = 2}), FrameFault::out_of_limits);
}

TEST(SegmentFormat, RecordsThatDoNotFitAreRefusedWhole) {
  const std::string frame = frame_of({{.value = "first"}, {.value = "second"}});
  FrameHeader header;
  ASSERT_EQ(parse_frame_header(frame, kSeed, header), FrameFault::none);
  const std::string payload = frame.substr(kFrameHeaderBytes) + std::string(kRecordPadding, '\0');
  const std::string_view exact(payload.data(), header.payload_bytes);
  std::vector<RecordView> out;
  ASSERT_EQ(decode_records(header, exact, Offset(0), out), FrameFault::none);
  EXPECT_EQ(out.size(), 2u);
  EXPECT_EQ(decode_records(header, exact, Offset(1), out), FrameFault::none);
  EXPECT_EQ(out.size(), 3u);
  EXPECT_EQ(out.back().value, "second");
  for (const uint32_t length : {0u, 6u, 400u, 0x7FFFFFFFu, 0xFFFFFFFEu}) {
    for (const size_t field : {0, 4, 8}) {
      if (length == 0 && field > 0) continue;  // that fits: there are no key and no origin
      std::string damaged = payload;
      std::memcpy(damaged.data() + field, &length, sizeof length);
      EXPECT_EQ(decode_records(header, {damaged.data(), header.payload_bytes}, Offset(0), out), FrameFault::bad_record)
          << length << " at " << field;
      EXPECT_EQ(out.size(), 3u);
    }
  }
}

// 12 bytes of lengths and 8 of time are all that is left of a record; in version 1 there is no such thing.
TEST(SegmentFormat, ErasedRecordsArePassedOver) {
  std::string frame = frame_of({{.value = "first"}, {.key = "k", .value = "second"}});
  FrameHeader header;
  ASSERT_EQ(parse_frame_header(frame, kSeed, header), FrameFault::none);
  const std::string second = frame.substr(kFrameHeaderBytes + kRecordHeadBytes + 5);
  const std::string gone("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0\x07\0\0\0\0\0\0\0", kRecordHeadBytes);
  frame = std::string(kFrameHeaderBytes, '\0') + gone + second;
  header.payload_bytes = uint32_t(frame.size() - kFrameHeaderBytes);
  frame.resize(frame.size() + kRecordPadding);
  for (const uint16_t version : {kErasedVersion, kFrameVersion}) {
    header.version = version;
    write_frame_header(header, kSeed, frame.data());
    FrameHeader read;
    ASSERT_EQ(parse_frame_header(frame, kSeed, read), FrameFault::none);
    EXPECT_EQ(frame[4], char(version));
    const std::string_view payload(frame.data() + kFrameHeaderBytes, read.payload_bytes);
    std::vector<RecordView> out;
    ASSERT_EQ(decode_records(read, payload, Offset(0), out),
              version == kErasedVersion ? FrameFault::none : FrameFault::bad_record);
    if (version == kFrameVersion) continue;
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].offset, Offset(read.base_offset + 1));
    EXPECT_EQ(out[0].value, "second");
  }
}

TEST(FrameBuffer, FramesLeaveInOrderWhileOthersCome) {
  FrameBuffer buffer(kSeed, Offset(0), 1);  // a frame for each record
  for (int i = 0; i < 4; ++i) buffer.append({.value = "v"}, 1, Offset(0));
  const auto first = buffer.front(1);
  EXPECT_EQ(first.frames, 1u);
  buffer.consume(first);
  EXPECT_EQ(buffer.append({.value = "v"}, 1, Offset(1)), Offset(4));
  const auto rest = buffer.front(INT64_MAX);
  EXPECT_EQ(rest.records, 4);
  buffer.consume(rest);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.bytes(), 0u);
}

}  // namespace
}  // namespace pactolus::bronze
