#include "ingest/event_file.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/hash.h"

namespace pactolus {
namespace {

constexpr size_t kHashDigits = 32, kHashBlock = 1 << 20;
constexpr size_t kHead = 64 << 10;  // enough to see whether a file holds objects at all

// A broken first line is data; a file in whose head no line begins an object was meant for another dialect.
Result<> check_is_ndjson(InputFile& input) {
  std::string head(kHead, '\0');
  size_t size = 0;
  while (size < kHead) {
    const size_t n = TRY(input.read(head.data() + size, kHead - size));
    if (n == 0) break;
    size += n;
  }
  input.seek(0);
  std::string_view text(head.data(), size);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos && size < kHead)
    return fail(ErrorCode::invalid, fmt::format("the file has no rows: {}", input.path().native()));
  for (size_t at = first; at != std::string_view::npos;) {
    if (text[at] == '{') return {};
    const size_t line_end = text.find('\n', at);
    at = line_end == std::string_view::npos ? line_end : text.find_first_not_of(" \t\r\n", line_end);
  }
  return fail(ErrorCode::invalid,
              fmt::format("the file is no NDJSON, no line begins with {{: {}", input.path().native()),
              "--dialect says what the file holds; native is a JSON object per line");
}

std::string uuid_of(std::string hex) {
  hex[12] = '8';  // version 8 (RFC 9562): made by a rule of our own
  hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

// What the first bytes tell of a file that is no text; empty for one that may be.
Result<std::string> packing_of(const fs::path& path) {
  const std::string head = TRY(read_file_part(path, 0, 4));
  for (const auto& [mark, what] : {std::pair{"\x1f\x8b", "compressed (gzip)"},
                                   {"\x28\xb5\x2f\xfd", "compressed (zstd)"},
                                   {"PAR1", "a Parquet file"}})
    if (head.find(mark) == 0) return what;
  return "";
}

}  // namespace

Result<std::unique_ptr<EventFile>> EventFile::open(const fs::path& path, std::string_view dialect) {
  auto mapping = TRY(make_dialect(dialect));
  auto input = TRY(InputFile::open(path));
  const auto about = [&](Error error) {  // what the format says does not know the file's name
    if (error.where.empty() && error.message.find(path.native()) == std::string::npos) error.where = path.native();
    return std::unexpected(std::move(error));
  };
  if (input->size() == 0) return fail(ErrorCode::invalid, fmt::format("the file is empty: {}", path.native()));
  if (const std::string packed = TRY(packing_of(path)); !packed.empty())
    return fail(ErrorCode::invalid, fmt::format("{} is {}, which this release does not read", path.native(), packed),
                packed.starts_with("compressed") ? "unpack it first" : "export it as CSV or NDJSON");
  if (mapping->format() == Format::ndjson) TRY(check_is_ndjson(*input));
  std::unique_ptr<EventFile> file(new EventFile(std::move(input), std::move(mapping)));
  auto reader = open_rows(file->dialect_->format(), *file->input_);
  if (!reader) return about(std::move(reader).error());
  file->reader_ = std::move(*reader);
  if (auto bound = file->dialect_->bind(file->reader_->columns()); !bound) return about(std::move(bound).error());
  return file;
}

Result<bool> EventFile::next(MappedRow& row) {
  InputRow raw;
  if (!TRY(reader_->next(raw))) return false;
  ++rows_;
  dialect_->map(raw, row);
  return true;
}

Result<int64_t> EventFile::skip(int64_t rows) {
  InputRow raw;
  int64_t passed = 0;
  while (passed < rows && TRY(reader_->next(raw))) ++passed;
  rows_ += passed;
  return passed;
}

Result<FileIdentity> identify(InputFile& file, const Dialect& dialect) {
  const int64_t reached = file.position();
  file.seek(0);
  std::string hash =
      hash128_hex(fmt::format("pactolus.ingest\x1f"
                              "1\x1f{}\x1f{}\x1f{}",
                              dialect.name(), dialect.version(), file.size()));
  const std::unique_ptr<char[]> block(new char[kHashDigits + kHashBlock]);
  for (bool ended = false; !ended;) {
    size_t size = 0;
    while (size < kHashBlock && !ended) {
      const size_t n = TRY(file.read(block.get() + kHashDigits + size, kHashBlock - size));
      ended = n == 0;
      size += n;
    }
    if (size == 0) break;
    std::memcpy(block.get(), hash.data(), kHashDigits);
    hash = hash128_hex({block.get(), kHashDigits + size});
  }
  TRY(file.check_unchanged());
  file.seek(reached);
  return FileIdentity{hash, "_ingest." + hash, uuid_of(hash)};
}

}  // namespace pactolus
