// A Kafka topic as Bronze. The only place that names librdkafka.
//
//   broker ──fetch──► queue of a partition ──poll──► offset as expected? ──► records
//                                                     ├ lower: seen already, dropped
//                                                     └ higher: what is missing is looked for, counted as skipped by
//                                                       its kind, or the reader fails (gap.h)
//
// Partitions are assigned, never subscribed to: where they are read is for the lake to say, and nobody else moves them.
// Offsets that are committed to the consumer group are there for others to see the lag.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "bronze/log.h"

namespace pactolus {

struct KafkaOptions {
  std::string bootstrap;  // host:port, several by commas
  std::string topic;
  std::string group;  // where advisory offsets are committed; not for writers
  // Any of librdkafka's properties, but those that exactly-once rests on. `name_file` names a file with the value.
  std::map<std::string, std::string> properties = {};
  std::function<void(const std::string&)> say = {};  // messages for people: brokers that are away, and are back
  int poll_wait_ms = 0;  // how long poll() waits when nothing is there; a stream has other things to do
};

// Errors: bad_config; io when no broker can be reached; not_found when there is no such topic. The clock must outlive
// the reader.
Result<std::unique_ptr<LogReader>> open_kafka_reader(const KafkaOptions& options, Clock& clock);

struct Delivery {
  int64_t sent = 0, acknowledged = 0, failed = 0;
  std::string first_failure = {};
};

// Idempotent and acknowledged by all replicas: what is acknowledged is in the topic once, in the order of its
// partition. append() waits when as much is under way as may be; it does not say an offset (−1). One thread.
class KafkaLogWriter : public LogWriter {
 public:
  virtual Delivery delivery() const = 0;
};
// The topic is made with so many partitions when it is missing. `stop` is asked while append() or flush() wait; after a
// yes they give up. Errors as above.
Result<std::unique_ptr<KafkaLogWriter>> open_kafka_writer(const KafkaOptions& options, int32_t partitions,
                                                          std::function<bool()> stop = {});

}  // namespace pactolus
