// Any bytes as a CSV file and as NDJSON: nothing is lost, and where the reads end does not matter.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "event/record.h"
#include "ingest/dialect.h"
#include "ingest/text_source.h"

namespace pactolus {
namespace {

using Opener = Result<std::unique_ptr<RowReader>> (*)(ByteSource&, size_t);

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t') out.push_back(c);
  return out;
}

// All rows: bytes, problem, fields. Together their bytes must be the file's behind its header.
std::vector<std::string> rows_of(Opener open, std::string_view text, size_t chunk) {
  TextSource source(text);
  const auto reader = open(source, chunk);
  std::vector<std::string> out;
  if (!reader) return {reader.error().message};
  std::string bytes;
  for (InputRow row; (*reader)->next(row).value();) {
    std::string all = std::string(row.bytes) + '\1' + std::string(row.problem);
    for (const std::string_view field : row.fields) all += '\1' + std::string(field);
    out.push_back(std::move(all));
    bytes += without_blanks(row.bytes);
    PACTOLUS_CHECK(!row.problem.empty() || (*reader)->columns().size() == row.fields.size());
  }
  const bool has_header = !(*reader)->columns().empty();
  if (!has_header && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  PACTOLUS_CHECK(has_header ? without_blanks(text).ends_with(bytes) : without_blanks(text) == bytes);
  return out;
}

void map_rows(std::string_view text) {
  TextSource source(text);
  const auto reader = open_csv(source);
  const auto dialect = make_rees46();
  if (!reader || !dialect->bind((*reader)->columns())) return;
  MappedRow mapped;
  for (InputRow row; (*reader)->next(row).value();) {
    dialect->map(row, mapped);
    PACTOLUS_CHECK(mapped.mapped == row.problem.empty());
    PACTOLUS_CHECK(!mapped.mapped ||
                   (mapped.value.starts_with("{\"event_id\":\"rees46:") && mapped.value.ends_with("}")));
  }
}

}  // namespace
}  // namespace pactolus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus;
  if (size == 0) return 0;
  const size_t chunk = 1 + data[0] % 31;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const Opener open : {Opener(open_csv), Opener(open_ndjson)})
    PACTOLUS_CHECK(rows_of(open, text, chunk) == rows_of(open, text, ByteWindow::kChunk));
  map_rows("event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n" +
           std::string(text));
  const auto native = make_native();
  MappedRow mapped;
  const std::string padded = std::string(text) + std::string(kRecordPadding, '\0');
  const std::string_view line(padded.data(), text.size());
  native->map({line, {}, {}}, mapped);
  PACTOLUS_CHECK(mapped.value == line);
  return 0;
}
