#include "cli/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/terminal.h"

namespace pactolus {
namespace {

constexpr size_t kBars = 12;

double number_of(const SqlValue& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return double(*i);
  if (const auto* d = std::get_if<double>(&value)) return std::isfinite(*d) ? *d : 0;
  if (const auto* s = std::get_if<std::string>(&value)) return std::strtod(s->c_str(), nullptr);  // a decimal
  return 0;
}

std::string cell_text(const SqlColumn& column, size_t row) {
  const SqlValue& value = column.values[row];
  if (std::holds_alternative<std::monostate>(value)) return "";
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{:.4g}", *d);
  if (const auto* i = std::get_if<int64_t>(&value)) return count_text(*i);
  return visible_text(text_of(value));
}

struct Bar {
  std::string label;
  double value = 0;
  std::string text;
};

const SqlColumn* find_column(const SqlTable& rows, const std::string& name) {
  const auto found = std::ranges::find(rows.columns, name, &SqlColumn::name);
  return found == rows.columns.end() ? nullptr : &*found;
}

// "revenue by product_id" is a bar for each row. A value that is no column counts rows: "users by segment".
std::vector<Bar> bars_of(const ModelDay& day) {
  const SqlColumn* label = find_column(day.rows, day.model.plot_label);
  const SqlColumn* value = find_column(day.rows, day.model.plot_value);
  std::vector<Bar> out;
  if (!label) return out;
  if (value) {
    for (size_t r = 0; r < day.rows.rows && out.size() < kBars; ++r)
      if (const double n = number_of(value->values[r]); n > 0)
        out.push_back({cell_text(*label, r), n, cell_text(*value, r)});
    return out;
  }
  std::map<std::string, int64_t> counts;
  for (size_t r = 0; r < day.rows.rows; ++r) ++counts[cell_text(*label, r)];
  for (const auto& [name, n] : counts) out.push_back({name, double(n), count_text(n)});
  std::ranges::stable_sort(out, std::greater<>(), &Bar::value);
  if (out.size() > kBars) out.resize(kBars);
  return out;
}
double largest(const std::vector<Bar>& bars) {
  double out = 0;
  for (const Bar& bar : bars) out = std::max(out, bar.value);
  return out;
}
std::string plot_title(const ModelDay& day) {
  std::string of = day.rows.rows < size_t(day.run.rows) && !find_column(day.rows, day.model.plot_value)
                       ? fmt::format(", of the first {} rows", count_text(int64_t(day.rows.rows)))
                       : "";
  return fmt::format("{} by {}{}", day.model.plot_value, day.model.plot_label, of);
}
std::string counts_line(const ModelDay& day) {
  return fmt::format(
      "{} of {}{}", counted_text(day.run.rows, "row"), counted_text(day.run.events, "event"),
      int64_t(day.rows.rows) < day.run.rows ? fmt::format("; the first {}", count_text(int64_t(day.rows.rows))) : "");
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}
std::string markdown_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("|\\`*_<>[]#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string html_plot(const ModelDay& day) {
  const std::vector<Bar> bars = bars_of(day);
  if (bars.empty()) return "";
  constexpr int kLine = 22, kLeft = 190, kWide = 420;
  const int height = int(bars.size()) * kLine + 4;
  std::string out = fmt::format(
      "<figure><figcaption>{}</figcaption>\n<svg viewBox=\"0 0 720 {}\" width=\"720\" height=\"{}\" role=\"img\">\n",
      html_text(plot_title(day)), height, height);
  for (size_t i = 0; i < bars.size(); ++i) {
    const int y = int(i) * kLine + 2;
    const double width = std::max(1.0, bars[i].value / largest(bars) * kWide);
    out += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" "
        "height=\"{}\"/><text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
        kLeft - 8, y + 14, html_text(cut_to_width(bars[i].label, 24)), kLeft, y, width, kLine - 4, kLeft + width + 6,
        y + 14, html_text(bars[i].text));
  }
  return out + "</svg></figure>\n";
}

std::string html_table(const SqlTable& rows) {
  std::string out = "<table><thead><tr>";
  const auto side = [](const SqlColumn& c) { return c.kind == SqlKind::number ? " class=\"n\"" : ""; };
  for (const SqlColumn& column : rows.columns)
    out += fmt::format("<th{}>{}</th>", side(column), html_text(column.name));
  out += "</tr></thead><tbody>\n";
  for (size_t r = 0; r < rows.rows; ++r) {
    out += "<tr>";
    for (const SqlColumn& column : rows.columns)
      out += fmt::format("<td{}>{}</td>", side(column), html_text(cell_text(column, r)));
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

}  // namespace

std::string markdown_report(const ReportHead& head, std::span<const ModelDay> models) {
  std::string out =
      fmt::format("# {} ({})\n\nLake {}\n", head.day, markdown_text(head.time_zone), markdown_text(head.lake));
  for (const ModelDay& day : models) {
    out += fmt::format("\n## {}\n\n{}\n\n{}\n", markdown_text(day.model.name), markdown_text(day.model.title),
                       counts_line(day));
    if (const std::vector<Bar> bars = bars_of(day); !bars.empty()) {
      out += fmt::format("\n{}\n\n```text\n", markdown_text(plot_title(day)));
      for (const Bar& bar : bars) {
        std::string blocks;
        for (int i = 0; i < std::max(1, int(std::lround(bar.value / largest(bars) * 40))); ++i) blocks += "█";
        out += fmt::format("{} {} {}\n", pad_right(cut_to_width(bar.label, 24), 24), blocks, bar.text);
      }
      out += "```\n";
    }
    out += "\n|";
    for (const SqlColumn& column : day.rows.columns) out += fmt::format(" {} |", markdown_text(column.name));
    out += "\n|";
    for (const SqlColumn& column : day.rows.columns) out += column.kind == SqlKind::number ? "---:|" : "---|";
    for (size_t r = 0; r < day.rows.rows; ++r) {
      out += "\n|";
      for (const SqlColumn& column : day.rows.columns) out += fmt::format(" {} |", markdown_text(cell_text(column, r)));
    }
    out += "\n";
  }
  return out;
}

std::string html_report(const ReportHead& head, std::span<const ModelDay> models) {
  const std::string title = fmt::format("{} ({})", html_text(head.day), html_text(head.time_zone));
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n<style>\n"
      "body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}}\n"
      "table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}th,td{{padding:.2rem .7rem;text-align:left;"
      "border-bottom:1px solid #ddd}}\n.n{{text-align:right}}svg text{{font:12px system-ui,sans-serif;fill:#222}}rect{{"
      "fill:#b8860b}}figure{{margin:1rem 0}}figcaption{{color:#666}}p.c{{color:#666}}\n</style></head><body>\n"
      "<h1>{}</h1>\n<p class=\"c\">Lake {}</p>\n",
      title, title, html_text(head.lake));
  for (const ModelDay& day : models)
    out += fmt::format("<h2>{}</h2>\n<p>{}</p>\n<p class=\"c\">{}</p>\n{}{}", html_text(day.model.name),
                       html_text(day.model.title), counts_line(day), html_plot(day), html_table(day.rows));
  return out + "</body></html>\n";
}

}  // namespace pactolus
