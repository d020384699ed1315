#include "bronze/embedded/recovery.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bronze/embedded/frame_reader.h"

namespace pactolus::bronze {
namespace {

constexpr int64_t kScanBytes = 1 << 20;

// Does any frame from `position` on say that `offset` was durable when it was made? Its header is proof enough: nobody
// but a writer of this partition can have made the checksum. Damaged bytes have no frame borders, so every byte counts.
Result<bool> later_frame_vouches(const ReadFile& file, int64_t position, int64_t offset, uint64_t seed) {
  const int64_t size = TRY(file.size());
  const auto window = std::make_unique_for_overwrite<char[]>(size_t(kScanBytes));
  for (int64_t at = position; at + int64_t(kFrameHeaderBytes) <= size;
       at += kScanBytes - int64_t(kFrameHeaderBytes) + 1) {
    const size_t got = TRY(file.read(at, window.get(), size_t(std::min(kScanBytes, size - at))));
    const std::string_view bytes(window.get(), got);
    const std::string_view magic(reinterpret_cast<const char*>(&kFrameMagic), sizeof kFrameMagic);
    for (size_t found = bytes.find(magic); found != bytes.npos; found = bytes.find(magic, found + 1)) {
      FrameHeader header;
      const FrameFault fault = parse_frame_header(bytes.substr(found), seed, header);
      if (fault == FrameFault::unsupported_version) return true;
      if (fault == FrameFault::none && header.durable_offset > offset) return true;
    }
  }
  return false;
}

class PartitionRecovery {
 public:
  PartitionRecovery(const TopicFolder& topic, PartitionId partition)
      : topic_(topic),
        partition_(partition),
        folder_(topic.partition(partition)),
        seed_(checksum_seed(topic.identity().id, partition)) {}

  Result<DurableMark> run(std::vector<LogRepair>& repairs) {
    TRY(make_folders(folder_));
    const auto before = TRY(read_mark(folder_, seed_));
    const std::vector<int64_t> segments = TRY(list_segments(folder_));
    size_t first = TRY(find_start(segments, before));
    for (size_t i = first; i < segments.size(); ++i) TRY(scan_segment(segments, i, repairs));
    if (!before || before->end_offset != end_.end_offset || before->segment_base != end_.segment_base ||
        before->position != end_.position)
      TRY(write_mark());
    if (!before) TRY(sync_folder(folder_));
    return end_;
  }

 private:
  std::unexpected<Error> corrupt(int64_t offset, const fs::path& file, int64_t position, std::string_view what) const {
    return corrupt_partition(topic_, partition_, offset, file, position, what);
  }

  // Index of the segment to start with; end_ says where in it.
  Result<size_t> find_start(const std::vector<int64_t>& segments, const std::optional<DurableMark>& mark) {
    if (mark) end_ = *mark;
    if (segments.empty()) {
      if (end_.end_offset == 0) return size_t(0);
      return corrupt(end_.end_offset - 1, segment_path(folder_, end_.segment_base), 0, "the segment file is missing");
    }
    const auto found = mark ? std::ranges::find(segments, mark->segment_base) : segments.end();
    if (found != segments.end()) return size_t(found - segments.begin());
    // A mark that a power loss made old may name a segment that retention has taken since.
    if (mark && segments.front() < mark->end_offset)
      return corrupt(end_.end_offset - 1, segment_path(folder_, end_.segment_base), 0, "the segment file is missing");
    end_ = {segments.front(), segments.front(), 0};
    return size_t(0);
  }

