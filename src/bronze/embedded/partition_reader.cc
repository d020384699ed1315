#include "bronze/embedded/partition_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace pactolus::bronze {

PartitionReader::PartitionReader(const TopicFolder& topic, PartitionId partition)
    : topic_(topic),
      partition_(partition),
      folder_(topic.partition(partition)),
      seed_(checksum_seed(topic.identity().id, partition)) {}

Result<> PartitionReader::start() {
  TRY(refresh_mark());
  next_ = TRY(begin()).value;
  return {};
}

Result<> PartitionReader::refresh_mark() {
  if (!mark_file_.is_open()) {
    auto file = ReadFile::open(mark_path(folder_));
    if (!file && file.error().code == ErrorCode::not_found) return {};  // nobody has written yet
    mark_file_ = TRY(std::move(file));
  }
  for (int attempt = 0; attempt < 1000; ++attempt) {  // a read may meet a write halfway
    char bytes[kMarkBytes];
    const size_t got = TRY(mark_file_.read(0, bytes, sizeof bytes));
    if (const auto mark = decode_mark({bytes, got}, seed_)) {
      mark_ = *mark;
      return {};
    }
  }
  return corrupt(mark_.end_offset, mark_file_.path(), 0, "the durable mark does not match its checksum");
}

Result<Offset> PartitionReader::begin() const {
  const std::vector<int64_t> segments = TRY(list_segments(folder_));
  return Offset(segments.empty() ? mark_.end_offset : segments.front());
}

Result<Offset> PartitionReader::end() {
  TRY(refresh_mark());
  return Offset(mark_.end_offset);
}

std::unexpected<Error> PartitionReader::gone(Offset next, Offset begin) const {
  return fail(ErrorCode::data_loss,
              fmt::format("{} offsets are gone: topic {}, partition {}, from {} to {}, where the log begins later",
                          begin - next, topic_.identity().name, partition_, next, begin.value - 1));
}

Result<> PartitionReader::seek(Offset next) {
  TRY(refresh_mark());
  if (segment_.is_open() && !segment_.still_named()) last_poll_.reset();
  const Offset first = TRY(begin());
  if (next < first) return gone(next, first);
  if (next.value > mark_.end_offset)
    return fail(ErrorCode::data_loss,
                fmt::format("{} offsets are gone: topic {}, partition {}, asked for {}, but the log ends at {}",
                            next.value - mark_.end_offset, topic_.identity().name, partition_, next, mark_.end_offset));
  next_ = next.value;
  return locate();
}

// Opens the segment that holds next_ and walks to its frame.
Result<> PartitionReader::locate() {
  segment_.close();
  if (next_ == mark_.end_offset && mark_.position > 0) {
    segment_ = TRY(ReadFile::open(segment_path(folder_, mark_.segment_base)));
    at_ = {mark_.segment_base, mark_.position, mark_.end_offset};
    return {};
  }
  for (int attempt = 0; !segment_.is_open(); ++attempt) {
    const std::vector<int64_t> segments = TRY(list_segments(folder_));
    const auto behind = std::ranges::upper_bound(segments, next_);
    if (behind == segments.begin()) {
      if (next_ >= mark_.end_offset) return {};  // an empty partition
      if (!segments.empty()) return gone(Offset(next_), Offset(segments.front()));
      return corrupt(next_, segment_path(folder_, next_), 0, "the segment file is missing");
    }
    auto file = ReadFile::open(segment_path(folder_, behind[-1]));
    if (!file && file.error().code == ErrorCode::not_found && attempt < 100) continue;  // retention was quicker
    segment_ = TRY(std::move(file));
    at_ = {behind[-1], 0, behind[-1]};
  }
  if (last_poll_ && last_poll_->base == at_.base && last_poll_->offset <= next_) at_ = *last_poll_;
  FrameWalk walk({segment_, at_.position, TRY(readable_bytes()), at_.offset, seed_});
  for (FrameHeader header;;) {
    const FrameFault fault = TRY(walk.peek(header));
    if (fault != FrameFault::none) return corrupt(walk.offset(), segment_.path(), walk.position(), text_of(fault));
    if (header.records == 0 || header.end_offset() > next_) break;
    walk.step(header);
  }
  at_ = {at_.base, walk.position(), walk.offset()};
  return {};
}

