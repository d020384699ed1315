// Taking records out of segments. Offsets and frames stay as they are; a record that is gone keeps its head alone. So a
// segment becomes shorter and nothing else of the topic changes.
//
//   last segment: closed first (an empty one behind it, the mark moves there), so that no mark names a place in it
//   segment ──read──► frames ──► beside its name, fsynced ──rename──► in its place, folder fsynced
#include <fmt/format.h>

#include <cstring>

#include "base/fault.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/frame_reader.h"
#include "bronze/embedded/recovery.h"
#include "bronze/embedded/segment_format.h"
#include "bronze/embedded/topic_folder.h"

namespace pactolus {
namespace bronze {
namespace {

constexpr int64_t kReadBytes = 4 << 20;
using IsErased = std::function<bool(PartitionId, const RecordView&)>;

class PartitionEraser {
 public:
  PartitionEraser(const TopicFolder& topic, PartitionId partition, const DurableMark& mark, const IsErased& is_erased,
                  ErasedRecords& total)
      : topic_(topic),
        partition_(partition),
        folder_(topic.partition(partition)),
        seed_(checksum_seed(topic.identity().id, partition)),
        mark_(mark),
        is_erased_(is_erased),
        total_(total) {}

  Result<> run() {
    TRY(remove_left_over());
    for (const int64_t base : TRY(list_segments(folder_))) {
      const ReadFile segment = TRY(ReadFile::open(segment_path(folder_, base)));
      const int64_t size = TRY(segment.size());
      int64_t found = 0;
      TRY(read(segment, base, size, [&](const FrameReader::Frame& frame) -> Result<> {
        found += TRY(look_at(segment, frame));
        return {};
      }));
      if (found == 0) continue;
      if (base == mark_.segment_base) TRY(close_last_segment());
      TRY(rewrite(segment, base, size));
      total_.records += found;
      ++total_.segments;
    }
    return {};
  }

 private:
  // Of one that was killed: it may hold what is to go now.
  Result<> remove_left_over() {
    for (const std::string& name : TRY(list_folder(folder_)))
      if (name.starts_with(".") && name.ends_with(".tmp")) TRY(remove_file(folder_ / name));
    return {};
  }

  template <class F>
  Result<> read(const ReadFile& segment, int64_t base, int64_t size, F&& visit) {
    int64_t position = 0, offset = base;
    while (position < size) {
      TRY(frames_.read({segment, position, size, offset, seed_}, kReadBytes));
      for (const FrameReader::Frame& frame : frames_.frames()) TRY(visit(frame));
      if (frames_.fault() != FrameFault::none)
        return corrupt_partition(topic_, partition_, frames_.offset(), segment.path(), frames_.position(),
                                 text_of(frames_.fault()));
      position = frames_.position();
      offset = frames_.offset();
    }
    return {};
  }

  // How many records of the frame are to be erased.
  Result<int64_t> look_at(const ReadFile& segment, const FrameReader::Frame& frame) {
    records_.clear();
    const FrameFault fault = decode_records(frame.header, frame.payload, Offset(0), records_);
    if (fault != FrameFault::none)
      return corrupt_partition(topic_, partition_, frame.header.base_offset, segment.path(), frame.position,
                               text_of(fault));
    std::erase_if(records_, [&](const RecordView& r) { return !is_erased_(partition_, r); });
    return int64_t(records_.size());
  }

  // A mark that names the end of an empty segment: what comes next is written there, and the one before is complete.
  Result<> close_last_segment() {
    TRY(File::create(segment_path(folder_, mark_.end_offset)));
    TRY(sync_folder(folder_));
    fault_point("erase.segment_closed");
    mark_ = {mark_.end_offset, mark_.end_offset, 0};
    const auto bytes = encode_mark(mark_, seed_);
    File file = TRY(File::open_read_write(mark_path(folder_)));
    TRY(file.write_at(0, {bytes.data(), bytes.size()}));
    return file.sync();
  }

  Result<> rewrite(const ReadFile& segment, int64_t base, int64_t size) {
    const fs::path path = segment_path(folder_, base), beside = temporary_beside(path);
    const auto written = [&]() -> Result<> {
      File file = TRY(File::create(beside));
      TRY(read(segment, base, size,
               [&](const FrameReader::Frame& frame) { return write_frame(segment, frame, file); }));
      return file.sync();
    }();
    if (!written) {
      (void)remove_file(beside);
      return written;
    }
    fault_point("erase.segment_written");
    TRY(rename_file(beside, path));
    TRY(sync_folder(folder_));
    fault_point("erase.segment_replaced");
    return {};
  }

  // As it is, or with less in it.
  Result<> write_frame(const ReadFile& segment, const FrameReader::Frame& frame, File& out) {
    const int64_t found = TRY(look_at(segment, frame));
    const std::string_view whole(frame.payload.data() - kFrameHeaderBytes, size_t(frame.header.frame_bytes()));
    if (found == 0) return out.write(whole);
    bytes_.assign(kFrameHeaderBytes, '\0');
    auto next = records_.begin();
    const char* p = frame.payload.data();
    for (int64_t offset = frame.header.base_offset; offset != frame.header.end_offset(); ++offset) {
      uint32_t lengths[3];
      std::memcpy(lengths, p, sizeof lengths);
      size_t bytes = kRecordHeadBytes + lengths[2];
      for (const uint32_t length : {lengths[0], lengths[1]}) bytes += length < kErasedLength ? length : 0;
      if (next != records_.end() && next->offset.value == offset) {
        ++next;
        const uint32_t gone[3] = {kErasedLength, kNullLength, 0};
        bytes_.append(reinterpret_cast<const char*>(gone), sizeof gone);
        bytes_.append(p + sizeof gone, kRecordHeadBytes - sizeof gone);
      } else {
        bytes_.append(p, bytes);
      }
      p += bytes;
    }
    FrameHeader header = frame.header;
    header.version = kErasedVersion;
    header.payload_bytes = uint32_t(bytes_.size() - kFrameHeaderBytes);
    write_frame_header(header, seed_, bytes_.data());
    return out.write(bytes_);
  }

  const TopicFolder& topic_;
  PartitionId partition_;
  fs::path folder_;
  uint64_t seed_;
  DurableMark mark_;
  const IsErased& is_erased_;
  ErasedRecords& total_;
  FrameReader frames_;
  std::vector<RecordView> records_;
  std::string bytes_;
};

class Held final : public HeldTopic {
 public:
  Held(TopicFolder folder, FileLock lock, RecoveredTopic recovered)
      : folder_(std::move(folder)), lock_(std::move(lock)), marks_(std::move(recovered.marks)) {}
  const TopicIdentity& topic() const override { return folder_.identity(); }
  Result<ErasedRecords> erase(const IsErased& is_erased) override {
    ErasedRecords total;
    for (PartitionId p(0); p.value < topic().partitions; ++p)
      TRY(PartitionEraser(folder_, p, marks_[size_t(p.value)], is_erased, total).run());
    return total;
  }

 private:
  TopicFolder folder_;
  FileLock lock_;
  std::vector<DurableMark> marks_;
};

}  // namespace
}  // namespace bronze

Result<std::unique_ptr<HeldTopic>> hold_topic(const fs::path& bronze_folder, std::string_view name) {
  using namespace bronze;
  TopicFolder folder(bronze_folder, TRY(open_topic(bronze_folder, name)));
  RecoveredTopic recovered;
  FileLock lock = TRY(take_to_write(folder, recovered));
  return std::make_unique<Held>(std::move(folder), std::move(lock), std::move(recovered));
}

}  // namespace pactolus
