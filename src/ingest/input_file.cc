#include "ingest/input_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pactolus {
namespace {
int64_t modified_ns(const struct stat& s) { return int64_t(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec; }
}  // namespace

Result<std::unique_ptr<InputFile>> InputFile::open(const fs::path& path) {
  // A pipe without a writer would block here; what is no regular file is refused below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(ErrorCode::not_found, fmt::format("there is no such file: {}", path.native()));
    return fail_errno("cannot open", path.native());
  }
  std::unique_ptr<InputFile> file(new InputFile(path, fd));
  struct stat s{};
  if (::fstat(fd, &s) != 0) return fail_errno("cannot look at", path.native());
  if (S_ISDIR(s.st_mode))
    return fail(ErrorCode::invalid, fmt::format("this is a folder: {}", path.native()),
                "name the files in it, e.g. FOLDER/*.csv");
  if (!S_ISREG(s.st_mode))
    return fail(ErrorCode::invalid, fmt::format("this is no regular file: {}", path.native()),
                "a file is read twice (its content is its identity); save the stream to a file first");
  file->size_ = s.st_size;
  file->modified_ns_ = modified_ns(s);
  return file;
}

InputFile::~InputFile() { ::close(fd_); }

Result<size_t> InputFile::read(char* out, size_t room) {
  room = size_t(std::min(int64_t(room), size_ - position_));
  if (room == 0) return 0;
  for (;;) {
    const ssize_t n = ::pread(fd_, out, room, position_);
    if (n >= 0) {
      position_ += n;
      return size_t(n);
    }
    if (errno != EINTR) return fail_errno("cannot read", path_.native());
  }
}

Result<> InputFile::check_unchanged() const {
  struct stat s{};
  if (::fstat(fd_, &s) != 0) return fail_errno("cannot look at", path_.native());
  if (s.st_size != size_ || modified_ns(s) != modified_ns_)
    return fail(ErrorCode::invalid, fmt::format("the file changed while it was read: {}", path_.native()),
                "wait until it is complete, then ingest it again");
  return {};
}

}  // namespace pactolus
