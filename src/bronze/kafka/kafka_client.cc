#include "bronze/kafka/kafka_client.h"

#include <fmt/format.h>
#include <syslog.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/file.h"

namespace pactolus::kafka {
namespace {

using Options = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  static_cast<Voice*>(opaque)->trouble(rd_kafka_resp_err_t(code), reason);
}
void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  const auto* voice = static_cast<const Voice*>(rd_kafka_opaque(handle));
  if (voice && (voice->debug || level <= LOG_CRIT)) voice->say(fmt::format("kafka: {}: {}", facility, text));
}

// The answer to a question, or why there is none.
template <class Ask>
Result<Event> ask(rd_kafka_t* handle, const Voice& voice, rd_kafka_admin_op_t kind, int timeout_ms, Ask&& ask) {
  const Queue answers(rd_kafka_queue_new(handle));
  const Options options(rd_kafka_AdminOptions_new(handle, kind));
  char error[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, error, sizeof error);
  ask(options.get(), answers.get());
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms + 500);
  for (;;) {
    rd_kafka_poll(handle, 0);  // what goes wrong meanwhile is told there
    Event answer(rd_kafka_queue_poll(answers.get(), 100));
    if (!answer && std::chrono::steady_clock::now() < until) continue;
    const rd_kafka_resp_err_t code = answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return answer;
    const std::string why = voice.last().empty() ? text_of(code) : voice.last();
    return fail(ErrorCode::io, fmt::format("Kafka does not answer: {}", why),
                "is a broker running there? kafka.bootstrap names them");
  }
}

bool is_fixed(const Settings& fixed, std::string_view name) {
  return std::ranges::any_of(fixed, [&](const auto& setting) { return setting.first == name; });
}

}  // namespace

std::string text_of(rd_kafka_resp_err_t code) { return rd_kafka_err2str(code); }

bool is_damage(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
         code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}

void Voice::trouble(rd_kafka_resp_err_t code, const std::string& text) {
  last_ = text;
  if (std::ranges::find(told_, code) != told_.end()) return;
  told_.push_back(code);
  say("kafka: " + text);
}

void Voice::well() {
  if (told_.empty()) return;
  told_.clear();
  last_.clear();
  say("kafka: records come again");
}

Result<Conf> make_conf(const KafkaOptions& options, const Settings& usual, const Settings& fixed) {
  Conf conf(rd_kafka_conf_new());
  char error[512];
  const auto set = [&](const std::string& name, const std::string& value) {
    return rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK;
  };
  const auto refused = [&](const std::string& name, const std::string& why, const std::string& hint = {}) {
    return std::unexpected(Error{ErrorCode::bad_config, fmt::format("kafka.properties {}: {}", name, why), hint, {}});
  };
  for (const auto& [name, value] : usual) set(name, value);
  for (const auto& [given, value] : options.properties) {
    std::string name = given, content = value;
    if (given.ends_with("_file")) {
      name = given.substr(0, given.size() - 5);
      auto text = read_file(value);
      if (!text) return refused(given, text.error().message);
      content = std::move(*text);
      while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
    }
    if (is_fixed(fixed, name))
      return refused(name, "exactly-once rests on it, it cannot be chosen",
                     name == "bootstrap.servers" ? "kafka.bootstrap names the brokers" : "");
    if (!set(name, content)) return refused(name, error);
  }
  for (const auto& [name, value] : fixed)
    if (!set(name, value)) return refused(name, error);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  set("log.queue", "true");  // so that messages come where the handle is polled
  return conf;
}

Settings consumer_rules(const KafkaOptions& options, const char* isolation) {
  return {
      {"bootstrap.servers", options.bootstrap}, {"group.id", options.group},    {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},    {"auto.offset.reset", "error"}, {"isolation.level", isolation},
      {"enable.partition.eof", "true"},         {"check.crcs", "true"},         {"allow.auto.create.topics", "false"}};
}

Result<Handle> make_handle(rd_kafka_type_t type, Conf conf, Voice& voice, void* owner) {
  char error[512];
  size_t length = sizeof error;
  voice.debug = rd_kafka_conf_get(conf.get(), "debug", error, &length) == RD_KAFKA_CONF_OK && length > 1;
  voice.owner = owner;
  rd_kafka_conf_set_opaque(conf.get(), &voice);
  Handle handle(rd_kafka_new(type, conf.get(), error, sizeof error));
  if (!handle) return fail(ErrorCode::bad_config, fmt::format("the Kafka client cannot be started: {}", error));
  (void)conf.release();  // it is the handle's now
  rd_kafka_set_log_queue(handle.get(), nullptr);
  return handle;
}

