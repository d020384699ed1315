#include "bronze/embedded/frame_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pactolus::bronze {
namespace {

// Small frames are read together. More would leave the processor's second-level cache before it is decoded.
constexpr size_t kReadAhead = 64 << 10;
constexpr int64_t kMaxReadBytes = 64 << 20;  // whatever a caller asks for

}  // namespace

ReadFile& ReadFile::operator=(ReadFile&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

void ReadFile::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<ReadFile> ReadFile::open(const fs::path& path) {
  ReadFile file;
  do file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  while (file.fd_ < 0 && errno == EINTR);
  if (file.fd_ < 0) return fail_errno("cannot open", path.native());
  file.path_ = path;
  return file;
}

Result<size_t> ReadFile::read(int64_t position, char* to, size_t bytes) const {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(fd_, to + got, bytes - got, position + int64_t(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot read", path_.native());
    if (n == 0) break;
    got += size_t(n);
  }
  return got;
}

Result<int64_t> ReadFile::size() const {
  struct stat st{};
  if (::fstat(fd_, &st) != 0) return fail_errno("cannot stat", path_.native());
  return int64_t(st.st_size);
}

bool ReadFile::still_named() const noexcept {
  struct stat mine{}, named{};
  return ::fstat(fd_, &mine) == 0 && ::stat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
         mine.st_dev == named.st_dev;
}

void FrameReader::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(bytes + kRecordPadding);
  if (filled_) std::memcpy(larger.get(), memory_.get(), filled_);
  std::memset(larger.get() + bytes, 0, kRecordPadding);
  memory_ = std::move(larger);
  capacity_ = bytes;
}

// At least up to `wanted`, if the range and the file have that much; no further than the memory that is there.
Result<> FrameReader::fill(const FrameRange& range, size_t wanted) {
  if (filled_ >= wanted) return {};
  const size_t there = size_t(range.limit - range.position);
  const size_t upto = std::min({std::max(wanted, filled_ + kReadAhead), there, capacity_});
  if (upto > filled_)
    filled_ += TRY(range.file.read(range.position + int64_t(filled_), memory_.get() + filled_, upto - filled_));
  return {};
}

Result<> FrameReader::read(const FrameRange& range, int64_t max_bytes) {
  frames_.clear();
  filled_ = 0;
  fault_ = FrameFault::none;
  position_ = range.position;
  offset_ = range.offset;
  const size_t there = size_t(std::max<int64_t>(range.limit - range.position, 0));
  const size_t budget = size_t(std::clamp<int64_t>(max_bytes, 1, kMaxReadBytes));
  reserve(std::min(there, std::max(budget, kReadAhead)) + kFrameHeaderBytes);
  for (size_t at = 0; at < there && (at == 0 || at + kFrameHeaderBytes < budget);) {
    TRY(fill(range, at + kFrameHeaderBytes));
    Frame frame{{}, {}, range.position + int64_t(at)};
    fault_ =
        parse_frame_header({memory_.get() + at, std::min(filled_ - at, kFrameHeaderBytes)}, range.seed, frame.header);
    if (fault_ == FrameFault::none && frame.header.base_offset != offset_) fault_ = FrameFault::wrong_offset;
    if (fault_ != FrameFault::none) break;
    const size_t end = at + size_t(frame.header.frame_bytes());
    if (at > 0 && end > budget) break;
    if (end > there) {
      fault_ = FrameFault::truncated;
      break;
    }
    reserve(end + kFrameHeaderBytes);  // grows for a first frame only: views into the memory stay where they are
    TRY(fill(range, std::min(end + kFrameHeaderBytes, there)));
    frame.payload = {memory_.get() + at + kFrameHeaderBytes, frame.header.payload_bytes};
    fault_ = filled_ < end ? FrameFault::truncated : check_payload(frame.header, frame.payload, range.seed);
    if (fault_ != FrameFault::none) break;
    frames_.push_back(frame);
    at = end;
    offset_ = frame.header.end_offset();
    position_ = range.position + int64_t(at);
  }
  return {};
}

Result<FrameFault> FrameWalk::peek(FrameHeader& header) {
  header = {};
  if (range_.position >= range_.limit) return FrameFault::none;
  const bool inside = window_ && range_.position >= window_at_ &&
                      range_.position + int64_t(kFrameHeaderBytes) <= window_at_ + int64_t(window_bytes_);
  if (!inside) {
    if (!window_) window_ = std::make_unique_for_overwrite<char[]>(kWindowBytes);
    window_at_ = range_.position;
    const size_t wanted = size_t(std::min<int64_t>(range_.limit - range_.position, kWindowBytes));
    window_bytes_ = TRY(range_.file.read(window_at_, window_.get(), wanted));
  }
  const size_t at = size_t(range_.position - window_at_);
  const FrameFault fault = parse_frame_header({window_.get() + at, window_bytes_ - at}, range_.seed, header);
  if (fault != FrameFault::none) return fault;
  if (header.base_offset != range_.offset) return FrameFault::wrong_offset;
  if (header.frame_bytes() > range_.limit - range_.position) return FrameFault::truncated;
  return FrameFault::none;
}

}  // namespace pactolus::bronze
