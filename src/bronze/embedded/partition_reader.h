// The reading end of one partition: where the consumer stands, and the files that it stands in. The topic's reader
// owns one of each and lends its buffers. One thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "bronze/embedded/frame_reader.h"
#include "bronze/embedded/topic_folder.h"

namespace pactolus::bronze {

class PartitionReader {
 public:
  PartitionReader(const TopicFolder& topic, PartitionId partition);  // `topic` must outlive it
  Result<> start();                                                  // stands at begin() then

  Result<Offset> begin() const;
  Result<Offset> end();
  Result<Offset> behind_damage(Offset damaged);
  // Walks over the frames' headers and reads one of them. Uses what it is lent as poll() does.
  Result<Offset> first_at(int64_t timestamp_us, FrameReader& frames, std::vector<RecordView>& out);
  Result<> seek(Offset next);
  // Appends records to `out`; they point into `frames`.
  Result<PolledRecords> poll(int64_t max_bytes, FrameReader& frames, std::vector<RecordView>& out);

  struct Segment {
    int64_t base, end;  // offsets
    int64_t bytes;
  };
  // Segments that the durable end has left: complete, and never written again. Oldest first.
  Result<std::vector<Segment>> closed_segments();
  Result<int64_t> bytes_on_disk() const;
  Result<int64_t> newest_timestamp_us(const Segment& segment);
  Result<> drop(const Segment& segment);

 private:
  Result<> refresh_mark();
  Result<> locate();
  Result<> enter_next_segment();
  Result<> check_still_there();
  Result<int64_t> readable_bytes() const { return readable_bytes(segment_, at_.base); }
  Result<int64_t> readable_bytes(const ReadFile& segment, int64_t base) const;
  std::unexpected<Error> gone(Offset next, Offset begin) const;
  std::unexpected<Error> corrupt(int64_t offset, const fs::path& file, int64_t position, std::string_view what) const {
    return corrupt_partition(topic_, partition_, offset, file, position, what);
  }

  // A frame's place: file position `position` of segment `base`, first offset `offset`.
  struct Place {
    int64_t base = 0, position = 0, offset = 0;
  };

  const TopicFolder& topic_;
  PartitionId partition_;
  fs::path folder_;
  uint64_t seed_;
  ReadFile mark_file_;
  DurableMark mark_;
  int64_t next_ = 0;
  ReadFile segment_;  // open: `at_` is in it, and next_ is in the frame at at_ or behind it
  Place at_;
  std::optional<Place> last_poll_;  // where the last poll began: seeking back a little need not walk the whole segment
  std::map<int64_t, int64_t> newest_;  // of closed segments, by base
};

}  // namespace pactolus::bronze
