#include "cli/target.h"

#include <fmt/format.h>

#include "bronze/embedded/embedded_log.h"
#include "cli/config_rules.h"
#include "runtime/lake_tables.h"

namespace pactolus {

void declare_from(Flags& flags) {
  flags.key("--from", "WHERE", "bronze.from", "embedded (the log in the lake), kafka, or kafka://HOST:PORT/TOPIC");
}

Result<Target> parse_target(const std::string& text) {
  if (text == "-") return Target{Target::Kind::standard_output, "-", {}, {}};
  if (text.starts_with("lake:") && text.size() > 5) return Target{Target::Kind::lake, text.substr(5), {}, {}};
  if (text.starts_with("file:") && text.size() > 5) return Target{Target::Kind::file, text.substr(5), {}, {}};
  if (const auto kafka = parse_kafka_address(text))
    return Target{Target::Kind::kafka, {}, kafka->bootstrap, kafka->topic};
  if (text.starts_with("http://") || text.starts_with("https://"))
    return fail(ErrorCode::usage, fmt::format("this release does not send to {} yet", text),
                "use kafka://HOST:PORT/TOPIC, lake:DIR, file:PATH or -");
  return fail(ErrorCode::usage,
              fmt::format("no target\nexpected kafka://HOST:PORT/TOPIC, lake:DIR, file:PATH or -, got \"{}\"", text));
}

Result<std::unique_ptr<LogWriter>> open_lake_writer(const Config& config, const std::string& lake, Clock& clock,
                                                    Random& random, const Session& session) {
  const LakePaths paths{lake};
  TRY(prepare_lake(paths));
  auto identity = open_topic(paths.bronze(), config.kafka.topic);
  if (!identity) {
    if (identity.error().code != ErrorCode::not_found) return std::unexpected(identity.error());
    TRY(create_topic(paths.bronze(), config.kafka.topic, config.bronze.partitions, random.uuid()));
  }
  auto writer = TRY(open_writer(paths.bronze(), config.kafka.topic, {}, clock));
  for (const LogRepair& r : writer->repairs())
    session.say(fmt::format("bronze: cut {} bytes of a group that was never acknowledged, partition {} from offset {}",
                            r.bytes, r.partition, r.first_offset));
  return writer;
}

std::string digits_of_run(int64_t start_us, int64_t process) { return fmt::format("{}{:07}", start_us, process); }

}  // namespace pactolus
