// Why offsets are missing between two records. Kafka leaves offsets out for three reasons, and an accident is none:
//
//   control    the end of a transaction is a record of its own, which no consumer is given
//   aborted    records of a transaction that was given up: there, but not for who reads what is committed
//   compacted  the cluster has taken older records of a key away (cleanup.policy=compact)
//
// So a gap is read once more, by another consumer and with what was aborted: what it sees there was aborted, what it
// does not see either is a control record, or was compacted away in a topic that is.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bronze/kafka/kafka_client.h"

namespace pactolus::kafka {

struct SkippedRun {
  int64_t end = 0;  // offsets up to it, without it
  const char* kind = "control";
};

class GapReader {
 public:
  GapReader(const KafkaOptions& options, Voice& voice) : options_(options), voice_(voice) {}
  // Runs that together are [from, to), in order. Error io when the cluster does not answer in time; data_loss when
  // `to` is not what comes next for another consumer either way.
  Result<std::vector<SkippedRun>> explain(int32_t partition, int64_t from, int64_t to);
  // The first offset that is not of the batch of records that `damaged` lies in, and which cannot be read; at most
  // `end`. Batches of a topic are read whole or not at all, and librdkafka names them by their first offset. Errors io.
  Result<int64_t> behind_damage(int32_t partition, int64_t damaged, int64_t end);

 private:
  // First offset of the unreadable batch that is met when reading at `offset`; no value when there is none.
  Result<std::optional<int64_t>> damage_at(int32_t partition, int64_t offset);
  Result<Handle> open(const char* isolation);
  Result<> read(rd_kafka_t* handle, int32_t partition, int64_t from, int64_t to,
                const std::function<void(int64_t)>& seen);
  const KafkaOptions& options_;
  Voice& voice_;
  Handle uncommitted_, committed_;
  bool compacted_ = false;
};

}  // namespace pactolus::kafka
