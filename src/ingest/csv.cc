// CSV: RFC 4180. A line without a quote, which is nearly every line, is split where it lies; the others take the
// slower way, which first finds the row's end (a line end with an even number of quotes before it) and then splits it
// strictly.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "ingest/row_reader.h"

namespace pactolus {
namespace {

constexpr std::string_view kBrokenQuote = "a quote is out of place";
constexpr std::string_view kOpenQuote = "a quote is not closed";
constexpr const char* kHeaderHint = "the first row of a CSV file names its columns";

class CsvReader final : public RowReader {
 public:
  CsvReader(ByteSource& source, size_t chunk) : lines_(source, chunk) {}

  Result<> start() {
    TRY(lines_.skip_byte_order_mark());
    TRY(find_delimiter());
    InputRow header;
    if (!TRY(read(header))) return fail(ErrorCode::invalid, "the file has no header row", kHeaderHint);
    if (!header.problem.empty())
      return fail(ErrorCode::invalid, fmt::format("the header row cannot be read: {}", header.problem), kHeaderHint);
    for (const std::string_view name : header.fields) {
      if (name.empty())
        return fail(ErrorCode::invalid, fmt::format("column {} of the header has no name", columns_.size() + 1),
                    kHeaderHint);
      if (std::ranges::find(columns_, name) != columns_.end())
        return fail(ErrorCode::invalid, fmt::format("the header names a column twice: {}", name), kHeaderHint);
      columns_.emplace_back(name);
    }
    return {};
  }

  Result<bool> next(InputRow& row) override {
    if (!TRY(read(row))) return false;
    if (row.problem.empty() && row.fields.size() != columns_.size()) {
      count_problem_.clear();
      fmt::format_to(std::back_inserter(count_problem_), "{} fields, expected {}", row.fields.size(), columns_.size());
      row.problem = count_problem_;
      row.fields = {};
    }
    return true;
  }

 private:
  Result<> find_delimiter() {
    Lines::Line line;
    while (TRY(lines_.peek(line)) && line.bytes.empty()) {
      lines_.take(line);
      ++blank_lines_;
    }
    ptrdiff_t most = std::ranges::count(line.bytes, delimiter_);
    for (const char other : {';', '\t', '|'})
      if (const ptrdiff_t n = std::ranges::count(line.bytes, other); n > most) {
        most = n;
        delimiter_ = other;
      }
    return {};
  }

  Result<bool> read(InputRow& row) {
    for (Lines::Line line; TRY(lines_.peek(line));) {
      if (line.too_long) {
        lines_.take(line);
        row = {line.bytes, {}, kTooLong};
        return true;
      }
      if (line.bytes.empty()) {
        lines_.take(line);
        ++blank_lines_;
        continue;
      }
      if (std::memchr(line.bytes.data(), '"', line.bytes.size())) return quoted(row);
      lines_.take(line);
      split(line.bytes);
      row = {line.bytes, fields_, {}};
      return true;
    }
    return false;
  }

  void split(std::string_view line) {
    fields_.clear();
    const char *at = line.data(), *const end = at + line.size();
    while (const void* comma = std::memchr(at, delimiter_, size_t(end - at))) {
      fields_.emplace_back(at, size_t(static_cast<const char*>(comma) - at));
      at = static_cast<const char*>(comma) + 1;
    }
    fields_.emplace_back(at, size_t(end - at));
  }

  Result<bool> quoted(InputRow& row) {
    size_t size = 0;
    std::string_view problem = kOpenQuote;
    if (TRY(find_row_end(size))) {
      std::string_view bytes = lines_.window().bytes().substr(0, size);
      if (bytes.ends_with('\n')) bytes.remove_suffix(1);
      if (bytes.ends_with('\r')) bytes.remove_suffix(1);
      if (bytes.size() <= kMaxRowBytes) problem = split_quoted(bytes);
      if (problem.empty()) {
        lines_.take({bytes, size, false});
        row = {bytes, fields_, {}};
        return true;
      }
    }
    Lines::Line line;
    PACTOLUS_CHECK(TRY(lines_.peek(line)));
    lines_.take(line);
    row = {line.bytes, {}, problem};
    return true;
  }

  // Size of the row with its line end. False when a quote stays open up to the end of the input or the longest row.
  Result<bool> find_row_end(size_t& size) {
    ByteWindow& window = lines_.window();
    constexpr size_t kLimit = kMaxRowBytes + 2;
    for (size_t at = 0, line_end = 0;;) {  // not inside quotes
      if (line_end < at || at == 0) {
        line_end = TRY(window.find('\n', at, kLimit));
        if (line_end == ByteWindow::kNone) {
          if (window.bytes().size() >= kLimit) return false;
          line_end = window.bytes().size();
        }
      }
      const void* quote = std::memchr(window.bytes().data() + at, '"', line_end - at);
      if (!quote) {
        size = std::min(line_end + 1, window.bytes().size());
        return true;
      }
      const size_t opened = size_t(static_cast<const char*>(quote) - window.bytes().data());
      const size_t closed = TRY(window.find('"', opened + 1, kLimit));
      if (closed == ByteWindow::kNone) return false;
      at = closed + 1;
    }
  }

  // What is wrong with the row, or nothing: then its fields are there.
  std::string_view split_quoted(std::string_view row) {
    fields_.clear();
    unquoted_.clear();
    unquoted_.reserve(row.size());  // views into it stay valid
    for (size_t at = 0;;) {
      size_t end;  // of the field, quotes included
      if (at < row.size() && row[at] == '"') {
        const size_t first = unquoted_.size();
        for (++at;;) {
          const size_t quote = row.find('"', at);
          if (quote == std::string_view::npos) return kOpenQuote;
          unquoted_.append(row.substr(at, quote - at));
          at = quote + 1;
          if (at == row.size() || row[at] != '"') break;
          unquoted_.push_back('"');
          ++at;
        }
        fields_.push_back(std::string_view(unquoted_).substr(first));
        end = at;
        if (end < row.size() && row[end] != delimiter_) return kBrokenQuote;
      } else {
        end = std::min(row.find(delimiter_, at), row.size());
        fields_.push_back(row.substr(at, end - at));
        if (fields_.back().find('"') != std::string_view::npos) return kBrokenQuote;
      }
      if (end == row.size()) return {};
      at = end + 1;
    }
  }

  Lines lines_;
  char delimiter_ = ',';
  std::vector<std::string_view> fields_;
  std::string unquoted_, count_problem_;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_csv(ByteSource& source, size_t chunk) {
  auto reader = std::make_unique<CsvReader>(source, chunk);
  TRY(reader->start());
  return reader;
}

}  // namespace pactolus