  Result<> scan_segment(const std::vector<int64_t>& segments, size_t index, std::vector<LogRepair>& repairs) {
    const bool last = index + 1 == segments.size();
    const fs::path path = segment_path(folder_, segments[index]);
    if (segments[index] != end_.segment_base) {
      if (segments[index] != end_.end_offset)
        return corrupt(end_.end_offset, path, 0, fmt::format("records are missing before offset {}", segments[index]));
      end_ = {end_.end_offset, segments[index], 0};
    }
    const ReadFile file = TRY(ReadFile::open(path));
    const int64_t size = TRY(file.size());
    if (size < end_.position) return corrupt(end_.end_offset - 1, path, size, "the file ends before its durable end");
    const int64_t durable_position = end_.position;
    do {
      TRY(frames_.read({file, end_.position, size, end_.end_offset, seed_}, kScanBytes));
      end_.position = frames_.position();
      end_.end_offset = frames_.offset();
    } while (frames_.fault() == FrameFault::none && end_.position < size);
    if (frames_.fault() != FrameFault::none) {
      if (frames_.fault() == FrameFault::unsupported_version)
        return fail(ErrorCode::unsupported,
                    fmt::format("{}: byte {} of {}", text_of(frames_.fault()), end_.position, path.native()));
      if (!last || TRY(later_frame_vouches(file, end_.position, end_.end_offset, seed_)))
        return corrupt(end_.end_offset, path, end_.position, text_of(frames_.fault()));
    }
    if (size > durable_position) TRY(keep_until_end(path, size, repairs));
    return {};
  }

  // Cuts what is torn and makes durable what may only have been in memory. The folder too: its writer may have died
  // between making the file and fsyncing the folder.
  Result<> keep_until_end(const fs::path& path, int64_t size, std::vector<LogRepair>& repairs) {
    File file = TRY(File::open_read_write(path));
    if (size > end_.position) {
      TRY(file.truncate(end_.position));
      repairs.push_back({partition_, Offset(end_.end_offset), size - end_.position, path.native()});
    }
    TRY(file.sync());
    return sync_folder(folder_);
  }

  Result<> write_mark() {
    File file = TRY(File::open_append(mark_path(folder_)));
    const auto bytes = encode_mark(end_, seed_);
    TRY(file.write_at(0, {bytes.data(), bytes.size()}));
    TRY(file.truncate(int64_t(bytes.size())));
    return file.sync();
  }

  const TopicFolder& topic_;
  PartitionId partition_;
  fs::path folder_;
  uint64_t seed_;
  FrameReader frames_;
  DurableMark end_;
};

}  // namespace

Result<std::optional<DurableMark>> read_mark(const fs::path& partition_folder, uint64_t seed) {
  for (int attempt = 0;; ++attempt) {
    const auto bytes = read_file_part(mark_path(partition_folder), 0, kMarkBytes + 1);
    if (!bytes && bytes.error().code == ErrorCode::not_found) return std::optional<DurableMark>();
    if (!bytes) return std::unexpected(bytes.error());
    const auto mark = decode_mark(*bytes, seed);
    if (mark || attempt == 100) return mark;
  }
}

Result<RecoveredTopic> recover_topic(const TopicFolder& topic) {
  RecoveredTopic out;
  for (PartitionId p(0); p.value < topic.identity().partitions; ++p)
    out.marks.push_back(TRY(PartitionRecovery(topic, p).run(out.repairs)));
  return out;
}

std::unexpected<Error> busy(const TopicFolder& topic) {
  const auto holder = read_file(topic.writer_lock());
  const std::string_view pid = holder && !holder->empty() ? std::string_view(*holder) : "unknown";
  return fail(ErrorCode::busy, fmt::format("topic {} is being written by process {}", topic.identity().name, pid),
              "one writer at a time; stop that one first");
}

Result<FileLock> take_to_write(const TopicFolder& topic, RecoveredTopic& recovered) {
  const auto recovery = TRY(RecoveryLock::wait(topic.recovery_lock()));
  const std::string& name = topic.identity().name;
  if (!recovery)
    return fail(ErrorCode::io, fmt::format("cannot write topic {}: no permission in {}", name,
                                           topic.recovery_lock().parent_path().native()));
  auto lock = TRY(FileLock::try_lock(topic.writer_lock()));
  if (!lock) return busy(topic);
  TRY(lock->write_holder(std::to_string(::getpid())));
  recovered = TRY(recover_topic(topic));
  return std::move(*lock);
}

}  // namespace pactolus::bronze
