// What one command takes: its flags and arguments, declared once. Parsing, --help and the shells' completions all read
// this declaration, so none of them can disagree with another.
//
//   flags.toggle("--dry-run", &dry_run_, "only say what would be done");
//   flags.count("--seed", "N", &seed_, "same seed, same events");
//   flags.key("--batch-records", "N", "run.batch_records", "cut after exactly N records");
//   flags.arguments("FILE", &files_, "NDJSON or CSV, plain or gzip");
//
// Targets are borrowed and keep their value (the default) when the flag is not given; the last one of a repeated flag
// counts. Names have two dashes; "-q,--quiet" adds a short one.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus {

// What a shell may offer for a value.
enum class Complete : uint8_t { nothing, files, folders };

class Flags {
 public:
  struct Flag {
    std::string name;        // "--rate"
    std::string short_name;  // "-q", or empty
    std::string value;       // "N": how help calls the value; empty for a toggle
    std::string help;
    std::vector<std::string> choices;  // allowed values, when there are few
    std::string key;                   // of the configuration that it overrides, or empty
    Complete complete = Complete::nothing;
    // Takes the value, or says "expected …" (what was got is added). Empty for keys, which are judged with the rest
    // of the configuration.
    std::function<std::optional<std::string>(std::string_view)> accept;
  };
  struct Argument {
    std::string name;  // "FILE"
    std::string help;
    bool required = true, many = false;
    std::vector<std::string> choices;
    Complete complete = Complete::nothing;
    std::function<std::optional<std::string>(std::string_view)> accept;
  };

  void toggle(std::string_view names, bool* out, std::string help);
  void text(std::string_view names, std::string value, std::string* out, std::string help,
            Complete complete = Complete::nothing);
  void texts(std::string_view names, std::string value, std::vector<std::string>* out,
             std::string help);  // each one counts
  void choice(std::string_view names, std::vector<std::string> choices, std::string* out, std::string help);
  void count(std::string_view names, std::string value, int64_t* out, std::string help, int64_t least = 0,
             int64_t most = std::numeric_limits<int64_t>::max());
  void number(std::string_view names, std::string value, double* out, std::string help, double least = 0,
              double most = 1e18);
  void ratio(std::string_view names, double* out, std::string help);  // 0 to 1
  void duration(std::string_view names, int64_t* out_us, std::string help);
  void size(std::string_view names, int64_t* out_bytes, std::string help);
  void date(std::string_view names, std::optional<int32_t>* out_days, std::string help);  // days since 1970
  void key(std::string_view names, std::string value, std::string key, std::string help,
           Complete complete = Complete::nothing);

  void argument(std::string name, std::string* out, std::string help, bool required = true,
                Complete complete = Complete::nothing);
  void argument(std::string name, const std::vector<std::string>& choices, std::string* out, std::string help,
                bool required = true);
  void arguments(std::string name, std::vector<std::string>* out, std::string help, bool required = true,
                 Complete complete = Complete::files);

  const std::vector<Flag>& all() const { return flags_; }
  const std::vector<Argument>& positional() const { return arguments_; }
  const Flag* find(std::string_view name) const;  // by either name; null when there is none

 private:
  Flag& add(std::string_view names, std::string value, std::string help);
  std::vector<Flag> flags_;
  std::vector<Argument> arguments_;
};

}  // namespace pactolus
