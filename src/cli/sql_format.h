// Rows of a query as text: for people (box, markdown) and for programs (json, csv). Text of the data cannot move the
// cursor or colour the screen: control characters are shown as escapes in the two for people.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "query/duckdb.h"

namespace pactolus {

inline constexpr int64_t kMostRowsForPeople = 10'000;  // box and markdown know no width before their last row

class RowFormat {
 public:
  virtual ~RowFormat() = default;
  // Parts of one result, in order: the columns are the same in each.
  virtual Result<> add(const SqlTable& part) = 0;
  virtual Result<> end() = 0;  // writes what is left
  // Rows that were not shown.
  virtual int64_t left_out() const { return 0; }
};

// "box", "json", "csv" or "markdown"; `out` is borrowed. csv: RFC 4180 with a header and line feeds alone, null is
// empty and an empty text is "". json: an array with one object a line; decimals keep their digits as numbers, times
// are texts.
std::unique_ptr<RowFormat> make_row_format(std::string_view name, Output& out);
NestedAs nested_as(std::string_view format);

}  // namespace pactolus
