// A TOML text taken apart into dotted keys with their lines. Knows TOML, and of our keys only which are tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/config_keys.h"

namespace pactolus {

struct TomlEntry {
  std::string key;  // "run.commit_interval"
  RawValue value;
};

struct TomlFile {
  std::vector<TomlEntry> entries;  // in the order of the text
  std::vector<Error> errors;       // a text that is no TOML gives one error, with its line, and no entries
};

// `name` is how errors call the file. Tables become entries of their own ("run" and "commit_interval" give one key
// "run.commit_interval"), but for keys that are tables themselves and for arrays of tables.
TomlFile take_toml_apart(std::string_view text, const std::string& name);

}  // namespace pactolus
