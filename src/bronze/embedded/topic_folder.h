// A topic's folder: what is where, who it is, and the two locks.
//
//   bronze/<topic>/topic.json                                identity; there means the topic is there
//   bronze/<topic>/writer.lock                               held by the writer for life; its content is the pid
//   bronze/<topic>/recovery.lock                             held for moments, while somebody puts the tails in order
//   bronze/<topic>/<partition>/<base offset>.log             segments
//   bronze/<topic>/<partition>/durable                       the durable mark
//
// Everything but topic.json is made by the first writer or reader that may write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "bronze/log.h"

namespace pactolus::bronze {

class TopicFolder {
 public:
  TopicFolder(const fs::path& bronze_folder, TopicIdentity identity)
      : path_(bronze_folder / identity.name), identity_(std::move(identity)) {}

  const TopicIdentity& identity() const noexcept { return identity_; }
  fs::path partition(PartitionId partition) const;
  fs::path writer_lock() const { return path_ / "writer.lock"; }
  fs::path recovery_lock() const { return path_ / "recovery.lock"; }
  bool same_topic_on_disk() const;  // false: it is gone, or another one was made under its name

 private:
  fs::path path_;
  TopicIdentity identity_;
};

// Base offsets of a partition's segments, ascending. A missing folder has none.
Result<std::vector<int64_t>> list_segments(const fs::path& partition_folder);
fs::path segment_path(const fs::path& partition_folder, int64_t base_offset);
fs::path mark_path(const fs::path& partition_folder);

std::unexpected<Error> corrupt_partition(const TopicFolder& topic, PartitionId partition, int64_t offset,
                                         const fs::path& file, int64_t position, std::string_view what);

// An exclusive lock that is waited for. Whoever recovers holds it; so whoever has held it and then finds the writer's
// lock taken knows that the holder is a live writer whose recovery is done.
class RecoveryLock {
 public:
  RecoveryLock(RecoveryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RecoveryLock& operator=(RecoveryLock&&) = delete;
  ~RecoveryLock();
  // Empty when this process may not write there (permissions, a read-only file system).
  static Result<std::optional<RecoveryLock>> wait(const fs::path& path);

 private:
  explicit RecoveryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace pactolus::bronze
