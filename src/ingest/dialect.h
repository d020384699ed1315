// A dialect: what the rows of somebody's files mean, as native events (the JSON of docs/formats/dialects.md).
//
//   file ──format──► InputRow ──dialect──► MappedRow: native JSON, or the exact bytes of what cannot be mapped
//
// To add one: a file of its own (copy rees46.cc or online_retail.cc) and one line in dialects.cc. A mapping
// decides nothing about right and wrong: a missing user, a strange price, an unknown type go on as they are, and the
// decoder names the reason. What maps one row to other JSON than before gets a new `version`: the same file is then
// another history. The identity it gives to rows (event_id) is frozen for ever.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "ingest/row_reader.h"

namespace pactolus {

// Views: valid until the next call of map(), or as long as the row they came from.
struct MappedRow {
  std::string_view key;             // the user; empty when there is none
  std::string_view value;           // native JSON, or the row's exact bytes
  int64_t event_time_us = kNoTime;  // kNoTime when the row has none that can be read
  bool mapped = false;              // false: `value` are the exact bytes
};

// One thread, one file.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;
  virtual int version() const = 0;
  virtual bool takes(Format format) const = 0;
  // Once, before the first row; no columns for NDJSON. Error invalid when columns that it needs are not there.
  virtual Result<> bind(const std::vector<std::string>& columns) = 0;
  virtual void map(const InputRow& row, MappedRow& out) = 0;
  // Nobody asks for event times: they need not be looked for.
  void leave_out_times() noexcept { with_times_ = false; }

 protected:
  bool with_times_ = true;
};

std::vector<std::string> dialect_names();
// Error usage, with the names that there are.
Result<std::unique_ptr<Dialect>> make_dialect(std::string_view name);

std::unique_ptr<Dialect> make_native();
std::unique_ptr<Dialect> make_rees46();
std::unique_ptr<Dialect> make_online_retail();

}  // namespace pactolus
