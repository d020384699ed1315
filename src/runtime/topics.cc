#include "runtime/topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/json.h"
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

KafkaOptions kafka_options(const Config& config, const std::function<void(const std::string&)>& say) {
  KafkaOptions options{config.kafka.bootstrap, config.kafka.topic, "pactolus-" + config.job, config.kafka.properties,
                       say};
  if (const auto group = options.properties.find("group.id"); group != options.properties.end()) {
    options.group = group->second;
    options.properties.erase(group);
  }
  return options;
}

Result<std::unique_ptr<LogReader>> open_live_topic(const Config& config, Random& random, Clock& clock,
                                                   const std::function<void(const std::string&)>& say,
                                                   int poll_wait_ms) {
  if (config.bronze.from == BronzeFrom::kafka) {
    KafkaOptions options = kafka_options(config, say);
    options.poll_wait_ms = poll_wait_ms;
    return open_kafka_reader(options, clock);
  }
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

Result<std::optional<HistoryMark>> read_history_mark(const LakePaths& lake, std::string_view topic) {
  const auto text = read_file(history_mark(lake, topic));
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return std::nullopt;
    return std::unexpected(text.error());
  }
  const auto mark = Json::parse(*text);
  return mark ? HistoryMark{(*mark)["rows"].as_int(), (*mark)["time"].as_int()} : HistoryMark{};
}

Result<std::optional<int64_t>> whole_history_rows(const LakePaths& lake, std::string_view topic) {
  const auto mark = TRY(read_history_mark(lake, topic));
  return mark ? std::optional(mark->rows) : std::nullopt;
}

uint64_t history_stamp(const Config& config, const std::string& name) {
  return topic_stamp(bronze_of(config), name, 1);
}

Result<std::unique_ptr<LogReader>> open_history_topic(const Config& config, const std::string& name) {
  return TRY(open_reader(bronze_of(config), name));
}

Result<bool> is_being_written(const Config& config, const std::string& topic) {
  const auto free = refuse_writer(bronze_of(config), topic);
  if (!free && free.error().code != ErrorCode::busy) return std::unexpected(free.error());
  return !free;
}

Result<> refuse_writers(const Config& config) {
  for (const std::string& name : TRY(list_topics(bronze_of(config)))) TRY(refuse_writer(bronze_of(config), name));
  return {};
}

Result<std::vector<std::unique_ptr<HeldTopic>>> hold_topics(const Config& config) {
  std::vector<std::unique_ptr<HeldTopic>> held;
  for (const std::string& name : TRY(list_topics(bronze_of(config))))
    if (!is_history_topic(name) || !TRY(whole_history_rows({config.lake}, name)))
      held.push_back(TRY(hold_topic(bronze_of(config), name)));
  return held;
}

Result<BronzeErasure> erase_from_bronze(const Config& config, std::span<const std::unique_ptr<HeldTopic>> held,
                                        Persons& persons, Clock& clock,
                                        const std::function<bool(const std::string&)>& is_read) {
  const fs::path bronze = bronze_of(config);
  TRY(sweep_dropped(bronze));
  BronzeErasure out;
  const auto erase = [&](HeldTopic& topic) -> Result<> {
    const ErasedRecords erased = TRY(topic.erase([&](PartitionId, const RecordView& r) { return persons.own(r); }));
    out.records += erased.records;
    out.segments += erased.segments;
    out.topics += erased.records > 0;
    return {};
  };
  std::set<std::string> done;
  for (const auto& topic : held) {
    const std::string& name = topic->topic().name;
    done.insert(name);
    if (is_history_topic(name) && !is_read(name)) {
      TRY(drop_topic(bronze, name));
      ++out.dropped;
    } else {
      TRY(erase(*topic));
    }
  }
  for (const std::string& name : TRY(list_topics(bronze))) {
    // What has been begun since is of whoever sends it.
    if (done.contains(name) || !is_history_topic(name) || !TRY(whole_history_rows({config.lake}, name))) continue;
    auto topic = hold_topic(bronze, name);
    for (int waits = 0; !topic && topic.error().code == ErrorCode::busy && waits < 200; ++waits) {
      clock.sleep_us(50'000);
      topic = hold_topic(bronze, name);
    }
    TRY(erase(*TRY(std::move(topic))));
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
        at_end = polled.at_end;
        for (const RecordView& r : polled.records) records += persons.own(r);
      }
  }
  return records;
}

}  // namespace pactolus
