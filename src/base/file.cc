#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "base/disk_journal.h"
#include "base/fault.h"
#include "base/parallel.h"

namespace pactolus {
namespace {

Result<int> open_descriptor(const fs::path& path, int flags) {
  int fd;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno("cannot open", path.native());
  return fd;
}

Result<> write_all(int fd, int64_t position, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), position);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_errno("cannot write", path.native());
    }
    bytes.remove_prefix(size_t(n));
    position += n;
  }
  return {};
}

Result<> write_temporary(const fs::path& path, std::string_view bytes) {
  File file = TRY(File::create(path));
  TRY(file.write(bytes));
  return file.sync();
}

}  // namespace

// Beside the target, so that rename and link stay within one file system. Its id keeps a process and its forks apart, a
// number drawn once keeps containers apart that all run as process 1, a counter threads.
fs::path temporary_beside(const fs::path& path) {
  static const uint64_t process = Random::from_system().next();
  static std::atomic<uint64_t> count{0};
  return path.parent_path() /
         fmt::format(".{}.{}.{:016x}.{}.tmp", path.filename().native(), ::getpid(), process, count.fetch_add(1));
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), size_(other.size_) {}
File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
    size_ = other.size_;
  }
  return *this;
}
File::~File() { close(); }
void File::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<File> File::create(const fs::path& path) {
  const int fd = TRY(open_descriptor(path, O_RDWR | O_CREAT | O_EXCL));
  disk_journal::created(path);
  return File(fd, path, 0);
}
Result<File> File::open_append(const fs::path& path) {
  const bool fresh = ::access(path.c_str(), F_OK) != 0;
  const int fd = TRY(open_descriptor(path, O_RDWR | O_CREAT));
  if (fresh) disk_journal::created(path);
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail_errno("cannot stat", path.native());
  return File(fd, path, st.st_size);
}
Result<File> File::open_read_write(const fs::path& path) {
  const int fd = TRY(open_descriptor(path, O_RDWR));
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail_errno("cannot stat", path.native());
  return File(fd, path, st.st_size);
}

Result<> File::write(std::string_view bytes) { return write_at(size_, bytes); }

Result<> File::write_at(int64_t position, std::string_view bytes) {
  disk_journal::writing(path_, fd_, position, int64_t(bytes.size()), size_);
  TRY(write_all(fd_, position, bytes, path_));
  size_ = std::max(size_, position + int64_t(bytes.size()));
  return {};
}

Result<> File::sync() {
  if (::fdatasync(fd_) != 0) return fail_errno("cannot fsync", path_.native());
  disk_journal::synced(path_, size_);
  return {};
}

Result<> File::truncate(int64_t size) {
  if (size < size_) disk_journal::writing(path_, fd_, size, size_ - size, size_);  // what is cut off, to bring it back
  if (::ftruncate(fd_, size) != 0) return fail_errno("cannot truncate", path_.native());
  size_ = size;
  return {};
}

Result<> sync_folder(const fs::path& folder) {
  const fs::path target = folder.empty() ? fs::path(".") : folder;
  const int fd = TRY(open_descriptor(target, O_RDONLY | O_DIRECTORY));
  const int status = ::fsync(fd);
  const int saved = errno;
  ::close(fd);
  errno = saved;
  if (status != 0) return fail_errno("cannot fsync folder", target.native());
  disk_journal::folder_synced(target);
  return {};
}

namespace {

// A folder that is there may have been made by a process that was killed before it fsynced the parent; so the first
// time that this process meets a folder it makes the name durable.
struct {
  std::mutex mutex;
  std::set<std::string> names;
} durable_folders;

}  // namespace

Result<> NewNames::make_folders(const fs::path& folder) {
  if (folder.empty() || folder == folder.root_path()) return {};
  std::string name = fs::absolute(folder).lexically_normal().native();
  struct stat st{};
  if (::stat(folder.c_str(), &st) == 0) {
    if (!S_ISDIR(st.st_mode))
      return fail(ErrorCode::io, fmt::format("cannot make folder {}: a file is in the way", folder.native()));
    const std::lock_guard lock(durable_folders.mutex);
    if (durable_folders.names.contains(name)) return {};
  } else {
    TRY(make_folders(folder.parent_path()));
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno("cannot make folder", folder.native());
    disk_journal::created(folder);
    fault_point("folder.made");
  }
  const std::lock_guard lock(mutex_);
  folders_.insert(folder.parent_path());
  durable_.push_back(std::move(name));
  return {};
}

void NewNames::add(const fs::path& path) {
  const std::lock_guard lock(mutex_);
  folders_.insert(path.parent_path());
}