// How much of a segment may be looked at. A segment that the mark has left is complete.
Result<int64_t> PartitionReader::readable_bytes(const ReadFile& segment, int64_t base) const {
  if (base == mark_.segment_base) return mark_.position;
  return base < mark_.segment_base ? segment.size() : 0;
}

// Retention, in whatever process, may have taken the segment. Reading on in the open file would show right records, but
// the promise is one and the same for all readers: what is below begin() is gone.
Result<> PartitionReader::check_still_there() {
  if (segment_.still_named()) return {};
  segment_.close();
  last_poll_.reset();
  TRY(refresh_mark());  // where a segment ends may be another place: records of it have been erased
  if (!topic_.same_topic_on_disk())
    return fail(ErrorCode::data_loss, fmt::format("topic {} with id {} is gone: deleted or made anew",
                                                  topic_.identity().name, topic_.identity().id));
  const Offset first = TRY(begin());
  if (Offset(next_) < first) return gone(Offset(next_), first);
  return {};
}

Result<> PartitionReader::enter_next_segment() {
  const int64_t expected = at_.offset;
  auto file = ReadFile::open(segment_path(folder_, expected));
  if (file) {
    segment_ = std::move(*file);
    at_ = {expected, 0, expected};
    return {};
  }
  if (file.error().code != ErrorCode::not_found) return std::unexpected(file.error());
  const Offset first = TRY(begin());
  if (Offset(next_) < first) return gone(Offset(next_), first);
  return corrupt(expected, segment_path(folder_, expected), 0, "the segment file is missing");
}

Result<PolledRecords> PartitionReader::poll(int64_t max_bytes, FrameReader& frames, std::vector<RecordView>& out) {
  const auto nothing = [&] { return PolledRecords{partition_, {}, Offset(next_)}; };
  if (next_ >= mark_.end_offset) TRY(refresh_mark());
  if (next_ >= mark_.end_offset) return nothing();
  if (segment_.is_open()) TRY(check_still_there());
  if (!segment_.is_open()) TRY(locate());
  int64_t limit = TRY(readable_bytes());
  while (at_.position >= limit) {
    TRY(enter_next_segment());
    limit = TRY(readable_bytes());
  }
  last_poll_ = at_;
  TRY(frames.read({segment_, at_.position, limit, at_.offset, seed_}, max_bytes));
  for (const FrameReader::Frame& frame : frames.frames()) {
    const FrameFault fault = decode_records(frame.header, frame.payload, Offset(next_), out);
    if (fault == FrameFault::none) continue;
    return corrupt(frame.header.base_offset, segment_.path(), frame.position, text_of(fault));
  }
  if (frames.frames().empty())
    return corrupt(frames.offset(), segment_.path(), frames.position(), text_of(frames.fault()));
  at_ = {at_.base, frames.position(), frames.offset()};
  const int64_t skipped = at_.offset - next_ - int64_t(out.size());
  next_ = at_.offset;
  return PolledRecords{partition_, out, Offset(next_), skipped, "erased"};
}

