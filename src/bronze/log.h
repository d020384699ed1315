// Bronze as everything above sees it: a topic of partitions, each a sequence of records with dense offsets, in
// Kafka's terms. The embedded log (bronze/embedded/) and Kafka (bronze/kafka/) both look like this; nothing above may
// know which one it reads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "event/record.h"

namespace pactolus {

// A record on its way in.
struct NewRecord {
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> value = {};
  int64_t timestamp_us = kNoTime;
  std::string_view origin = {};
};

struct TopicIdentity {
  std::string name;
  std::string id;  // UUID given when the topic was made: a topic made anew under the same name is another topic
  int32_t partitions = 0;
  std::string dialect = {};  // of an ingest topic: "rees46" and so on; empty for live topics
};

struct PolledRecords {
  PartitionId partition;
  std::span<const RecordView> records;  // ascending
  Offset next;          // where the following poll goes on: the old position at the end of the partition
  int64_t skipped = 0;  // offsets from the old position to `next` that are no records (control records, erased ones)
  std::string_view skipped_as = "control";  // what the ledger calls them
  int32_t leader_epoch = -1;                // of the last record, where the log has leaders; see seek()
  bool at_end = false;  // there is nothing behind `next` now: only of an answer without records and skipped offsets
};

// One consumer of one topic. One thread.
class LogReader {
 public:
  virtual ~LogReader() = default;
  virtual const TopicIdentity& topic() const = 0;
  // Next record to be polled from the partition. Error data_loss when it is below begin() (gone) or above end(). With
  // the epoch of the leader that the record before it came from, a log that lost its end and grew again is found out.
  virtual Result<> seek(PartitionId partition, Offset next, int32_t leader_epoch = -1) = 0;
  // Records from the current position on, at most about `max_bytes` of them but at least one when there is any; never
  // beyond the durable end. Does not block. Error corrupt names the offset; data_loss: retention took what comes next.
  virtual Result<PolledRecords> poll(PartitionId partition, int64_t max_bytes) = 0;
  virtual Result<Offset> begin(PartitionId partition) = 0;  // oldest record still there
  virtual Result<Offset> end(PartitionId partition) = 0;    // one past the newest durable record
  // Offset of the first record whose timestamp is `timestamp_us` or later; end() when there is none. Timestamps need
  // not be in order. Moves no position.
  virtual Result<Offset> first_at(PartitionId partition, int64_t timestamp_us) = 0;
  // Retention after a commit: drops what is older than `min_timestamp_us` or beyond `max_bytes` per topic, in whole
  // segments and never at or above `committed[p]`, one for each partition. kNoTime is no limit of age, INT64_MAX none
  // of bytes. Answers how many bytes were freed. Kafka keeps its own retention: a no-op there, 0.
  virtual Result<int64_t> drop_before(std::span<const Offset> committed, int64_t min_timestamp_us,
                                      int64_t max_bytes) = 0;
  // All records polled so far are of topic().id, to which the same partitions belong or more: topic() tells. Error
  // data_loss when that is not so; io when nobody can say now, and may be asked again.
  virtual Result<> confirm() { return {}; }
  // Where the partition can be read on behind offset `damaged`, which poll() or seek() has called corrupt: above it,
  // and there may be damaged too. The partition's end when nothing behind it can be read. Moves no position.
  virtual Result<Offset> behind_damage(PartitionId partition, Offset damaged) = 0;
  // Becomes readable when the topic may have more than poll() has given; who waits on it reads it empty before polling
  // again. −1 where nobody can tell now: then poll again after a while. The reader's own, and asked for before each
  // wait.
  virtual int wake_descriptor() { return -1; }
  // What has been committed, one for each partition, for others to see. Costs nothing that the caller waits for.
  virtual void note_committed(std::span<const Offset>) {}
};

// One producer of one topic. One thread, unless an implementation says more.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  virtual const TopicIdentity& topic() const = 0;
  // Takes the record into the open group of its partition (by key as Kafka's Java client does, round robin without
  // one) and answers its offset, −1 where only the broker will know. It may be lost until flush() has returned.
  virtual Result<std::pair<PartitionId, Offset>> append(const NewRecord& record) = 0;
  // What was appended so far goes on its way soon. Where nobody would wait for it that is all; else it is a flush().
  virtual Result<> push() { return flush(); }
  // Everything appended so far survives a power loss. Cheap when there is nothing new.
  virtual Result<> flush() = 0;
};

}  // namespace pactolus
