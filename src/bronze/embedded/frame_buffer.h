// The records of one partition that are not durable yet, already in the bytes that will be written: a row of closed
// frames and an open one at the end. They stay here until they are fsynced, so that a write that fails can be repeated.
//
//   append, append, …, seal(), then write front frames and consume() them; append goes on meanwhile behind them.
//
// Memory grows to the largest group seen and is used again. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bronze/embedded/segment_format.h"

namespace pactolus::bronze {

class FrameBuffer {
 public:
  FrameBuffer(uint64_t seed, Offset next, size_t group_bytes)
      : seed_(seed), next_(next.value), group_bytes_(group_bytes) {}

  // The record is at most kMaxRecordBytes. `durable` is the partition's durable end, in case this closes a frame.
  Offset append(const NewRecord& record, int64_t timestamp_us, Offset durable);
  void seal(Offset durable);  // closes the open frame, if any

  bool empty() const noexcept { return begin_ == end_; }
  size_t bytes() const noexcept { return end_ - begin_; }
  Offset next() const noexcept { return Offset(next_); }

  // Closed frames, oldest first.
  struct Run {
    std::string_view bytes;
    size_t frames = 0;
    int64_t records = 0;
  };
  // As many front frames as fit into `max_bytes`, at least one. There must be one.
  Run front(int64_t max_bytes) const;
  int64_t front_frame_bytes() const { return sealed_[first_].bytes; }
  void consume(const Run& run);

 private:
  struct Sealed {
    int64_t bytes, records;
  };
  char* extend(size_t bytes);
  size_t open_payload() const noexcept { return end_ - open_at_ - kFrameHeaderBytes; }

  uint64_t seed_;
  int64_t next_;
  size_t group_bytes_;
  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::vector<Sealed> sealed_;  // from first_ on
  size_t first_ = 0;
  size_t open_at_ = 0;  // where the open frame's header will be; open_.records == 0: there is none
  FrameHeader open_;
};

}  // namespace pactolus::bronze
