#include "bronze/embedded/frame_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace pactolus::bronze {

char* FrameBuffer::extend(size_t bytes) {
  if (end_ + bytes > capacity_) [[unlikely]] {
    const size_t wanted = std::max(capacity_ * 2, std::max<size_t>(end_ + bytes, 64 << 10));
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    if (end_) std::memcpy(larger.get(), memory_.get(), end_);
    memory_ = std::move(larger);
    capacity_ = wanted;
  }
  char* at = memory_.get() + end_;
  end_ += bytes;
  return at;
}

Offset FrameBuffer::append(const NewRecord& record, int64_t timestamp_us, Offset durable) {
  const std::string_view key = record.key.value_or(std::string_view()),
                         value = record.value.value_or(std::string_view());
  if (open_.records == 0) {
    open_at_ = end_;
    extend(kFrameHeaderBytes);
    open_ = {};
    open_.base_offset = next_;
    open_.newest_timestamp_us = timestamp_us;
  }
  char* p = extend(kRecordHeadBytes + key.size() + record.origin.size() + value.size());
  const uint32_t lengths[3] = {record.value ? uint32_t(value.size()) : kNullLength,
                               record.key ? uint32_t(key.size()) : kNullLength, uint32_t(record.origin.size())};
  std::memcpy(p, lengths, sizeof lengths);
  std::memcpy(p + sizeof lengths, &timestamp_us, sizeof timestamp_us);
  p += kRecordHeadBytes;
  for (const std::string_view part : {key, record.origin, value}) {
    if (!part.empty()) std::memcpy(p, part.data(), part.size());
    p += part.size();
  }
  ++open_.records;
  open_.newest_timestamp_us = std::max(open_.newest_timestamp_us, timestamp_us);
  const Offset offset(next_++);
  if (open_payload() >= group_bytes_) seal(durable);
  return offset;
}

void FrameBuffer::seal(Offset durable) {
  if (open_.records == 0) return;
  PACTOLUS_CHECK_LE(open_payload(), kMaxFramePayload);
  open_.payload_bytes = uint32_t(open_payload());
  open_.durable_offset = durable.value;
  write_frame_header(open_, seed_, memory_.get() + open_at_);
  sealed_.push_back({open_.frame_bytes(), open_.records});
  open_.records = 0;
}

FrameBuffer::Run FrameBuffer::front(int64_t max_bytes) const {
  PACTOLUS_CHECK_LT(first_, sealed_.size());
  Run run;
  int64_t bytes = 0;
  for (size_t i = first_; i < sealed_.size(); ++i) {
    if (run.frames > 0 && bytes + sealed_[i].bytes > max_bytes) break;
    bytes += sealed_[i].bytes;
    run.records += sealed_[i].records;
    ++run.frames;
  }
  run.bytes = {memory_.get() + begin_, size_t(bytes)};
  return run;
}

void FrameBuffer::consume(const Run& run) {
  begin_ += run.bytes.size();
  first_ += run.frames;
  if (begin_ == end_) {
    begin_ = end_ = first_ = 0;
    sealed_.clear();
  }
}

}  // namespace pactolus::bronze