Result<> NewNames::sync(int32_t threads) {
  const std::vector<fs::path> folders(folders_.begin(), folders_.end());
  TRY(in_parallel(folders.size(), threads, [&](size_t i) { return sync_folder(folders[i]); }));
  const std::lock_guard lock(durable_folders.mutex);
  durable_folders.names.insert(durable_.begin(), durable_.end());
  folders_.clear();
  durable_.clear();
  return {};
}

Result<> make_folders(const fs::path& folder) {
  NewNames names;
  TRY(names.make_folders(folder));
  return names.sync();
}

Result<std::string> read_file(const fs::path& path) { return read_file_part(path, 0, INT64_MAX); }

Result<std::string> read_file_part(const fs::path& path, int64_t position, int64_t size) {
  const int fd = TRY(open_descriptor(path, O_RDONLY));
  struct stat st{};
  if (::fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
    ::close(fd);
    if (S_ISDIR(st.st_mode)) errno = EISDIR;
    return fail_errno("cannot read", path.native());
  }
  std::string out;
  const int64_t want = std::clamp<int64_t>(st.st_size - position, 0, size);
  out.resize(size_t(want));
  int64_t got = 0;
  while (got < want) {
    const ssize_t n = ::pread(fd, out.data() + got, size_t(want - got), position + got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int saved = errno;
      ::close(fd);
      errno = saved;
      return fail_errno("cannot read", path.native());
    }
    if (n == 0) break;
    got += n;
  }
  ::close(fd);
  out.resize(size_t(got));
  return out;
}

Result<int64_t> size_of_file(const fs::path& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return fail_errno("cannot stat", path.native());
  return int64_t(st.st_size);
}

Result<> rename_file(const fs::path& from, const fs::path& to) {
  disk_journal::renaming(from, to);
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("cannot rename to", to.native());
  return {};
}

Result<> remove_file(const fs::path& path) {
  disk_journal::removing(path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("cannot remove", path.native());
  return {};
}

Result<> replace_file(const fs::path& path, std::string_view bytes) {
  const fs::path temporary = temporary_beside(path);
  if (auto written = write_temporary(temporary, bytes); !written) {
    (void)remove_file(temporary);
    return written;
  }
  TRY(rename_file(temporary, path));
  return sync_folder(path.parent_path());
}

Result<PutOutcome> put_if_absent(const fs::path& path, std::string_view bytes, bool* linked) {
  if (linked) *linked = false;
  const fs::path temporary = temporary_beside(path);
  if (auto written = write_temporary(temporary, bytes); !written) {
    (void)remove_file(temporary);
    return std::unexpected(written.error());
  }
  const int status = ::link(temporary.c_str(), path.c_str());
  const int saved = errno;
  if (status == 0) disk_journal::linked(temporary, path);
  fault_point("put.linked");  // the name is there, but not yet for good
  (void)remove_file(temporary);
  if (status != 0) {
    if (saved == EEXIST) return PutOutcome::exists;
    errno = saved;
    return fail_errno("cannot link", path.native());
  }
  if (linked) *linked = true;
  TRY(sync_folder(path.parent_path()));
  return PutOutcome::done;
}

Result<std::vector<std::string>> list_folder(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && it != fs::directory_iterator(); it.increment(error)) names.push_back(it->path().filename().native());
  if (error) return fail(ErrorCode::io, fmt::format("cannot list {}: {}", folder.native(), error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::optional<FileLock>> FileLock::try_lock(const fs::path& path) { return lock(path, LOCK_EX); }
Result<std::optional<FileLock>> FileLock::try_lock_shared(const fs::path& path) { return lock(path, LOCK_SH); }

Result<std::optional<FileLock>> FileLock::lock(const fs::path& path, int how) {
  const int fd = TRY(open_descriptor(path, O_RDWR | O_CREAT));
  FileLock lock(fd);
  if (::flock(fd, how | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    return fail_errno("cannot lock", path.native());
  }
  return std::optional(std::move(lock));
}

Result<bool> FileLock::is_held(const fs::path& path) {
  const auto fd = open_descriptor(path, O_RDONLY);
  if (!fd) {
    if (fd.error().code == ErrorCode::not_found) return false;
    return std::unexpected(fd.error());
  }
  const FileLock lock(*fd);
  if (::flock(*fd, LOCK_SH | LOCK_NB) == 0) return false;
  if (errno == EWOULDBLOCK) return true;
  return fail_errno("cannot look at the lock", path.native());
}

Result<> FileLock::write_holder(std::string_view text) {
  if (::ftruncate(fd_, 0) != 0) return fail_errno("cannot write", "lock file");
  return write_all(fd_, 0, text, "lock file");
}

}  // namespace pactolus
