// What an operator may choose, as plain values with their defaults: the keys of pactolus.toml, one member each, under
// the same names. Whoever reads a file, the environment or flags fills this in (cli/config_file.h) and has checked the
// ranges named here; tests write members directly. A value: copy it freely.
//
// Durations are microseconds (`_us`), sizes are bytes (`_bytes`), money is decimal(18,4).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/decimal.h"
#include "base/ids.h"
#include "event/decoder.h"
#include "gold/alert_condition.h"
#include "gold/view_declaration.h"

namespace pactolus {

// Where `run` reads its records.
enum class BronzeFrom : uint8_t {
  embedded,  // the log under <lake>/bronze, nothing else needed
  kafka,     // the brokers of kafka.bootstrap
};

// Where a topic is begun that the lake has never read.
struct StartFrom {
  enum class Kind : uint8_t { earliest, latest, time } kind = Kind::earliest;
  int64_t time_us = 0;  // of Kind::time: the first record with this timestamp or a later one, in each partition
  bool operator==(const StartFrom&) const = default;
};

struct Config {
  std::string lake = "./lake";  // folder, relative to the process's current one
  std::string job = "main";     // names the job in the lake's `txn` entries: 1 to 64 of A-Z a-z 0-9 _ -

  struct Shop {
    // ISO 4217. Of events that name no currency, and the one whose sums are `revenue`. The original producer's prices
    // and the public sample data carry none and are in US dollars; hence the default.
    std::string currency = "USD";
    std::string time_zone = "UTC";  // IANA name; "today" on a page and the date of a model mean this zone
  } shop;

  struct Bronze {
    BronzeFrom from = BronzeFrom::embedded;
    int32_t partitions = 3;  // of a topic that is made anew; 1 to 1024
    // Of the embedded log, and never past a committed offset. 0 is unlimited.
    int64_t retention_age_us = 7 * kMicrosPerDay;
    int64_t retention_bytes = 0;  // per topic
  } bronze;

  struct Kafka {
    std::string bootstrap = "localhost:9092";       // host:port, several by commas
    std::string topic = "ecom_clickstream_raw";     // also the name of the embedded live topic
    std::map<std::string, std::string> properties;  // handed to the client as they are, but for names in `_file`,
                                                    // whose value names the file that holds the (secret) value
  } kafka;

  struct Run {
    StartFrom start;
    int64_t commit_interval_us = kMicrosPerSecond;  // the tick at which a batch is cut; 1 ms to 1 day
    int64_t batch_records = 0;  // cut at so many records, shared evenly by the partitions; 0 cuts by the tick (and the
                                // runtime's own bounds). The same log then gives the same batches
    int64_t snapshot_interval_us = kMicrosPerMinute;  // how often state is saved, so that a start takes seconds
    int32_t threads = 0;                              // 0 is one per processor; at most 1024
  } run;

  struct Time {
    int64_t allowed_lateness_us = 5 * kMicrosPerMinute;  // the watermark stays this far behind the newest event
    int64_t max_ahead_us = 5 * kMicrosPerMinute;         // an event further ahead of its record is `future_timestamp`
    int64_t idle_after_us = kMicrosPerMinute;            // a silent partition stops holding the watermark after this
    int64_t max_skew_us = kMicrosPerHour;                // a partition further ahead of the slowest is paused
  } time;

  struct Dedup {
    int64_t horizon_us = 24 * kMicrosPerHour;  // ids are remembered this far behind the watermark; at least 1 s
  } dedup;

  struct Silver {
    Money high_value = 500 * kMoneyOne;  // is_high_value is price > this
  } silver;

  struct Events {
    std::vector<ExtraEventType> types;  // after the built-in ten, in this order; at most 200
  } events;

  struct Postgres {
    std::string url;            // empty: no PostgreSQL. "postgresql://user@host:port/database", never with a password
    std::string password_file;  // empty: what the client finds by itself (.pgpass)
    std::string schema = "pactolus";
    int64_t open_rows = 10'000;  // of windows that are not final, of each view, newest first; 0: final ones alone
  } postgres;

  struct Alerts {
    struct Rule {
      std::string name;
      AlertCondition when;  // on final windows of product_interest
    };
    std::vector<Rule> rules = {{"high_interest_low_conversion", {}}};  // by different names
    int64_t evidence = 10'000;                                         // of low_conversion, to 1; 0: nobody asks for it
  } alerts;

  struct Webhook {
    std::string name;           // 1 to 64 of a-z 0-9 _, beginning with a letter
    std::string url, url_file;  // one of them: a URL may be a secret
    std::string secret_file;    // empty: messages are not signed
    std::string ca_file;        // trusted instead of the system's certificates
    int64_t attempts = 12;      // then a message is a dead letter; 1 to 100
    int64_t timeout_us = 10 * kMicrosPerSecond;
    std::vector<std::string> rules, states;  // of the alerts that it wants; empty: all
  };
  std::vector<Webhook> webhooks;  // by different names

  struct Models {
    std::string folder = "models";  // of the user's daily models, relative to the process's current one
  } models;

  struct Gold {
    std::vector<ViewDeclaration> views = built_in_views();  // by different names; product_interest is the first
  } gold;
};

// What every decoder of this configuration judges by: the stream's, a dry run's, a rebuild's, the checks'.
inline DecodeRules decode_rules(const Config& config) {
  DecodeRules rules;
  rules.extra_types = config.events.types;
  rules.max_ahead_us = config.time.max_ahead_us;
  return rules;
}

}  // namespace pactolus
