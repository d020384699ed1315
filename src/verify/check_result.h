// What a check has found: one line with figures, and the first rows that are wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "query/duckdb.h"

namespace pactolus {

enum class CheckOutcome : uint8_t { ok, failed, skipped };
std::string_view name_of(CheckOutcome outcome) noexcept;

struct CheckResult {
  static constexpr size_t kShownRows = 5;

  std::string name = {};  // set by who runs the check
  CheckOutcome outcome = CheckOutcome::ok;
  std::string summary = {};  // "3 partitions, 20,000 records, no gap", or why it was skipped
  std::vector<std::pair<std::string, int64_t>> figures = {};  // the same for programs
  std::vector<std::string> notes = {};                        // what is right and still has to be said, line by line
  int64_t wrong = 0;                                          // how many rows are
  std::vector<std::string> rows = {};                         // the first of them, in words
  double seconds = 0;

  static CheckResult skip(std::string why);
  void figure(std::string what, int64_t value) { figures.emplace_back(std::move(what), value); }
  // One more that is wrong; shown when there is room.
  void fail_row(std::string text);
};

// Runs a query whose rows are all wrong ones and whose column `why` says how; all are counted, the first few shown.
Result<> fail_rows(SqlEngine& sql, CheckResult& result, std::string_view query);
// The one integer that a query gives; null is 0.
Result<int64_t> one_number(SqlEngine& sql, std::string_view query);

std::string with_commas(int64_t value);                  // 12,345
std::string counted(int64_t n, std::string_view thing);  // "1 file", "12,345 files"

}  // namespace pactolus
