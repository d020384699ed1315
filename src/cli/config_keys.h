// The keys of pactolus.toml, in one list: what each is called, what it means, which member of Config it fills, what it
// accepts. Reading files, the environment and flags, `config show`, `init` and every "did you mean" go by this list,
// so a new key is one entry here and one member in runtime/config.h. Views, which are tables of several values, are in
// config_views.h.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/config.h"

namespace pactolus {

struct RawEntry;

// A value as somebody wrote it, before anyone knows what it should be.
struct RawValue {
  enum class Kind : uint8_t {
    text,     // a TOML string, without its quotes
    number,   // a TOML integer or float: its characters as written, so that money never passes through a double
    untyped,  // from the environment or a flag: may be read as a text or a number, or a list parted by commas
    list,
    table,
    other,  // true, a date: nothing that any key takes; `text` is how it was written
  };
  Kind kind = Kind::untyped;
  std::string text;
  std::vector<RawValue> items;    // of a list
  std::vector<RawEntry> entries;  // of a table
  int line = 0;                   // in its file; 0 when it is from none

  static RawValue untyped(std::string_view text);
};
struct RawEntry {
  std::string name;
  RawValue value;
};
inline RawValue RawValue::untyped(std::string_view text) { return {Kind::untyped, std::string(text), {}, {}, 0}; }

// Where a value goes, and the rule that it has to obey.
struct TextSlot {
  std::string* target;
  // What is wrong with the text, as "expected …" (without what was got), or empty; `similar` are words to suggest.
  std::string (*refusal)(std::string_view text, std::vector<std::string>& similar);
};
struct FromSlot {
  BronzeFrom* target;
  std::string *bootstrap, *topic;  // of kafka://HOST:PORT/TOPIC
};
struct StartSlot {
  StartFrom* target;
};
struct DurationSlot {
  int64_t* target;  // unlimited is 0
  int64_t least_us, most_us;
  bool may_be_unlimited;
};
struct SizeSlot {
  int64_t* target;  // unlimited is 0
  bool may_be_unlimited;
};
struct CountSlot {
  std::variant<int32_t*, int64_t*> target;
  int64_t least, most;
};
struct MoneySlot {
  Money* target;
};
struct TypesSlot {
  std::vector<ExtraEventType>* target;
};
struct PropertiesSlot {
  std::map<std::string, std::string>* target;
};
using Slot = std::variant<TextSlot, FromSlot, StartSlot, DurationSlot, SizeSlot, CountSlot, MoneySlot, TypesSlot,
                          PropertiesSlot>;

inline constexpr std::string_view kUnlimited = "unlimited";

struct ConfigKey {
  std::string_view name;     // "run.commit_interval"
  std::string_view summary;  // one line
  Slot (*slot)(Config& config);
};

std::span<const ConfigKey> config_keys();                 // by section, in the order of the documentation
const ConfigKey* find_config_key(std::string_view name);  // null when there is none
std::vector<std::string_view> config_key_names();
bool is_table_key(std::string_view name);  // kafka.properties

// What is wrong with a value, in the words of the contract: `expected …, got …; did you mean …?`.
struct Mismatch {
  std::string expected;  // the whole line
  std::string hint = {};
};
// Fills the slot's member, or says why not and leaves it as it was. Properties are merged name by name.
std::expected<void, Mismatch> assign(const Slot& slot, const RawValue& value);
// How a value is shown in a message: short, and on one line.
std::string shown(const RawValue& value);

// The value as pactolus.toml would have it: "\"1s\"", "3", "[\"wishlist=view\"]". A table key is an inline table.
std::string toml_value(const ConfigKey& key, const Config& config);
// The same as a plain text, without quotes, for --json; lists and tables as in toml_value.
std::string plain_value(const ConfigKey& key, const Config& config);
std::string toml_quoted(std::string_view text);
std::string toml_key(std::string_view text);  // bare where that is possible, else quoted

std::string duration_value(int64_t microseconds);  // exact, in the largest unit that divides it: 5m, 1500ms
std::string size_value(int64_t bytes);

// A name that holds a secret by itself ("sasl.password"), and so may not stand in a file that is shared and shown.
bool looks_secret(std::string_view name);

// Part of the product, but not of this release: "serve.listen".
bool belongs_to_later_release(std::string_view name);

}  // namespace pactolus
