// When a row of product_interest is one to alert people of, in words:
//
//   views > 100 and purchases < 5
//   conversion_high < 0.01 and revenue >= 1000.50
//
// Comparisons of columns with numbers, all of which must hold. A column without a value (no views, no rate) meets none.
// Counts and money are compared exactly, rates as the doubles that the table has. A value: copy it freely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gold/interest_row.h"

namespace pactolus {

class AlertCondition {
 public:
  // "views > 100 and purchases < 5", the rule that the shop began with.
  AlertCondition();
  // Error invalid says what was expected.
  static Result<AlertCondition> parse(std::string_view text);

  bool met(const InterestRow& row) const;
  std::string to_text() const;  // in one form, whatever the blanks and capitals were
  std::string to_sql() const;   // over the columns of the table
  bool operator==(const AlertCondition& other) const { return to_text() == other.to_text(); }

 private:
  enum class Column : uint8_t {
    views,
    carts,
    purchases,
    viewers,
    revenue,
    refunds,
    conversion_rate,
    conversion_low,
    conversion_high
  };
  enum class Compare : uint8_t { above, at_least, below, at_most, equal };
  struct Part {
    Column column;
    Compare compare;
    std::string number;  // as written
    Money exact = 0;     // of counts and money
    double real = 0;     // of rates
  };
  explicit AlertCondition(std::vector<Part> parts) : parts_(std::move(parts)) {}
  static Result<Part> parse_part(std::string_view text);
  static bool is_rate(Column column) noexcept { return column >= Column::conversion_rate; }
  std::vector<Part> parts_;
};

}  // namespace pactolus
