#include "ingest/row_reader.h"

namespace pactolus {

std::string_view name_of(Format format) noexcept {
  switch (format) {
    case Format::csv: return "CSV";
    case Format::ndjson: return "NDJSON";
    case Format::parquet: break;
  }
  return "Parquet";
}

Result<> Lines::skip_byte_order_mark() {
  while (window_.bytes().size() < 3)
    if (!TRY(window_.more())) break;
  if (window_.bytes().starts_with("\xEF\xBB\xBF")) window_.consume(3);
  return {};
}

Result<bool> Lines::peek(Line& line) {
  // Two bytes more than a row may have: its line end, and the CR before it.
  const size_t end = TRY(window_.find('\n', 0, kMaxRowBytes + 2));
  const std::string_view held = window_.bytes();
  if (end == ByteWindow::kNone && held.size() <= kMaxRowBytes) {
    if (held.empty()) return false;
    line = {held, held.size(), inside_long_line_};
  } else if (end == ByteWindow::kNone) {
    line = {held.substr(0, kMaxRowBytes), kMaxRowBytes, true};
    return true;
  } else {
    line = {held.substr(0, end), end + 1, inside_long_line_};
  }
  if (line.bytes.ends_with('\r')) line.bytes.remove_suffix(1);
  if (line.bytes.size() > kMaxRowBytes) line = {held.substr(0, kMaxRowBytes), kMaxRowBytes, true};
  return true;
}

void Lines::take(const Line& line) noexcept {
  inside_long_line_ = line.too_long && line.size == kMaxRowBytes && line.bytes.size() == kMaxRowBytes;
  window_.consume(line.size);
}

}  // namespace pactolus
