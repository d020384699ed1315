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

Result<> refuse_writers(const Config& config) {
  for (const std::string& name : TRY(list_topics(bronze_of(config)))) TRY(refuse_writer(bronze_of(config), name));
  return {};
}

Result<BronzeErasure> erase_from_bronze(const Config& config, Persons& persons,
                                        const std::function<bool(const std::string&)>& is_read) {
  const fs::path bronze = bronze_of(config);
  BronzeErasure out;
  for (const std::string& name : TRY(list_topics(bronze))) {
    if (is_history_topic(name) && !TRY(whole_history_rows({config.lake}, name)) && !is_read(name)) {
      TRY(refuse_writer(bronze, name));
      TRY(drop_topic(bronze, name));
      ++out.dropped;
      continue;
    }
    const ErasedRecords erased =
        TRY(erase_records(bronze, name, [&](PartitionId, const RecordView& r) { return persons.own(r); }));
    out.records += erased.records;
    out.segments += erased.segments;
    out.topics += erased.records > 0;
  }
  return out;
}

Result<int64_t> count_in_bronze(const Config& config, Persons& persons) {
  int64_t records = 0;
  for (const std::string& name : TRY(list_topics(bronze_of(config)))) {
    const auto reader = TRY(open_reader(bronze_of(config), name));
    for (PartitionId p(0); p.value < reader->topic().partitions; ++p)
      for (bool at_end = false; !at_end;) {
        const PolledRecords polled = TRY(reader->poll(p, 4 << 20));
        at_end = polled.records.empty() && polled.skipped == 0;
        for (const RecordView& r : polled.records) records += persons.own(r);
      }
  }
  return records;
}

}  // namespace pactolus
