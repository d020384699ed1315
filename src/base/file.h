// Durable files. Everything that Pactolus promises to keep is written through here, so that one place knows what
// has been fsynced and a test can take away what has not (disk journal, below).
//
// A new name is durable only when its folder has been fsynced too: create, write, sync, sync_folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus {

namespace fs = std::filesystem;

// An open file for writing. Owns its descriptor; moves, does not copy. One thread at a time.
class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  static Result<File> create(const fs::path& path);           // must not exist
  static Result<File> open_append(const fs::path& path);      // creates when missing; writes go to the end
  static Result<File> open_read_write(const fs::path& path);  // must exist

  Result<> write(std::string_view bytes);  // at the current end; all or an error
  Result<> write_at(int64_t position, std::string_view bytes);
  Result<> sync();  // fdatasync: content and size are on the disk
  Result<> truncate(int64_t size);
  void close() noexcept;

  bool is_open() const noexcept { return fd_ >= 0; }
  int descriptor() const noexcept { return fd_; }
  int64_t size() const noexcept { return size_; }  // as seen by this writer
  const fs::path& path() const noexcept { return path_; }

 private:
  File(int fd, fs::path path, int64_t size) : fd_(fd), path_(std::move(path)), size_(size) {}
  int fd_ = -1;
  fs::path path_;
  int64_t size_ = 0;
};

Result<> sync_folder(const fs::path& folder);
// Makes the folder and those above it; fsyncs the parent of every folder that was new.
Result<> make_folders(const fs::path& folder);

// Names that a piece of work makes in several folders and wants durable together: each folder is fsynced once, however
// many names it got. Any thread, also several at once; sync() when they have ended.
class NewNames {
 public:
  Result<> make_folders(const fs::path& folder);  // with those above it
  void add(const fs::path& path);                 // somebody has made it
  Result<> sync(int32_t threads = 1);

 private:
  std::mutex mutex_;
  std::set<fs::path> folders_;        // with a name that is to be made durable
  std::vector<std::string> durable_;  // names of folders that are, once these are
};

Result<std::string> read_file(const fs::path& path);
Result<std::string> read_file_part(const fs::path& path, int64_t position, int64_t size);  // shorter at the end
Result<int64_t> size_of_file(const fs::path& path);

// A name of its own beside the target, for a file that is then renamed or linked to it: no other process, container,
// thread or call draws the same one.
fs::path temporary_beside(const fs::path& path);
// The file is there whole or not at all, also after a power loss: temp file, fsync, rename, fsync folder.
Result<> replace_file(const fs::path& path, std::string_view bytes);

enum class PutOutcome : uint8_t { done, exists };
// Put-if-absent: temp file, fsync, link(2), fsync folder. An error after the link leaves the outcome unknown, and the
// error says so through `linked`, when given: the caller has to look.
Result<PutOutcome> put_if_absent(const fs::path& path, std::string_view bytes, bool* linked = nullptr);

Result<> remove_file(const fs::path& path);  // a missing file is no error
Result<> rename_file(const fs::path& from, const fs::path& to);

// Names in a folder, sorted; a missing folder is an empty list.
Result<std::vector<std::string>> list_folder(const fs::path& folder);

// Lock on a file, exclusive unless it says otherwise, for as long as the object lives (flock: it ends with the process,
// however it ends).
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();
  // Empty when another process or object holds it.
  static Result<std::optional<FileLock>> try_lock(const fs::path& path);
  // Shared with others of its kind; empty when somebody holds it exclusively.
  static Result<std::optional<FileLock>> try_lock_shared(const fs::path& path);
  // Does anybody hold it exclusively now? Needs only to read the file, and keeps nobody away.
  static Result<bool> is_held(const fs::path& path);
  bool held() const noexcept { return fd_ >= 0; }
  // Content of the lock file: who holds it. Read by anybody.
  Result<> write_holder(std::string_view text);

 private:
  static Result<std::optional<FileLock>> lock(const fs::path& path, int how);
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// Test support: with PACTOLUS_DISK_JOURNAL=FILE in the environment every change of a file or name is noted there
// with what is needed to undo it, and every fsync. `forget_unsynced` then puts the disk into the state that a power
// loss may leave: content, sizes and names as of their last fsync. Inert otherwise.
Result<int64_t> forget_unsynced(const fs::path& journal);  // how many changes were undone

}  // namespace pactolus
