// The configuration of a process, put together from all that may speak:
//
//   flag  >  PACTOLUS_* environment  >  project file  >  user file  >  default
//
// The project file is pactolus.toml in the current folder, or the one named by --config or PACTOLUS_CONFIG. The user
// file is $XDG_CONFIG_HOME/pactolus/config.toml, by default ~/.config/pactolus/config.toml. In the environment a
// top-level key is PACTOLUS_LAKE, a nested one PACTOLUS__RUN__COMMIT_INTERVAL, a Kafka property
// PACTOLUS__KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS (underscores for dots).
//
// Every mistake of every source is found in one go, also in values that a stronger source overrides: what is wrong in
// a file stays wrong. Secrets are refused, wherever they stand, and never repeated in a message.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/config.h"

namespace pactolus {

namespace fs = std::filesystem;

// What the process was given, as values, so that a test can give its own.
struct ConfigSources {
  struct Flag {
    std::string flag;  // "--batch-records", for messages
    std::string key;   // "run.batch_records"
    std::string value;
  };
  fs::path folder = ".";                   // where pactolus.toml is looked for
  std::optional<std::string> config_flag;  // of --config
  std::vector<std::string> environment;    // "NAME=value"
  std::vector<Flag> flags;                 // the last one of a key counts

  static ConfigSources of_process();  // current folder and environment, no flags
};

struct LoadedConfig {
  Config config;              // usable only when there are no errors
  std::vector<Error> errors;  // code bad_config, or usage for flags; in the order of the sources
  // Where each key's value came from: "pactolus.toml:12", "environment PACTOLUS_LAKE", "flag --lake". A key that is
  // not here has its default. Properties have an entry each: "kafka.properties.socket.timeout.ms".
  std::map<std::string, std::string> origins;
  std::vector<std::string> files;           // that were read, the weakest first
  std::optional<std::string> project_file;  // of them
};

LoadedConfig load_config(const ConfigSources& sources);

// A commented pactolus.toml in which every key stands with its default, switched off by "#".
std::string config_template();

}  // namespace pactolus
