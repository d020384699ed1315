#include "verify/check_result.h"

#include <fmt/format.h>

namespace pactolus {

std::string_view name_of(CheckOutcome outcome) noexcept {
  switch (outcome) {
    case CheckOutcome::ok: return "ok";
    case CheckOutcome::failed: return "failed";
    case CheckOutcome::skipped: return "skipped";
  }
  return "";
}

CheckResult CheckResult::skip(std::string why) { return {.outcome = CheckOutcome::skipped, .summary = std::move(why)}; }

void CheckResult::fail_row(std::string text) {
  outcome = CheckOutcome::failed;
  ++wrong;
  if (rows.size() < kShownRows) rows.push_back(std::move(text));
}

Result<> fail_rows(SqlEngine& sql, CheckResult& result, std::string_view query) {
  const SqlTable found = TRY(sql.query(fmt::format(
      "SELECT why, count(*) OVER () AS wrong FROM (\n{}\n) ORDER BY why LIMIT {}", query, CheckResult::kShownRows)));
  for (size_t r = 0; r < found.rows; ++r) result.fail_row(found.text_at(r, "why"));
  if (found.rows > 0) result.wrong += found.int_at(0, "wrong") - int64_t(found.rows);
  return {};
}

Result<int64_t> one_number(SqlEngine& sql, std::string_view query) {
  const SqlTable found = TRY(sql.query(query));
  if (found.rows != 1 || found.columns.size() != 1)
    return fail(ErrorCode::invalid, fmt::format("one number was expected of: {}", query));
  const auto* value = std::get_if<int64_t>(&found.columns[0].values[0]);
  return value ? *value : 0;
}

std::string with_commas(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(int64_t n, std::string_view thing) {
  return fmt::format("{} {}{}", with_commas(n), thing, n == 1 ? "" : "s");
}

}  // namespace pactolus
