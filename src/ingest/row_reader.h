// A format: from the bytes of a file to its rows. One small file each (csv.cc, ndjson.cc, parquet.cc); what the rows
// mean is the business of a dialect (dialect.h).
//
// Every byte of a text is in a row, or is a line end, a header, a byte order mark or a blank line. What breaks the
// rules of the format is a row too, with its exact bytes and a `problem`, and the reader goes on behind it. A Parquet
// file has no rows that are broken: it is whole, or an error.
//
// A line longer than kMaxRowBytes is given in pieces of that size, each a row with a problem: memory stays bounded, and
// nothing vanishes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/byte_window.h"

namespace pactolus {

// What the log takes in one record is 16 MiB; what the decoder takes as an event is 1 MiB.
inline constexpr size_t kMaxRowBytes = 8 << 20;

// Views: valid until the next call of next(). Behind the bytes of a row lie kRecordPadding more that may be read,
// whatever they are (event/record.h).
struct InputRow {
  std::string_view bytes;                         // exactly as in the file, without its line end; empty in Parquet
  std::span<const std::string_view> fields = {};  // one for each column, unquoted; empty for formats without columns
  std::string_view problem = {};                  // why it is no row of this format; empty when it is one
};

class RowReader {
 public:
  virtual ~RowReader() = default;
  // False at the end. Errors are those of the source; a bad row is no error.
  virtual Result<bool> next(InputRow& row) = 0;
  const std::vector<std::string>& columns() const noexcept { return columns_; }  // of the header; empty without one
  int64_t blank_lines() const noexcept { return blank_lines_; }                  // seen so far
  // How much of the file has been read, 0 to 1, for readers that know; otherwise the source's position says it.
  virtual std::optional<double> progress() const { return std::nullopt; }

 protected:
  std::vector<std::string> columns_;
  int64_t blank_lines_ = 0;
};

enum class Format : uint8_t { csv, ndjson, parquet };
std::string_view name_of(Format format) noexcept;

// CSV by RFC 4180 with a header row. The delimiter is the one of , ; | and tab that stands most often in the first line
// (a comma when none does). Quotes and doubled quotes, line ends inside quotes, LF or CRLF, a byte order mark,
// a last row without a line end. A blank line is no row. A row whose quotes are broken (a quote inside an unquoted
// field, text behind a closing quote, no closing quote) ends at its first line end, so that one stray quote costs one
// line. Error invalid: no header, a column without a name or two with one.
Result<std::unique_ptr<RowReader>> open_csv(ByteSource& source, size_t chunk = ByteWindow::kChunk);

// A JSON value per line, LF or CRLF. A line of nothing but spaces and tabs is no row. Whether it is JSON is for the
// decoder to say: here only a line that is too long has a problem.
Result<std::unique_ptr<RowReader>> open_ndjson(ByteSource& source, size_t chunk = ByteWindow::kChunk);

// Any Parquet file of flat columns (lake/parquet/parquet_text.h says how values are written). Borrows nothing.
Result<std::unique_ptr<RowReader>> open_parquet(const InputFile& file);

inline constexpr std::string_view kTooLong = "the line is longer than 8 MiB";

// What the formats of lines have in common: the byte order mark, line ends, blank and overlong lines.
class Lines {
 public:
  struct Line {
    std::string_view bytes;  // without the line end
    size_t size = 0;         // with it: what to consume
    bool too_long = false;   // a piece of a line above kMaxRowBytes
  };
  Lines(ByteSource& source, size_t chunk) : window_(source, chunk) {}
  Result<> skip_byte_order_mark();  // once, at the start
  // The line at the front, not consumed yet. False at the end.
  Result<bool> peek(Line& line);
  void take(const Line& line) noexcept;
  ByteWindow& window() noexcept { return window_; }

 private:
  ByteWindow window_;
  bool inside_long_line_ = false;
};

}  // namespace pactolus
