// A golden case: what comes into a lake, where the batches are cut, and what must come out; a text file that a person
// writes and reasons about (README.md tells its form). This is the file as values; golden_lake.h plays it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "runtime/config.h"

namespace pactolus::golden {

struct InputRecord {
  std::string topic;    // "clicks" is the live one
  std::string dialect;  // of a history
  int32_t partition = 0;
  int64_t timestamp_us = kNoTime;
  std::optional<std::string> value;
  std::string origin;
};

struct Step {
  enum class Kind { record, clock, cut, tick, close } kind;
  InputRecord record = {};
  int64_t clock_us = 0;  // where the clock is set to
};

// What is expected of one table: some of its columns, and the rows as text in the order in which they are shown.
struct Section {
  std::string table;                 // silver, quarantine, ledger, batches, gold, alerts
  std::vector<std::string> columns;  // empty: the table's usual ones
  std::vector<std::string> rows;
};

struct Case {
  std::string name;
  Config config;  // with product_interest alone: how far a closed window moves the watermark is then easy to see
  int64_t date_us = 0, clock_us = 0;  // midnight of the case's day; where the clock starts
  std::vector<Step> steps;
  std::vector<Section> sections;
};

// Error `invalid` names file and line.
Result<Case> read_case(const fs::path& file);

// Words parted by blanks; runs of blanks count once, so that rows may be put in columns.
std::vector<std::string> words(std::string_view line);

}  // namespace pactolus::golden
