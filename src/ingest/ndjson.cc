// NDJSON: a line is a row.
#include "ingest/row_reader.h"

namespace pactolus {
namespace {

class NdjsonReader final : public RowReader {
 public:
  NdjsonReader(ByteSource& source, size_t chunk) : lines_(source, chunk) {}
  Result<> start() { return lines_.skip_byte_order_mark(); }

  Result<bool> next(InputRow& row) override {
    for (Lines::Line line; TRY(lines_.peek(line));) {
      lines_.take(line);
      if (!line.too_long && line.bytes.find_first_not_of(" \t") == std::string_view::npos) {
        ++blank_lines_;
        continue;
      }
      row = {line.bytes, {}, line.too_long ? kTooLong : ""};
      return true;
    }
    return false;
  }

 private:
  Lines lines_;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_ndjson(ByteSource& source, size_t chunk) {
  auto reader = std::make_unique<NdjsonReader>(source, chunk);
  TRY(reader->start());
  return reader;
}

}  // namespace pactolus
