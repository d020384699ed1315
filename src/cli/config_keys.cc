#include "cli/config_keys.h"

#include <algorithm>
#include <array>

#include "cli/config_rules.h"

namespace pactolus {
namespace {

constexpr int64_t kLongestWait = kMicrosPerDay;
constexpr int64_t kLongestKept = 3650 * kMicrosPerDay;

// Captureless lambdas, so that the list is a constant and a key costs nothing until it is used.
constexpr std::array kKeys = {
    ConfigKey{"lake", "folder of the lake", [](Config& c) -> Slot { return TextSlot{&c.lake, refuse_empty}; }},
    ConfigKey{"job", "name of the job in the lake's transactions",
              [](Config& c) -> Slot { return TextSlot{&c.job, refuse_job}; }},

    ConfigKey{"shop.currency", "ISO 4217; of events that name none, and the one that revenue is summed in",
              [](Config& c) -> Slot { return TextSlot{&c.shop.currency, refuse_currency}; }},
    ConfigKey{"shop.time_zone", "IANA name; what \"today\" means on a page and in the daily models",
              [](Config& c) -> Slot { return TextSlot{&c.shop.time_zone, refuse_time_zone}; }},

    ConfigKey{"bronze.from",
              "where run reads: \"embedded\", the log inside the lake, \"kafka\", or \"kafka://HOST:PORT/TOPIC\"",
              [](Config& c) -> Slot { return FromSlot{&c.bronze.from, &c.kafka.bootstrap, &c.kafka.topic}; }},
    ConfigKey{"bronze.partitions", "of a topic that is made anew",
              [](Config& c) -> Slot { return CountSlot{&c.bronze.partitions, 1, 1024}; }},
    ConfigKey{"bronze.retention_age", "how long the embedded log keeps committed records, or \"unlimited\"",
              [](Config& c) -> Slot {
                return DurationSlot{&c.bronze.retention_age_us, kMicrosPerSecond, kLongestKept, true};
              }},
    ConfigKey{"bronze.retention_bytes", "how much of them it keeps per topic, or \"unlimited\"",
              [](Config& c) -> Slot { return SizeSlot{&c.bronze.retention_bytes, true}; }},

    ConfigKey{"kafka.bootstrap", "brokers as host:port, several by commas",
              [](Config& c) -> Slot { return TextSlot{&c.kafka.bootstrap, refuse_brokers}; }},
    ConfigKey{"kafka.topic", "topic of raw events; the embedded log uses the name too",
              [](Config& c) -> Slot { return TextSlot{&c.kafka.topic, refuse_topic}; }},
    ConfigKey{"kafka.properties", "handed to the Kafka client as they are; secrets as \"name_file\"",
              [](Config& c) -> Slot { return PropertiesSlot{&c.kafka.properties}; }},

    ConfigKey{"run.start",
              "start of a topic that was never read: \"earliest\", \"latest\" or a time; offsets in the lake win",
              [](Config& c) -> Slot { return StartSlot{&c.run.start}; }},
    ConfigKey{"run.commit_interval", "a batch is cut and committed at this tick",
              [](Config& c) -> Slot { return DurationSlot{&c.run.commit_interval_us, 1000, kLongestWait, false}; }},
    ConfigKey{"run.snapshot_interval", "how often state is saved, so that a start takes seconds",
              [](Config& c) -> Slot { return DurationSlot{&c.run.snapshot_interval_us, 1000, kLongestWait, false}; }},
    ConfigKey{"run.batch_records",
              "cut at so many records instead, shared evenly by the partitions; 0 cuts by the tick",
              [](Config& c) -> Slot { return CountSlot{&c.run.batch_records, 0, 1'000'000'000}; }},
    ConfigKey{"run.threads", "0 is one per processor",
              [](Config& c) -> Slot { return CountSlot{&c.run.threads, 0, 1024}; }},

    ConfigKey{"time.allowed_lateness", "how far the watermark stays behind the newest event",
              [](Config& c) -> Slot { return DurationSlot{&c.time.allowed_lateness_us, 0, kLongestKept, false}; }},
    ConfigKey{"time.max_ahead", "an event further ahead of its record goes to quarantine",
              [](Config& c) -> Slot { return DurationSlot{&c.time.max_ahead_us, 0, kLongestKept, false}; }},
    ConfigKey{"time.idle_after", "a silent partition stops holding the watermark after this",
              [](Config& c) -> Slot { return DurationSlot{&c.time.idle_after_us, 1000, kLongestKept, false}; }},
    ConfigKey{
        "time.max_skew", "a partition further ahead of the slowest is paused",
        [](Config& c) -> Slot { return DurationSlot{&c.time.max_skew_us, kMicrosPerSecond, kLongestKept, false}; }},

    ConfigKey{
        "dedup.horizon", "how far behind the watermark event ids are remembered",
        [](Config& c) -> Slot { return DurationSlot{&c.dedup.horizon_us, kMicrosPerSecond, kLongestKept, false}; }},

    ConfigKey{"silver.high_value", "is_high_value is price above this",
              [](Config& c) -> Slot { return MoneySlot{&c.silver.high_value}; }},

    ConfigKey{"postgres.url", "Gold is copied there while run runs: \"postgresql://user@host:port/database\"",
              [](Config& c) -> Slot { return TextSlot{&c.postgres.url, refuse_postgres}; }},
    ConfigKey{"postgres.password_file", "a file with the password alone; else what libpq finds by itself",
              [](Config& c) -> Slot { return TextSlot{&c.postgres.password_file, refuse_nothing}; }},
    ConfigKey{"postgres.schema", "schema of the copies, of one lake alone; made when it is missing",
              [](Config& c) -> Slot { return TextSlot{&c.postgres.schema, refuse_schema}; }},
    ConfigKey{"postgres.open_rows", "rows of each view's open windows that are copied too, newest first; 0: none",
              [](Config& c) -> Slot { return CountSlot{&c.postgres.open_rows, 0, 1'000'000}; }},

    ConfigKey{"models.folder", "where daily models of your own are, a .sql file each",
              [](Config& c) -> Slot { return TextSlot{&c.models.folder, refuse_empty}; }},

    ConfigKey{"events.types", "further event types: \"name\", or \"name=view\" for the rules of a built-in one",
              [](Config& c) -> Slot { return TypesSlot{&c.events.types}; }},
};

constexpr std::array<std::string_view, 1> kLaterSections = {"serve"};

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view name) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(), [&](const ConfigKey& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

std::vector<std::string_view> config_key_names() {
  std::vector<std::string_view> out;
  for (const ConfigKey& key : kKeys) out.push_back(key.name);
  return out;
}

bool is_table_key(std::string_view name) { return name == "kafka.properties"; }

bool belongs_to_later_release(std::string_view name) {
  const std::string_view section = name.substr(0, name.find('.'));
  return std::find(kLaterSections.begin(), kLaterSections.end(), section) != kLaterSections.end();
}

bool looks_secret(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c == '-' ? '_' : c;
  // These tell where a secret is, not what it is.
  for (const std::string_view ending : {"_file", ".file", ".location", "_path", ".url"}) {
    if (lower.ends_with(ending)) return false;
  }
  for (const std::string_view part : {"password", "passwd", "passphrase", "secret", "token", "credential", "api_key",
                                      "apikey", "private_key", "access_key", "write_key", "key.pem", "jaas.config"}) {
    if (lower.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace pactolus
