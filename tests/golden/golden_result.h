// What lies in a lake, as text that a case can be compared with. Read from the tables alone, not through the Job.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "golden_case.h"

namespace pactolus::golden {

using Row = std::map<std::string, std::string>;  // column → text

struct LakeResult {
  // silver, quarantine, gold by their columns and the short names of README.md; ledger (a row per batch and source)
  // and batches (a row per batch). "gold/NAME": the other tables of Gold, by their columns.
  std::map<std::string, std::vector<Row>> tables;
  std::string everything() const;  // all rows with all columns, for comparing one way with another
};

// Error `failed_check`: the lake contradicts itself (the ledger's table against the commits, gaps, sums).
Result<LakeResult> read_result(const Case& c, const fs::path& lake);

// The rows of a section as the case would have them.
std::vector<std::string> shown(const LakeResult& result, const std::string& table,
                               const std::vector<std::string>& columns);

}  // namespace pactolus::golden
