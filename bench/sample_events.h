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

// The records of one topic by partition, with the keys, offsets and times that the log would give them.
struct SampleTopic {
  std::string bytes;
  std::vector<std::vector<RecordView>> partitions;
  int64_t records = 0;
};

inline SampleTopic sample_topic(Sample sample, int64_t count) {
  struct Where {
    size_t key_at, key_size, value_at, value_size;
    int64_t time;
  };
  SampleTopic topic;
  std::vector<Where> where;
  auto source = sample_source(sample, count);
  for (GeneratedEvent e; source->next(e);) {
    where.push_back({topic.bytes.size(), e.key.size(), topic.bytes.size() + e.key.size(), e.value.size(), e.send_time_us});
    topic.bytes.append(e.key).append(e.value);
  }
  topic.bytes.append(kRecordPadding, ' ');
  topic.partitions.resize(kSamplePartitions);
  topic.records = int64_t(where.size());
  for (const Where& w : where) {
    const std::string_view key(topic.bytes.data() + w.key_at, w.key_size), value(topic.bytes.data() + w.value_at, w.value_size);
    auto& partition = topic.partitions[size_t(kafka_partition(key, kSamplePartitions))];
    partition.push_back({.offset = Offset(int64_t(partition.size())), .timestamp_us = w.time, .key = key, .value = value, .origin = {}});
  }
  return topic;
}

}  // namespace pactolus
