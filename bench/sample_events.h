// The simulator's records in memory, as a poll of the log would hand them over: the raw material of the benches that
// start from JSON. Made once per program; nothing of it is measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "event/record.h"
#include "simulate/classic.h"
#include "simulate/shop.h"

namespace pactolus {

// 2025-11-29T12:00:00Z
inline constexpr int64_t kSampleStart = 1'764'417'600'000'000;
inline constexpr int32_t kSamplePartitions = 3;

enum class Sample { classic, classic_uuid, shop };

inline std::unique_ptr<EventSource> sample_source(Sample sample, int64_t count) {
  const Schedule schedule{.start_us = kSampleStart, .rate = 1000, .count = count};
  if (sample == Sample::shop) return make_shop({.schedule = schedule, .first_id = kSampleStart});
  return make_classic({.schedule = schedule, .first_id = kSampleStart, .uuid_ids = sample == Sample::classic_uuid});
}

// The records of one topic by partition, with the keys, offsets and times that the log would give them; those of one
// partition lie one behind the other, as in its segments.
struct SampleTopic {
  std::vector<std::string> bytes;  // by partition
  std::vector<std::vector<RecordView>> partitions;
  int64_t records = 0, value_bytes = 0;
};

inline SampleTopic sample_topic(Sample sample, int64_t count) {
  struct Where {
    size_t at, key_size, value_size;
    int64_t time;
  };
  SampleTopic topic;
  topic.bytes.resize(kSamplePartitions);
  topic.partitions.resize(kSamplePartitions);
  std::vector<std::vector<Where>> where(kSamplePartitions);
  auto source = sample_source(sample, count);
  for (GeneratedEvent e; source->next(e);) {
    const auto p = size_t(kafka_partition(e.key, kSamplePartitions));
    where[p].push_back({topic.bytes[p].size(), e.key.size(), e.value.size(), e.send_time_us});
    topic.bytes[p].append(e.key).append(e.value);
    ++topic.records;
    topic.value_bytes += int64_t(e.value.size());
  }
  for (size_t p = 0; p < topic.partitions.size(); ++p) {
    topic.bytes[p].append(kRecordPadding, ' ');
    for (const Where& w : where[p]) {
      const char* at = topic.bytes[p].data() + w.at;
      topic.partitions[p].push_back({.offset = Offset(int64_t(topic.partitions[p].size())),
                                     .timestamp_us = w.time,
                                     .key = std::string_view(at, w.key_size),
                                     .value = std::string_view(at + w.key_size, w.value_size),
                                     .origin = {}});
    }
  }
  return topic;
}

}  // namespace pactolus
