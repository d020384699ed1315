// Where simulated or replayed events go, and where a lake's come from: `--to`, `--from`.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "bronze/log.h"
#include "cli/command.h"

namespace pactolus {

void declare_from(Flags& flags);

struct Target {
  enum class Kind : uint8_t { lake, file, standard_output, kafka } kind;
  std::string path;              // folder of the lake, file, or "-"
  std::string bootstrap, topic;  // of Kafka
};
// lake:DIR, file:PATH, "-", kafka://HOST:PORT/TOPIC. Error usage for others, also for targets of later releases.
Result<Target> parse_target(const std::string& text);

// A writer of the lake's live topic; both are made when missing. Says what an earlier crash had left torn.
Result<std::unique_ptr<LogWriter>> open_lake_writer(const Config& config, const std::string& lake, Clock& clock,
                                                    Random& random, const Session& session);

// What the ids of a simulated run begin with, 23 digits: no two runs on a machine have the same, be it that they start
// in one microsecond; docs/decisions/0011. `process` is its id.
std::string digits_of_run(int64_t start_us, int64_t process);

}  // namespace pactolus