Result<TopicIdentity> describe_topic(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int timeout_ms) {
  const char* names[] = {topic.c_str()};
  const Owned<rd_kafka_TopicCollection_t, rd_kafka_TopicCollection_destroy> topics(
      rd_kafka_TopicCollection_of_topic_names(names, 1));
  const Event answer =
      TRY(ask(handle, voice, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms,
              [&](auto* options, auto* to) { rd_kafka_DescribeTopics(handle, topics.get(), options, to); }));
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeTopics_result(answer.get());
  const rd_kafka_TopicDescription_t** found = rd_kafka_DescribeTopics_result_topics(result, &count);
  const rd_kafka_resp_err_t code = count == 1 ? rd_kafka_error_code(rd_kafka_TopicDescription_error(found[0]))
                                              : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    return fail(ErrorCode::not_found, fmt::format("there is no topic {} on these brokers", topic),
                "`pactolus simulate --to kafka://HOST:PORT/TOPIC` makes one, and so do Kafka's own tools");
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::io, fmt::format("topic {} cannot be read: {}", topic, text_of(code)));
  TopicIdentity identity{topic, {}, 0, {}};
  rd_kafka_TopicDescription_partitions(found[0], &count);
  identity.partitions = int32_t(count);
  // As Kafka's own tools show it.
  identity.id = rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(found[0]));
  std::ranges::replace(identity.id, '+', '-');
  std::ranges::replace(identity.id, '/', '_');
  while (identity.id.ends_with('=')) identity.id.pop_back();
  return identity;
}

Result<> create_topic(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int32_t partitions,
                      int timeout_ms) {
  char error[256];
  const Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> made(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, error, sizeof error));
  if (!made) return fail(ErrorCode::invalid, fmt::format("topic {} cannot be made: {}", topic, error));
  rd_kafka_NewTopic_t* list[] = {made.get()};
  const Event answer = TRY(ask(handle, voice, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms,
                               [&](auto* options, auto* to) { rd_kafka_CreateTopics(handle, list, 1, options, to); }));
  size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(answer.get());
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  const rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__FAIL;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
  return fail(ErrorCode::io, fmt::format("topic {} cannot be made: {}", topic, text_of(code)));
}

Result<std::vector<int64_t>> list_offsets(rd_kafka_t* handle, const Voice& voice, const std::string& topic,
                                          int32_t partitions, int64_t spec, int timeout_ms) {
  const Partitions wanted(rd_kafka_topic_partition_list_new(partitions));
  for (int32_t p = 0; p < partitions; ++p)
    rd_kafka_topic_partition_list_add(wanted.get(), topic.c_str(), p)->offset = spec;
  const Event answer = TRY(ask(handle, voice, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout_ms, [&](auto* options, auto* to) {
    rd_kafka_AdminOptions_set_isolation_level(options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
    rd_kafka_ListOffsets(handle, wanted.get(), options, to);
  }));
  size_t count = 0;
  const auto* result = rd_kafka_event_ListOffsets_result(answer.get());
  const rd_kafka_ListOffsetsResultInfo_t** infos = rd_kafka_ListOffsets_result_infos(result, &count);
  std::vector<int64_t> offsets(size_t(partitions), -1);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t* one = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(ErrorCode::io,
                  fmt::format("the offsets of {}/{} are not known: {}", topic, one->partition, text_of(one->err)));
    if (one->partition >= 0 && one->partition < partitions) offsets[size_t(one->partition)] = one->offset;
  }
  return offsets;
}

Result<bool> is_compacted(rd_kafka_t* handle, const Voice& voice, const std::string& topic, int timeout_ms) {
  const Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy> resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  const Event answer =
      TRY(ask(handle, voice, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms,
              [&](auto* options, auto* to) { rd_kafka_DescribeConfigs(handle, list, 1, options, to); }));
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(answer.get());
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count != 1 || rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::io, fmt::format("the configuration of topic {} is not known", topic));
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value && std::strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") == 0)
      return std::strstr(value, "compact") != nullptr;
  }
  return false;
}

}  // namespace pactolus::kafka
