// The topics that a job reads, as LogReaders. The only place of the runtime that knows where they live.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "bronze/log.h"
#include "runtime/config.h"

namespace pactolus {

Result<bool> live_topic_exists(const Config& config);
// The live topic; made when it is missing.
Result<std::unique_ptr<LogReader>> open_live_topic(const Config& config, Random& random);
// Where a partition that was never read begins: no record before it is ever read.
Result<Offset> start_offset(LogReader& log, PartitionId partition, const StartFrom& from);
// Names of the history topics (ingest, replay) that are there now, sorted.
Result<std::vector<std::string>> list_history_topics(const Config& config);
// Another number whenever the history has grown; cheap.
uint64_t history_stamp(const Config& config, const std::string& name);
Result<std::unique_ptr<LogReader>> open_history_topic(const Config& config, const std::string& name);

}  // namespace pactolus
