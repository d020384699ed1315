// Any bytes as a segment file: through the readers (whole frames, and header by header) and through record decoding.
//
// Checksums stop nearly every input at the first header. So the input is also read with its checksums made right: then
// what stands between a hostile length and the reader's memory is the rest of the decoding.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "bronze/embedded/frame_reader.h"
#include "bronze/embedded/segment_format.h"

namespace pactolus::bronze {
namespace {

constexpr uint64_t kSeed = 7;

// Every view is read to its end and kRecordPadding beyond: the sanitizer sees what is not ours.
uint64_t touch(std::string_view bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size() + kRecordPadding; i += 1 + i / 16) sum += uint8_t(bytes.data()[i]);
  return sum;
}

void read_frames(const ReadFile& file, int64_t size, int64_t max_bytes) {
  FrameReader reader;
  std::vector<RecordView> records;
  int64_t position = 0, offset = 0;
  FrameHeader first;
  char head[kFrameHeaderBytes];
  if (const auto got = file.read(0, head, sizeof head);
      got && parse_frame_header({head, *got}, kSeed, first) == FrameFault::none)
    offset = first.base_offset;
  while (position < size) {
    PACTOLUS_CHECK(reader.read({file, position, size, offset, kSeed}, max_bytes).has_value());
    for (const FrameReader::Frame& frame : reader.frames()) {
      records.clear();
      if (decode_records(frame.header, frame.payload, Offset(frame.header.base_offset + 1), records) !=
          FrameFault::none)
        continue;
      PACTOLUS_CHECK_LE(records.size() + 1, size_t(frame.header.records));
      if (frame.header.version == kFrameVersion) PACTOLUS_CHECK_EQ(records.size() + 1, size_t(frame.header.records));
      for (const RecordView& r : records) {
        volatile uint64_t sum =
            touch(r.value.value_or(frame.payload)) + touch(r.key.value_or(r.origin)) + touch(r.origin);
        (void)sum;
      }
    }
    if (reader.fault() != FrameFault::none) break;
    PACTOLUS_CHECK_LT(position, reader.position());
    position = reader.position();
    offset = reader.offset();
  }
  FrameWalk walk({file, 0, size, first.base_offset, kSeed});
  for (FrameHeader header;; walk.step(header)) {
    const auto fault = walk.peek(header);
    if (!fault || *fault != FrameFault::none || header.records == 0) break;
  }
  PACTOLUS_CHECK_LE(position, walk.position());
}

void read_segment(std::string_view bytes) {
  const int fd = ::memfd_create("segment", MFD_CLOEXEC);
  PACTOLUS_CHECK(fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  const auto file = ReadFile::open("/proc/self/fd/" + std::to_string(fd));
  PACTOLUS_CHECK(file.has_value());
  for (const int64_t max_bytes : {1, 1000, 1 << 20}) read_frames(*file, int64_t(bytes.size()), max_bytes);
  ::close(fd);
}

// Puts right what a writer would have put right, frame by frame, and leaves counts and lengths as they are.
std::string with_checksums(std::string bytes) {
  int64_t offset = 0;
  for (size_t at = 0; at + kFrameHeaderBytes <= bytes.size();) {
    FrameHeader header;
    char* p = bytes.data() + at;
    const size_t left = bytes.size() - at - kFrameHeaderBytes;
    std::memcpy(&header.records, p + 16, sizeof header.records);
    std::memcpy(&header.payload_bytes, p + 20, sizeof header.payload_bytes);
    std::memcpy(&header.newest_timestamp_us, p + 24, sizeof header.newest_timestamp_us);
    header.records &= 0xFF;
    header.payload_bytes = uint32_t(header.payload_bytes & 1 ? left : header.payload_bytes % (left + 1));
    header.base_offset = header.durable_offset = offset;
    header.version = p[4] & 1 ? kErasedVersion : kFrameVersion;
    write_frame_header(header, kSeed, p);
    offset = header.end_offset();
    at += size_t(header.frame_bytes());
  }
  return bytes;
}

}  // namespace
}  // namespace pactolus::bronze

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus::bronze;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_segment(bytes);
  read_segment(with_checksums(bytes));
  (void)decode_mark(bytes, 7);
  (void)parse_segment_name(bytes);
  return 0;
}
