// Reading segment files: whole frames with checked payloads (FrameReader), or headers only (FrameWalk).
//
// By pread into memory of our own and not by mmap: a file that another process cuts short, or a bad sector, is then an
// error of this call and no signal to the process; and the padding that parsers need behind a value is always there.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "bronze/embedded/segment_format.h"

namespace pactolus::bronze {

// A file open for reading; it stays readable after its name is gone. Owns its descriptor.
class ReadFile {
 public:
  ReadFile() = default;
  ReadFile(ReadFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  ReadFile& operator=(ReadFile&& other) noexcept;
  ~ReadFile() { close(); }

  static Result<ReadFile> open(const fs::path& path);
  bool is_open() const noexcept { return fd_ >= 0; }
  void close() noexcept;
  Result<size_t> read(int64_t position, char* to, size_t bytes) const;  // fewer at the end of the file
  Result<int64_t> size() const;
  bool still_named() const noexcept;  // its path still names this very file
  const fs::path& path() const noexcept { return path_; }

 private:
  int fd_ = -1;
  fs::path path_;
};

// A stretch of one segment to read.
struct FrameRange {
  const ReadFile& file;
  int64_t position;  // where a frame starts
  int64_t limit;     // nothing beyond is looked at: what is not durable may still change
  int64_t offset;    // what the frame at `position` must start with
  uint64_t seed;
};

class FrameReader {
 public:
  struct Frame {
    FrameHeader header;
    std::string_view payload;  // kRecordPadding readable bytes behind it
    int64_t position;
  };

  // Reads whole frames, at most `max_bytes` of them but at least one when there is any. Frames and their payloads are
  // valid until the next read. Memory grows with `max_bytes` and, beyond it, with the largest valid frame.
  Result<> read(const FrameRange& range, int64_t max_bytes);

  const std::vector<Frame>& frames() const noexcept { return frames_; }
  // Why reading ended at position() and offset(): `none` at the range's end or at `max_bytes`.
  FrameFault fault() const noexcept { return fault_; }
  int64_t position() const noexcept { return position_; }
  int64_t offset() const noexcept { return offset_; }

 private:
  Result<> fill(const FrameRange& range, size_t wanted);
  void reserve(size_t bytes);
  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0, filled_ = 0;
  std::vector<Frame> frames_;
  FrameFault fault_ = FrameFault::none;
  int64_t position_ = 0, offset_ = 0;
};

// Walks from header to header. Payloads are neither read nor checked.
class FrameWalk {
 public:
  explicit FrameWalk(const FrameRange& range) : range_(range) {}
  // The frame at position(), or its fault. At the range's end: `none` with header.records == 0.
  Result<FrameFault> peek(FrameHeader& header);
  void step(const FrameHeader& header) {
    range_.position += header.frame_bytes();
    range_.offset = header.end_offset();
  }
  int64_t position() const noexcept { return range_.position; }
  int64_t offset() const noexcept { return range_.offset; }

 private:
  static constexpr size_t kWindowBytes = 64 << 10;  // small frames share a read; large ones cost one each
  FrameRange range_;
  std::unique_ptr<char[]> window_;
  int64_t window_at_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace pactolus::bronze
