// The rows of somebody's Parquet file as texts, one after another: whatever a column's type is, its values are read as
// they would stand in a CSV file. Decodes a few thousand rows at a time; memory does not grow with the file.
//
//   text                                as it is, whether UTF-8 or not
//   whole numbers, decimals             digits: -12, 299.9900
//   floating point                      the shortest digits that give the same number, 6.95, 13085.0; NaN is no value
//   bool                                true, false
//   date                                2009-12-01
//   timestamp, with or without a zone   2009-12-01 07:45:00, then .123456 unless that is 0; finer is cut; UTC
//   null                                empty
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace pactolus {

// One thread.
class ParquetText {
 public:
  // `descriptor` is duplicated, `path` is for messages. Error invalid: no Parquet file, one that is cut off or damaged,
  // a column of another kind (nested, times of day).
  static Result<std::unique_ptr<ParquetText>> open(int descriptor, const fs::path& path);
  virtual ~ParquetText() = default;

  const std::vector<std::string>& columns() const noexcept { return columns_; }
  int64_t rows() const noexcept { return rows_; }  // in the whole file
  // A text per column, valid until the next call. False at the end. Error invalid: damaged from here on.
  virtual Result<bool> next(std::vector<std::string_view>& row) = 0;

 protected:
  std::vector<std::string> columns_;
  int64_t rows_ = 0;
};

}  // namespace pactolus
