#include "runtime/topics.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json.h"
#include "bronze/embedded/embedded_log.h"
#include "runtime/lake_tables.h"
#include "runtime/silver_reader.h"

namespace pactolus {
namespace {
fs::path bronze_of(const Config& config) { return LakePaths{config.lake}.bronze(); }
}  // namespace

Result<bool> live_topic_exists(const Config& config) {
  const auto topic = open_topic(bronze_of(config), config.kafka.topic);
  if (!topic && topic.error().code != ErrorCode::not_found) return std::unexpected(topic.error());
  return topic.has_value();
}

Result<std::unique_ptr<LogReader>> open_live_topic(const Config& config, Random& random) {
  if (config.bronze.from == BronzeFrom::kafka)
    return fail(ErrorCode::usage, "this release reads the embedded log only", "set bronze.from = \"embedded\"");
  const fs::path bronze = bronze_of(config);
  auto reader = open_reader(bronze, config.kafka.topic);
  if (!reader && reader.error().code == ErrorCode::not_found) {
    TRY(create_topic(bronze, config.kafka.topic, config.bronze.partitions, random.uuid()));
    reader = open_reader(bronze, config.kafka.topic);
  }
  return TRY(std::move(reader));
}

Result<Offset> start_offset(LogReader& log, PartitionId partition, const StartFrom& from) {
  switch (from.kind) {
    case StartFrom::Kind::earliest: break;
    case StartFrom::Kind::latest: return log.end(partition);
    case StartFrom::Kind::time: return log.first_at(partition, from.time_us);
  }
  return log.begin(partition);
}

Result<std::vector<std::string>> list_history_topics(const Config& config) {
  auto names = TRY(list_topics(bronze_of(config)));
  std::erase_if(names, [](const std::string& n) { return !is_history_topic(n); });
  return names;
}

fs::path history_mark(const LakePaths& lake, std::string_view topic) {
  return lake.bronze() / topic / (topic.starts_with(kReplayPrefix) ? "replay.json" : "ingest.json");
}

Result<std::optional<int64_t>> whole_history_rows(const LakePaths& lake, std::string_view topic) {
  const auto text = read_file(history_mark(lake, topic));
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return std::nullopt;
    return std::unexpected(text.error());
  }
  const auto mark = Json::parse(*text);
  return mark ? (*mark)["rows"].as_int() : 0;
}

uint64_t history_stamp(const Config& config, const std::string& name) {
  return topic_stamp(bronze_of(config), name, 1);
}

Result<std::unique_ptr<LogReader>> open_history_topic(const Config& config, const std::string& name) {
  return TRY(open_reader(bronze_of(config), name));
}

}  // namespace pactolus
