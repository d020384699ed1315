// Statistics of a data file for the log: how many rows, and per column the bounds by which readers skip files. A
// bound may be looser than the data, never tighter: a tighter one loses rows silently.
//
//   FileStats stats(rows);
//   stats.add_timestamp("event_timestamp", min_us, max_us, 0);
//   add.stats = stats.json();
//
// A value type; one thread. Columns without an entry are never skipped by.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

namespace pactolus::delta {

class FileStats {
 public:
  explicit FileStats(int64_t rows) : rows_(rows) {}

  void add_number(std::string_view column, int64_t min, int64_t max, int64_t nulls);  // integer and long columns
  void add_date(std::string_view column, int32_t min_days, int32_t max_days, int64_t nulls);
  // Logs hold milliseconds: the minimum is cut down, the maximum rounded up.
  void add_timestamp(std::string_view column, int64_t min_us, int64_t max_us, int64_t nulls);
  // Cut after kTextPrefix bytes at a character's end; a cut maximum is raised above all that it was cut from.
  void add_text(std::string_view column, std::string_view min, std::string_view max, int64_t nulls);
  void add_nulls(std::string_view column, int64_t nulls);  // bounds unknown; also when all values are null

  std::string json() const;

  static constexpr size_t kTextPrefix = 32;  // as Delta's own default

 private:
  void add(std::string_view column, Json min, Json max, int64_t nulls);
  int64_t rows_;
  Json::Object min_, max_, nulls_;
};

// Statistics of a file that holds the rows of all these files. What one of them does not say is not said of the whole;
// empty when a count is missing.
std::string merged_stats(std::span<const std::string_view> stats);

// `numRecords` of a statistics text; no value when it is absent or unreadable.
std::optional<int64_t> rows_of(std::string_view stats);

}  // namespace pactolus::delta
