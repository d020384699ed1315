// Lists of tables in pactolus.toml, [[gold.view]], [[alert]] and [[webhook]]: what is told of each table that was
// taken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config_keys.h"

namespace pactolus {

struct EntryMistake {
  std::string entry;  // "size"
  Mismatch mismatch;
  int line = 0;  // 0: of the table as a whole
};
struct TakenTable {
  std::string name;
  std::vector<EntryMistake> mistakes = {};  // then nothing was taken
  bool left_out = false;                    // enabled = false
};

// As is_table_name() of runtime/lake_tables.h has it.
inline constexpr std::string_view kTableNameRule = "1 to 64 letters a-z, digits and _, beginning with a letter";

std::string toml_list(const std::vector<std::string>& texts);  // ["a", "b"]

// What each entry of a table has in common: values of a kind, and what is said of those that are of another.
class EntryTaker {
 public:
  std::vector<EntryMistake> mistakes;

  void wrong(std::string entry, const RawValue& value, std::string expected);
  void missing(std::string entry, std::string expected);  // of the table as a whole
  bool table_name(const RawValue& value, std::string& to);
  void flag(const std::string& entry, const RawValue& value, bool& to);
  void text(const std::string& entry, const RawValue& value, std::string& to);
  void slot(const std::string& entry, const RawValue& value, const Slot& to);
  template <class Function>  // (item)
  void each_text(const std::string& entry, const RawValue& value, Function function) {
    if (value.kind != RawValue::Kind::list) return wrong(entry, value, "expected a list of texts, got " + shown(value));
    for (const RawValue& item : value.items) {
      if (item.kind != RawValue::Kind::text)
        wrong(entry, item, "expected a text in quotes, got " + shown(item));
      else
        function(item);
    }
  }
  void unknown(const std::string& entry, const RawValue& value, std::span<const std::string_view> known);
  // Nothing was taken: entries come by name, people read from the top.
  TakenTable refused(std::string name);
};

}  // namespace pactolus
