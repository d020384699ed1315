// The writing end of one partition: open group, segment files, durable mark. The topic's writer owns one of each.
//
//   flush:  frames ── write ──► segment ── fdatasync ──► durable ── write ──► mark, which readers look at
//
// The mark itself is fsynced only when a segment is closed: after a power loss it may be old, never too new, and
// recovery walks from it to the end. One thread.
#pragma once

#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/frame_buffer.h"

namespace pactolus::bronze {

class PartitionWriter {
 public:
  // `end` is what recovery answered; the folder and the mark are there.
  static Result<PartitionWriter> open(const fs::path& folder, uint64_t seed, const DurableMark& end,
                                      const EmbeddedLogOptions& options);

  Offset append(const NewRecord& record, int64_t timestamp_us) {
    return buffer_.append(record, timestamp_us, Offset(durable_.end_offset));
  }
  Result<> flush();
  size_t waiting_bytes() const noexcept { return buffer_.bytes(); }
  Offset next() const noexcept { return buffer_.next(); }
  // The last mark reaches the disk, so that the next opening has nothing to walk. For a clean end.
  void close() noexcept;

 private:
  PartitionWriter(fs::path folder, uint64_t seed, const DurableMark& end, const EmbeddedLogOptions& options)
      : folder_(std::move(folder)),
        seed_(seed),
        segment_bytes_(options.segment_bytes),
        durable_(end),
        buffer_(seed, Offset(end.end_offset), size_t(options.group_bytes)) {}
  Result<> write_run();
  Result<> write_frames(const FrameBuffer::Run& run);
  Result<> start_segment();
  Result<> publish();

  fs::path folder_;
  uint64_t seed_;
  int64_t segment_bytes_;
  DurableMark durable_;
  FrameBuffer buffer_;
  File segment_, mark_;
  bool tail_dirty_ = false;     // the file may hold bytes behind durable_.position, of a write that failed
  bool name_dirty_ = true;      // the segment's name may not be durable; at start it may be a dead process's segment
  bool mark_behind_ = false;    // durable_ is not published yet
  bool mark_unsynced_ = false;  // it is published, and after a power loss the mark may be older
};

}  // namespace pactolus::bronze
