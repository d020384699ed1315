#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/mark_watch.h"
#include "bronze/embedded/partition_reader.h"
#include "bronze/embedded/recovery.h"

namespace pactolus {
namespace bronze {
namespace {

class TopicReader final : public EmbeddedLogReader {
 public:
  TopicReader(TopicFolder topic, std::vector<LogRepair> repairs)
      : topic_(std::move(topic)), repairs_(std::move(repairs)) {
    for (PartitionId p(0); p.value < topic_.identity().partitions; ++p) partitions_.emplace_back(topic_, p);
  }
  TopicReader(const TopicReader&) = delete;
  Result<> start() {
    for (PartitionReader& p : partitions_) TRY(p.start());
    return {};
  }

  const TopicIdentity& topic() const override { return topic_.identity(); }
  const std::vector<LogRepair>& repairs() const override { return repairs_; }
  int wake_descriptor() override { return marks_.descriptor(topic_); }
  Result<> seek(PartitionId partition, Offset next, int32_t) override { return at(partition).seek(next); }
  Result<Offset> begin(PartitionId partition) override { return at(partition).begin(); }
  Result<Offset> end(PartitionId partition) override { return at(partition).end(); }
  Result<Offset> first_at(PartitionId partition, int64_t timestamp_us) override {
    return at(partition).first_at(timestamp_us, frames_, records_);
  }
  Result<Offset> behind_damage(PartitionId partition, Offset damaged) override {
    return at(partition).behind_damage(damaged);
  }
  Result<PolledRecords> poll(PartitionId partition, int64_t max_bytes) override {
    records_.clear();
    PolledRecords polled = TRY(at(partition).poll(max_bytes, frames_, records_));
    polled.at_end = polled.records.empty() && polled.skipped == 0;
    return polled;
  }

  Result<int64_t> drop_before(std::span<const Offset> committed, int64_t min_timestamp_us, int64_t max_bytes) override {
    PACTOLUS_CHECK_EQ(committed.size(), partitions_.size());
    std::vector<std::vector<PartitionReader::Segment>> droppable;
    int64_t total = 0, freed = 0;
    for (size_t p = 0; p < partitions_.size(); ++p) {
      auto& segments = droppable.emplace_back(TRY(partitions_[p].closed_segments()));
      segments.erase(std::ranges::find_if(segments, [&](const auto& s) { return s.end > committed[p].value; }),
                     segments.end());
      std::ranges::reverse(segments);  // the oldest at the back
      total += TRY(partitions_[p].bytes_on_disk());
    }
    while (true) {
      // The partition whose oldest segment ended first; so the topic loses its oldest records, not one partition's.
      size_t oldest = droppable.size();
      int64_t oldest_us = 0;
      for (size_t p = 0; p < droppable.size(); ++p) {
        if (droppable[p].empty()) continue;
        const int64_t newest_us = TRY(partitions_[p].newest_timestamp_us(droppable[p].back()));
        if (oldest < droppable.size() && newest_us >= oldest_us) continue;
        oldest = p;
        oldest_us = newest_us;
      }
      if (oldest == droppable.size() || (oldest_us >= min_timestamp_us && total <= max_bytes)) return freed;
      const PartitionReader::Segment segment = droppable[oldest].back();
      TRY(partitions_[oldest].drop(segment));
      droppable[oldest].pop_back();
      total -= segment.bytes;
      freed += segment.bytes;
    }
  }

 private:
  PartitionReader& at(PartitionId partition) {
    PACTOLUS_CHECK(partition.value >= 0 && partition.value < topic_.identity().partitions,
                   fmt::format("partition {}", partition));
    return partitions_[size_t(partition.value)];
  }

  TopicFolder topic_;
  std::vector<LogRepair> repairs_;
  std::vector<PartitionReader> partitions_;
  MarkWatch marks_;
  FrameReader frames_;
  std::vector<RecordView> records_;
};

// With a live writer the marks are true. Without one a power loss may have made them old: then this process is the one
// that puts the tails in order, under the writer's lock.
Result<std::vector<LogRepair>> settle(const TopicFolder& topic) {
  const auto recovery = TRY(RecoveryLock::wait(topic.recovery_lock()));
  if (!recovery) return std::vector<LogRepair>();
  const auto lock = TRY(FileLock::try_lock(topic.writer_lock()));
  if (!lock) return std::vector<LogRepair>();
  return TRY(recover_topic(topic)).repairs;
}

}  // namespace
}  // namespace bronze

Result<std::unique_ptr<EmbeddedLogReader>> open_reader(const fs::path& bronze_folder, std::string_view name) {
  using namespace bronze;
  TopicFolder topic(bronze_folder, TRY(open_topic(bronze_folder, name)));
  auto repairs = TRY(settle(topic));
  auto reader = std::make_unique<TopicReader>(std::move(topic), std::move(repairs));
  TRY(reader->start());
  return reader;
}

}  // namespace pactolus
