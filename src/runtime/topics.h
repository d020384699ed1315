// The topics that a job reads, as LogReaders. The only place of the runtime that knows where they live.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/kafka/kafka_log.h"
#include "event/persons.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"

namespace pactolus {

// The live topic, of the embedded log or of Kafka. One of the embedded log is made when it is missing. Error not_found:
// Kafka has no such topic.
Result<bool> live_topic_exists(const Config& config);  // in the embedded log
// `poll_wait_ms` as in KafkaOptions. The embedded topic is made when it is missing.
Result<std::unique_ptr<LogReader>> open_live_topic(const Config& config, Random& random, Clock& clock,
                                                   const std::function<void(const std::string&)>& say,
                                                   int poll_wait_ms = 0);
// What the configuration says about Kafka. The group is `group.id` of its properties, or named after the job.
KafkaOptions kafka_options(const Config& config, const std::function<void(const std::string&)>& say);
// Where a partition that was never read begins: no record before it is ever read.
Result<Offset> start_offset(LogReader& log, PartitionId partition, const StartFrom& from);
// Names of the history topics (ingest, replay) that are there now, sorted.
Result<std::vector<std::string>> list_history_topics(const Config& config);
// The mark in a history topic's folder that is written when its last record is durable. Before that nobody reads the
// topic: a file that turns out to be damaged leaves no half of itself in Silver.
fs::path history_mark(const LakePaths& lake, std::string_view topic);
struct HistoryMark {
  int64_t rows = 0, time_us = 0;  // how many records it has, and when the last of them was durable; 0: it does not say
};
// No value for a history that is not whole.
Result<std::optional<HistoryMark>> read_history_mark(const LakePaths& lake, std::string_view topic);
Result<std::optional<int64_t>> whole_history_rows(const LakePaths& lake, std::string_view topic);
// Another number whenever the history has grown; cheap.
uint64_t history_stamp(const Config& config, const std::string& name);
Result<std::unique_ptr<LogReader>> open_history_topic(const Config& config, const std::string& name);

Result<bool> is_being_written(const Config& config, const std::string& topic);
// Error busy names a topic of Bronze that somebody writes now.
Result<> refuse_writers(const Config& config);
// All topics of Bronze that are still written, so that nobody does. The same error.
Result<std::vector<std::unique_ptr<HeldTopic>>> hold_topics(const Config& config);
struct BronzeErasure {
  int64_t records = 0, segments = 0, topics = 0;  // topics: that had such records
  int64_t dropped = 0;                            // histories that nobody has finished and `is_read` says no of
};
// `held` are those that may have a writer. Of the others, which are whole, one may be looked at by an ingest of the
// same file for a moment: that is waited for.
Result<BronzeErasure> erase_from_bronze(const Config& config, std::span<const std::unique_ptr<HeldTopic>> held,
                                        Persons& persons, Clock& clock,
                                        const std::function<bool(const std::string& topic)>& is_read);
// How many records there are of them.
Result<int64_t> count_in_bronze(const Config& config, Persons& persons);

}  // namespace pactolus
