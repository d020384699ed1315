#include "cli/sql_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/json.h"

namespace pactolus {
namespace {

// DuckDB writes numbers that are none as words that JSON does not have; in nested values too.
std::string as_json(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      const size_t begin = i++;
      for (; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\';
      i = std::min(i + 1, text.size());
      out += text.substr(begin, i - begin);
      continue;
    }
    size_t word = 0;
    for (const std::string_view none : {"NaN", "Infinity", "-Infinity", "-NaN"})
      if (text.substr(i).starts_with(none)) word = none.size();
    out += word ? "null" : text.substr(i, 1);
    i += std::max<size_t>(word, 1);
  }
  return out;
}

// Keeps the rows until the end, when the widths are known.
class ForPeople : public RowFormat {
 public:
  explicit ForPeople(Output& out) : out_(out) {}
  Result<> add(const SqlTable& part) override {
    if (columns_.empty())
      for (const SqlColumn& column : part.columns)
        columns_.push_back({visible_text(column.name), column.kind == SqlKind::number, 0, {}});
    const auto room = size_t(std::max<int64_t>(0, kMostRowsForPeople - rows_));
    const size_t taken = std::min(part.rows, room);
    for (size_t c = 0; c < columns_.size(); ++c)
      for (size_t r = 0; r < taken; ++r) columns_[c].cells.push_back(cell(part.columns[c].values[r]));
    rows_ += int64_t(part.rows);
    return {};
  }
  Result<> end() override {
    for (Column& column : columns_) {
      column.width = visible_width(column.name);
      for (const std::string& text : column.cells) column.width = std::max(column.width, visible_width(text));
    }
    print();
    return {};
  }
  int64_t left_out() const override { return std::max<int64_t>(0, rows_ - kMostRowsForPeople); }

 protected:
  struct Column {
    std::string name;
    bool right = false;
    int width = 0;
    std::vector<std::string> cells;
  };
  virtual std::string cell(const SqlValue& value) const = 0;
  virtual void print() = 0;
  size_t lines() const { return columns_.empty() ? 0 : columns_[0].cells.size(); }
  // "left cell cell right", cells padded.
  void line(std::string_view left, std::string_view between, std::string_view right, size_t row) {
    std::string text(left);
    for (size_t c = 0; c < columns_.size(); ++c) {
      const Column& column = columns_[c];
      const std::string& content = row == kHeading ? column.name : column.cells[row];
      text += c ? between : "";
      text += column.right ? pad_left(content, column.width) : pad_right(content, column.width);
    }
    out_ << text << right << "\n";
  }
  static constexpr size_t kHeading = SIZE_MAX;
  Output& out_;
  std::vector<Column> columns_;
  int64_t rows_ = 0;
};

class Box final : public ForPeople {
 public:
  using ForPeople::ForPeople;

 private:
  std::string cell(const SqlValue& value) const override { return visible_text(text_of(value)); }
  void print() override {
    rule("┌", "┬", "┐");
    line("│ ", " │ ", " │", kHeading);
    rule("├", "┼", "┤");
    for (size_t r = 0; r < lines(); ++r) line("│ ", " │ ", " │", r);
    rule("└", "┴", "┘");
  }
  void rule(std::string_view left, std::string_view between, std::string_view right) {
    std::string text(left);
    for (size_t c = 0; c < columns_.size(); ++c) {
      text += c ? between : "";
      for (int i = 0; i < columns_[c].width + 2; ++i) text += "─";
    }
    out_ << text << right << "\n";
  }
};

class Markdown final : public ForPeople {
 public:
  using ForPeople::ForPeople;

 private:
  std::string cell(const SqlValue& value) const override { return in_a_cell(visible_text(text_of(value))); }
  static std::string in_a_cell(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '|' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return out;
  }
  void print() override {
    for (Column& column : columns_) {
      column.name = in_a_cell(column.name);
      column.width = std::max({column.width, visible_width(column.name), 3});
    }
    line("| ", " | ", " |", kHeading);
    std::string rule = "|";
    for (const Column& column : columns_)
      rule += fmt::format("{:->{}}{}|", "", column.width + 1, column.right ? ":" : "-");
    out_ << rule << "\n";
    for (size_t r = 0; r < lines(); ++r) line("| ", " | ", " |", r);
  }
};

class Csv final : public RowFormat {
 public:
  explicit Csv(Output& out) : out_(out) {}
  Result<> add(const SqlTable& part) override {
    if (!std::exchange(headed_, true)) {
      std::string heading;
      for (const SqlColumn& column : part.columns) heading += (heading.empty() ? "" : ",") + quoted(column.name);
      out_ << heading << "\n";
    }
    for (size_t r = 0; r < part.rows; ++r) {
      std::string text;
      for (size_t c = 0; c < part.columns.size(); ++c) {
        const SqlValue& value = part.columns[c].values[r];
        if (c) text += ",";
        if (std::holds_alternative<std::monostate>(value)) continue;
        const std::string content = text_of(value);
        text += content.empty() ? "\"\"" : quoted(content);
      }
      out_ << text << "\n";
    }
    return {};
  }
  Result<> end() override { return {}; }

 private:
  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return text;
    std::string out = "\"";
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    return out + "\"";
  }
  Output& out_;
  bool headed_ = false;
};

class JsonRows final : public RowFormat {
 public:
  explicit JsonRows(Output& out) : out_(out) {}
  Result<> add(const SqlTable& part) override {
    for (size_t r = 0; r < part.rows; ++r) {
      std::string text = rows_++ == 0 ? "[\n{" : ",\n{";
      for (size_t c = 0; c < part.columns.size(); ++c) {
        const SqlColumn& column = part.columns[c];
        if (c) text += ",";
        append_json_string(text, column.name);
        text += ":";
        append(text, column.kind, column.values[r]);
      }
      out_ << text << "}";
    }
    return {};
  }
  Result<> end() override {
    out_ << (rows_ == 0 ? "[]\n" : "\n]\n");
    return {};
  }

 private:
  static void append(std::string& out, SqlKind kind, const SqlValue& value) {
    const auto* number = std::get_if<double>(&value);
    if (std::holds_alternative<std::monostate>(value) || (number && !std::isfinite(*number))) {
      out += "null";  // JSON has no word for not a number
    } else if (kind == SqlKind::text) {
      append_json_string(out, text_of(value));
    } else {
      out += kind == SqlKind::nested ? as_json(text_of(value)) : text_of(value);
    }
  }
  Output& out_;
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<RowFormat> make_row_format(std::string_view name, Output& out) {
  if (name == "json") return std::make_unique<JsonRows>(out);
  if (name == "csv") return std::make_unique<Csv>(out);
  if (name == "markdown") return std::make_unique<Markdown>(out);
  PACTOLUS_CHECK(name == "box", fmt::format("no format {}", name));
  return std::make_unique<Box>(out);
}

NestedAs nested_as(std::string_view format) { return format == "json" ? NestedAs::json : NestedAs::duckdb_text; }

}  // namespace pactolus
