#include "verify/measure_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "query/duckdb.h"

namespace pactolus {
namespace {
std::string type_list(const std::vector<MeasuredType>& types) {
  std::vector<std::string> quoted;
  for (const MeasuredType& t : types) quoted.push_back(sql_text(t.name));
  return fmt::format("({})", fmt::join(quoted, ", "));
}
}  // namespace

std::string column_sql(EventColumn column, std::string_view row) {
  if (column == EventColumn::session) return fmt::format("coalesce({0}session_id, 'user:' || {0}user_id)", row);
  return fmt::format("{}{}", row, name_of(column));
}

std::string is_of(const Measure& m, std::string_view kind) {
  return m.types.empty() ? "TRUE" : fmt::format("{} IN {}", kind, type_list(m.types));
}

bool has_minus(const Measure& m) { return std::ranges::any_of(m.types, &MeasuredType::minus); }

std::string amount_of(const Measure& m) {
  std::string amount = m.amount == Amount::price      ? "price"
                       : m.amount == Amount::quantity ? "quantity::BIGINT"
                                                      : "price * quantity";
  if (!has_minus(m)) return amount;
  std::vector<MeasuredType> minus;
  std::ranges::copy_if(m.types, std::back_inserter(minus), &MeasuredType::minus);
  return fmt::format("CASE WHEN kind IN {0} THEN -({1}) ELSE {1} END", type_list(minus), amount);
}

std::string set_column(const Measure& m) {
  return std::string(name_of(m.function == MeasureFunction::orders ? EventColumn::order_id : m.column));
}

std::string numbered(size_t measure) { return fmt::format("m{}", measure); }

bool is_summed(const Measure& m) { return !m.is_derived() && m.function != MeasureFunction::other_currencies; }

bool names_events(const Measure& m) { return !m.is_derived() && m.function != MeasureFunction::first; }

std::string sum_of(const Measure& m) {
  if (m.function == MeasureFunction::sum)
    return fmt::format("coalesce(sum({}) FILTER ({}{}), 0)", amount_of(m), is_of(m),
                       m.is_money() ? " AND other_currency IS NULL" : "");
  if (m.function == MeasureFunction::orders) return fmt::format("count(*) FILTER ({} AND order_id IS NULL)", is_of(m));
  if (m.is_set()) return "0";
  return fmt::format("count(*) FILTER ({})", is_of(m));
}

std::string type_of(const Measure& m) { return m.is_money() ? "DECIMAL(38, 4)" : "BIGINT"; }

}  // namespace pactolus
