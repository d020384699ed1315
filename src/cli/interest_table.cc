#include "cli/interest_table.h"

#include <fmt/core.h>

#include "cli/terminal.h"

namespace pactolus {

std::string interest_heading(bool colour) {
  return paint(Paint::faint,
               fmt::format("{:<12} {:>8} {:>6} {:>6} {:>11} {:>7}  {:<16}", "product", "views", "carts", "sold",
                           "revenue", "conv.", "95 % interval"),
               colour);
}

std::string interest_line(const InterestRow& row, bool marked, bool colour) {
  std::string rate = "-", interval;
  if (const auto c = conversion_of(row.views, row.purchases)) {
    rate = percent_text(c->rate, 2);
    interval = fmt::format("{:.2f} .. {:.2f} %", c->interval.low * 100, c->interval.high * 100);
  }
  const std::string revenue = money_text(row.revenue);
  const std::string line = fmt::format(
      "{:<12} {:>8} {:>6} {:>6} {:>11} {:>7}  {:<16}", cut_to_width(row.product_id, 12), count_text(row.views),
      count_text(row.carts), count_text(row.purchases), revenue.substr(0, revenue.size() - 2), rate, interval);
  return marked ? paint(Paint::warning, line + " ◄ low", colour) : line;
}

}  // namespace pactolus