Result<Offset> PartitionReader::first_at(int64_t timestamp_us, FrameReader& frames, std::vector<RecordView>& out) {
  TRY(refresh_mark());
  for (const int64_t base : TRY(list_segments(folder_))) {
    const auto file = ReadFile::open(segment_path(folder_, base));
    if (!file && file.error().code == ErrorCode::not_found) continue;  // retention was quicker
    if (!file) return std::unexpected(file.error());
    const int64_t limit = TRY(readable_bytes(*file, base));
    FrameWalk walk({*file, 0, limit, base, seed_});
    for (FrameHeader header;; walk.step(header)) {
      const FrameFault fault = TRY(walk.peek(header));
      if (fault != FrameFault::none) return corrupt(walk.offset(), file->path(), walk.position(), text_of(fault));
      if (header.records == 0) break;
      if (header.newest_timestamp_us < timestamp_us) continue;
      TRY(frames.read({*file, walk.position(), limit, walk.offset(), seed_}, 1));
      out.clear();
      const FrameFault bad =
          frames.frames().empty()
              ? frames.fault()
              : decode_records(frames.frames()[0].header, frames.frames()[0].payload, Offset(walk.offset()), out);
      if (bad != FrameFault::none) return corrupt(walk.offset(), file->path(), walk.position(), text_of(bad));
      const auto found = std::ranges::find_if(out, [&](const RecordView& r) { return r.timestamp_us >= timestamp_us; });
      if (found != out.end()) return found->offset;
    }
  }
  return Offset(mark_.end_offset);
}

// A frame whose header is whole says where the next one begins; of one whose header is not the rest of the segment is
// unreadable, since a length is never believed unchecked.
Result<Offset> PartitionReader::behind_damage(Offset damaged) {
  TRY(refresh_mark());
  const std::vector<int64_t> segments = TRY(list_segments(folder_));
  const auto behind = std::ranges::upper_bound(segments, damaged.value);
  const Offset next_segment(behind == segments.end() ? mark_.end_offset : std::min(*behind, mark_.end_offset));
  if (behind == segments.begin()) return next_segment;
  const ReadFile file = TRY(ReadFile::open(segment_path(folder_, behind[-1])));
  FrameWalk walk({file, 0, TRY(readable_bytes(file, behind[-1])), behind[-1], seed_});
  for (FrameHeader header;; walk.step(header)) {
    if (TRY(walk.peek(header)) != FrameFault::none || header.records == 0) return next_segment;
    if (header.end_offset() > damaged.value) return Offset(header.end_offset());
  }
}

Result<std::vector<PartitionReader::Segment>> PartitionReader::closed_segments() {
  TRY(refresh_mark());
  const std::vector<int64_t> bases = TRY(list_segments(folder_));
  std::vector<Segment> out;
  for (size_t i = 0; i + 1 < bases.size() && bases[i] < mark_.segment_base; ++i) {
    const auto size = size_of_file(segment_path(folder_, bases[i]));
    if (size)
      out.push_back({bases[i], bases[i + 1], *size});
    else if (size.error().code != ErrorCode::not_found)
      return std::unexpected(size.error());
  }
  return out;
}

Result<int64_t> PartitionReader::bytes_on_disk() const {
  int64_t bytes = 0;
  for (const int64_t base : TRY(list_segments(folder_))) bytes += size_of_file(segment_path(folder_, base)).value_or(0);
  return bytes;
}

Result<int64_t> PartitionReader::newest_timestamp_us(const Segment& segment) {
  if (const auto known = newest_.find(segment.base); known != newest_.end()) return known->second;
  const ReadFile file = TRY(ReadFile::open(segment_path(folder_, segment.base)));
  FrameWalk walk({file, 0, segment.bytes, segment.base, seed_});
  int64_t newest = kNoTime;
  for (FrameHeader header;; walk.step(header)) {
    const FrameFault fault = TRY(walk.peek(header));
    if (fault != FrameFault::none) return corrupt(walk.offset(), file.path(), walk.position(), text_of(fault));
    if (header.records == 0) break;
    newest = std::max(newest, header.newest_timestamp_us);
  }
  return newest_[segment.base] = newest;
}

// The folder is fsynced for each: after a power loss the segments that are left still join.
Result<> PartitionReader::drop(const Segment& segment) {
  TRY(remove_file(segment_path(folder_, segment.base)));
  newest_.erase(segment.base);
  return sync_folder(folder_);
}

}  // namespace pactolus::bronze
