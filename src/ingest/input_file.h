// A file that somebody gave us to read: a regular file, read front to back, more than once when need be, and watched
// for changes on the way. It ends where it ended when it was opened: what somebody appends meanwhile is not read.
#pragma once

#include <cstdint>
#include <memory>

#include "base/file.h"
#include "base/result.h"

namespace pactolus {

// Bytes from the first to the last, once. One thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `room` bytes, at least one; 0 at the end, and again 0 after it.
  virtual Result<size_t> read(char* out, size_t room) = 0;
};

class InputFile final : public ByteSource {
 public:
  // Errors: not_found for a missing file, invalid for a folder or anything else that is no regular file, io.
  static Result<std::unique_ptr<InputFile>> open(const fs::path& path);
  InputFile(const InputFile&) = delete;
  ~InputFile() override;

  Result<size_t> read(char* out, size_t room) override;
  void seek(int64_t position) noexcept { position_ = position; }  // of the next read
  // Error invalid when size or modification time are no longer what they were at open().
  Result<> check_unchanged() const;

  const fs::path& path() const noexcept { return path_; }
  int descriptor() const noexcept { return fd_; }
  int64_t size() const noexcept { return size_; }  // bytes, as of open()
  int64_t position() const noexcept { return position_; }

 private:
  InputFile(fs::path path, int descriptor) : path_(std::move(path)), fd_(descriptor) {}
  fs::path path_;
  int fd_;
  int64_t size_ = 0, position_ = 0, modified_ns_ = 0;
};

}  // namespace pactolus
