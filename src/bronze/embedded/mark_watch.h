// Tells when a topic's durable marks are written, by any process of this machine (inotify).
#pragma once

#include <vector>

#include "bronze/embedded/topic_folder.h"

namespace pactolus::bronze {

// One thread, one topic.
class MarkWatch {
 public:
  MarkWatch() = default;
  MarkWatch(const MarkWatch&) = delete;
  ~MarkWatch();
  // Readable when a mark has been written since it was last read empty. −1 while a partition has no mark yet, or where
  // the kernel gives no more watches; a later call may succeed.
  int descriptor(const TopicFolder& topic);

 private:
  int fd_ = -1;
  int32_t watched_ = 0;  // partitions, from the first on
};

}  // namespace pactolus::bronze
