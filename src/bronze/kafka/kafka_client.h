// What reader and writer have in common: handles that close themselves, the configuration, questions to the cluster.
#pragma once

#include <rdkafka.h>

#include <memory>
#include <string>
#include <vector>

#include "bronze/kafka/kafka_log.h"

namespace pactolus::kafka {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
template <class T, auto destroy>
using Owned = std::unique_ptr<T, Destroy<destroy>>;
using Handle = Owned<rd_kafka_t, rd_kafka_destroy>;
using Conf = Owned<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Queue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using Partitions = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

// Says what a client meets, once for each trouble; all of it when the property `debug` is set. Its address is the
// opaque of the handle, so it stays where it is. One thread: callbacks are served by the handle's owner.
class Voice {
 public:
  explicit Voice(std::function<void(const std::string&)> say) : say_(std::move(say)) {}
  Voice(const Voice&) = delete;
  void trouble(rd_kafka_resp_err_t code, const std::string& text);
  void well();  // something came
  void say(const std::string& text) const {
    if (say_) say_(text);
  }
  bool debug = false;
  void* owner = nullptr;
  // The last trouble in words, for an error that comes of it; empty when all is well.
  const std::string& last() const noexcept { return last_; }

 private:
  std::function<void(const std::string&)> say_;
  std::vector<rd_kafka_resp_err_t> told_;
  std::string last_;
};

// `fixed` is what exactly-once rests on: a property of that name is refused. `usual` may be overridden.
using Settings = std::vector<std::pair<const char*, std::string>>;
Result<Conf> make_conf(const KafkaOptions& options, const Settings& usual, const Settings& fixed);
// Of every consumer of records: it starts where it is told, and leaves out nothing by itself.
Settings consumer_rules(const KafkaOptions& options, const char* isolation);
// `owner` is for the callbacks of whoever makes it.
Result<Handle> make_handle(rd_kafka_type_t type, Conf conf, Voice& voice, void* owner = nullptr);

std::string text_of(rd_kafka_resp_err_t code);  // librdkafka's words
bool is_damage(rd_kafka_resp_err_t code);       // a batch of records that is there and cannot be read

// The topic as the cluster has it. Error not_found; io when nobody answers in time.
Result<TopicIdentity> describe_topic(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int timeout_ms);
// Makes it, with the brokers' replication. One that is there already is no error.
Result<> create_topic(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int32_t partitions,
                      int timeout_ms);
// Of each partition 0 … n−1; `spec` is RD_KAFKA_OFFSET_SPEC_… or a time in milliseconds. The latest is the end of what
// has been committed. −1: no record that late.
Result<std::vector<int64_t>> list_offsets(rd_kafka_t* handle, const Voice& voice, const std::string& topic,
                                          int32_t partitions, int64_t spec, int timeout_ms);
// Does the cluster take records out of the middle of the topic (cleanup.policy has compact)?
Result<bool> is_compacted(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int timeout_ms);

}  // namespace pactolus::kafka
