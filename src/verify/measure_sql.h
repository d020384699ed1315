// Measures in SQL, over rows with the columns kind, price, quantity, other_currency and those of text.
#pragma once

#include <string>
#include <string_view>

#include "gold/measure.h"

namespace pactolus {

std::string column_sql(EventColumn column, std::string_view row = "");  // of Silver; row: "s."
std::string is_of(const Measure& m, std::string_view kind = "kind");    // the condition: is it of the measure's types?
bool has_minus(const Measure& m);
std::string amount_of(const Measure& m);
std::string set_column(const Measure& m);
// Columns of a shop's own view may have any name, so they are numbered.
std::string numbered(size_t measure);
// Does it follow from Silver by itself? The others follow from measures of their row, or have more than one number.
bool is_summed(const Measure& m);
bool names_events(const Measure& m);  // whose types say which events the view counts
// The aggregate and its type. Of sets only what can be summed: events without a value, for orders.
std::string sum_of(const Measure& m);
std::string type_of(const Measure& m);

}  // namespace pactolus
