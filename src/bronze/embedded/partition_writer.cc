#include "bronze/embedded/partition_writer.h"

#include "base/fault.h"
#include "bronze/embedded/topic_folder.h"

namespace pactolus::bronze {

Result<PartitionWriter> PartitionWriter::open(const fs::path& folder, uint64_t seed, const DurableMark& end,
                                              const EmbeddedLogOptions& options) {
  PartitionWriter writer(folder, seed, end, options);
  writer.mark_ = TRY(File::open_read_write(mark_path(folder)));
  auto segment = File::open_read_write(segment_path(folder, end.segment_base));
  if (segment)
    writer.segment_ = std::move(*segment);
  else if (segment.error().code != ErrorCode::not_found)
    return std::unexpected(segment.error());
  return writer;
}

Result<> PartitionWriter::flush() {
  buffer_.seal(Offset(durable_.end_offset));
  while (!buffer_.empty()) TRY(write_run());
  if (mark_behind_) TRY(publish());
  return {};
}

// As many waiting frames as the segment takes: written, fsynced, published. Until then they stay in the buffer.
Result<> PartitionWriter::write_run() {
  if (tail_dirty_) TRY(segment_.truncate(durable_.position));
  tail_dirty_ = false;
  const bool full = durable_.position > 0 && durable_.position + buffer_.front_frame_bytes() > segment_bytes_;
  if (!segment_.is_open() || full) TRY(start_segment());
  const FrameBuffer::Run run = buffer_.front(segment_bytes_ - durable_.position);
  tail_dirty_ = true;
  if (auto written = write_frames(run); !written) {
    // Also after a failed fsync: the kernel may have given up pages that it could not write, so they are made anew.
    if (segment_.truncate(durable_.position)) tail_dirty_ = false;
    return written;
  }
  tail_dirty_ = false;
  durable_.position += int64_t(run.bytes.size());
  durable_.end_offset += run.records;
  mark_behind_ = true;
  buffer_.consume(run);
  return publish();
}

Result<> PartitionWriter::write_frames(const FrameBuffer::Run& run) {
  TRY(segment_.write_at(durable_.position, run.bytes));
  fault_point("bronze.frame_written");
  TRY(segment_.sync());
  if (name_dirty_) TRY(sync_folder(folder_));
  name_dirty_ = false;
  fault_point("bronze.synced");
  return {};
}

// The segment before is fsynced whole and the mark at its end too: recovery reads one segment at most, and a damaged
// frame in a segment that another one follows is damage for certain.
Result<> PartitionWriter::start_segment() {
  if (mark_behind_) TRY(publish());
  TRY(mark_.sync());
  mark_unsynced_ = false;
  segment_ = TRY(File::create(segment_path(folder_, durable_.end_offset)));
  durable_.segment_base = durable_.end_offset;
  durable_.position = 0;
  name_dirty_ = true;
  return {};
}

Result<> PartitionWriter::publish() {
  const auto bytes = encode_mark(durable_, seed_);
  TRY(mark_.write_at(0, {bytes.data(), bytes.size()}));
  mark_behind_ = false;
  mark_unsynced_ = true;
  return {};
}

void PartitionWriter::close() noexcept {
  if (mark_unsynced_) (void)mark_.sync();
}

}  // namespace pactolus::bronze
