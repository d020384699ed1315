#include "bronze/embedded/mark_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace pactolus::bronze {

MarkWatch::~MarkWatch() {
  if (fd_ >= 0) ::close(fd_);
}

int MarkWatch::descriptor(const TopicFolder& topic) {
  if (fd_ < 0 && (fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0) return -1;
  for (; watched_ < topic.identity().partitions; ++watched_)
    if (::inotify_add_watch(fd_, mark_path(topic.partition(PartitionId(watched_))).c_str(), IN_MODIFY) < 0) return -1;
  return fd_;
}

}  // namespace pactolus::bronze
