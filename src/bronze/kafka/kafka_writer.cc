#include <fmt/format.h>

#include "base/hash.h"
#include "bronze/kafka/kafka_client.h"

namespace pactolus::kafka {
namespace {

constexpr int kOpen_ms = 15'000;
constexpr int kWait_ms = 50;  // between two looks at what has been acknowledged

class KafkaWriter final : public KafkaLogWriter {
 public:
  KafkaWriter(const KafkaOptions& options, std::function<bool()> stop)
      : options_(options), stop_(std::move(stop)), voice_(options_.say) {}
  ~KafkaWriter() override {
    if (handle_) rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }

  Result<> open(int32_t partitions) {
    Conf conf = TRY(make_conf(options_,
                              {{"client.id", "pactolus"},
                               {"linger.ms", "5"},
                               {"batch.num.messages", "20000"},
                               {"compression.codec", "lz4"},
                               {"queue.buffering.max.messages", "200000"},
                               {"queue.buffering.max.kbytes", "131072"},
                               {"reconnect.backoff.max.ms", "2000"},
                               {"socket.keepalive.enable", "true"}},
                              {{"bootstrap.servers", options_.bootstrap},
                               {"enable.idempotence", "true"},
                               {"acks", "all"},
                               // With several under way the first of a partition can be refused (its leader has only
                               // just become one) and the second be taken: a broker that does not know a producer takes
                               // any first sequence number. The first, sent again, then passes for a duplicate, and is
                               // acknowledged without being in the topic.
                               {"max.in.flight.requests.per.connection", "1"},
                               {"allow.auto.create.topics", "false"}}));
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    handle_ = TRY(make_handle(RD_KAFKA_PRODUCER, std::move(conf), voice_, this));
    auto there = describe_topic(handle_.get(), voice_, options_.topic, kOpen_ms);
    if (!there && there.error().code == ErrorCode::not_found) {
      TRY(create_topic(handle_.get(), voice_, options_.topic, partitions, kOpen_ms));
      // It takes the brokers a moment to know of it.
      for (int tries = 0; !there && there.error().code == ErrorCode::not_found && tries < 100; ++tries) {
        rd_kafka_poll(handle_.get(), kWait_ms);
        there = describe_topic(handle_.get(), voice_, options_.topic, kOpen_ms);
      }
    }
    topic_ = TRY(std::move(there));
    // Until every partition has a leader that knows it is one.
    for (int tries = 0;; ++tries) {
      const auto ends =
          list_offsets(handle_.get(), voice_, topic_.name, topic_.partitions, RD_KAFKA_OFFSET_SPEC_LATEST, kOpen_ms);
      if (ends) return {};
      if (tries == 100 || (stop_ && stop_())) return std::unexpected(ends.error());
      rd_kafka_poll(handle_.get(), kWait_ms);
    }
  }

  const TopicIdentity& topic() const override { return topic_; }

  Result<std::pair<PartitionId, Offset>> append(const NewRecord& record) override {
    const PartitionId partition(record.key ? kafka_partition(*record.key, topic_.partitions)
                                           : int32_t(next_without_key_++ % uint64_t(topic_.partitions)));
    // A key or value of no bytes is not none: it needs an address.
    const auto address = [](const std::optional<std::string_view>& bytes) -> void* {
      return !bytes ? nullptr : const_cast<char*>(bytes->empty() ? "" : bytes->data());
    };
    const size_t key_bytes = record.key ? record.key->size() : 0, value_bytes = record.value ? record.value->size() : 0;
    const int64_t time_ms = record.timestamp_us == kNoTime ? 0 : record.timestamp_us / 1000;  // 0: now
    for (;;) {
      const rd_kafka_resp_err_t code = rd_kafka_producev(
          handle_.get(), RD_KAFKA_V_TOPIC(options_.topic.c_str()), RD_KAFKA_V_PARTITION(partition.value),
          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(address(record.key), key_bytes),
          RD_KAFKA_V_VALUE(address(record.value), value_bytes), RD_KAFKA_V_TIMESTAMP(time_ms), RD_KAFKA_V_END);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++delivery_.sent;
        return std::pair(partition, Offset(-1));
      }
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return fail(code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? ErrorCode::invalid : ErrorCode::io,
                    fmt::format("a record cannot be sent: {}", text_of(code)));
      rd_kafka_poll(handle_.get(), kWait_ms);
      if (stop_ && stop_()) return fail(ErrorCode::io, "stopped while the brokers take no more");
    }
  }

  Result<> push() override {
    rd_kafka_poll(handle_.get(), 0);
    return fatal();
  }

  Result<> flush() override {
    while (delivery_.acknowledged + delivery_.failed < delivery_.sent) {
      rd_kafka_flush(handle_.get(), kWait_ms);
      TRY(fatal());
      if (stop_ && stop_() && ++waited_ > kPatience)
        return fail(ErrorCode::io, fmt::format("{} records were not acknowledged: {}",
                                               delivery_.sent - delivery_.acknowledged - delivery_.failed,
                                               voice_.last().empty() ? "stopped" : voice_.last()));
    }
    return {};
  }

  Delivery delivery() const override { return delivery_; }

 private:
  static constexpr int kPatience = 100;  // looks, about five seconds after a stop

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<KafkaWriter*>(static_cast<Voice*>(opaque)->owner);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++self.delivery_.acknowledged;
      self.voice_.well();
      return;
    }
    if (self.delivery_.failed++ == 0) self.delivery_.first_failure = text_of(message->err);
  }

  Result<> fatal() {
    char text[512];
    if (rd_kafka_fatal_error(handle_.get(), text, sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return fail(ErrorCode::io, fmt::format("the Kafka producer cannot go on: {}", text));
  }

  KafkaOptions options_;
  std::function<bool()> stop_;
  Voice voice_;
  TopicIdentity topic_;
  Delivery delivery_;
  uint64_t next_without_key_ = 0;
  int waited_ = 0;
  Handle handle_;
};

}  // namespace
}  // namespace pactolus::kafka

namespace pactolus {

Result<std::unique_ptr<KafkaLogWriter>> open_kafka_writer(const KafkaOptions& options, int32_t partitions,
                                                          std::function<bool()> stop) {
  auto writer = std::make_unique<kafka::KafkaWriter>(options, std::move(stop));
  TRY(writer->open(partitions));
  return writer;
}

}  // namespace pactolus
