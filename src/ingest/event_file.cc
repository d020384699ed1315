#include "ingest/event_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "ingest/unpacked_source.h"
#include "runtime/silver_reader.h"

namespace pactolus {
namespace {

constexpr size_t kHashDigits = 32, kHashBlock = 1 << 20;
constexpr std::string_view kParquetMagic = "PAR1";
constexpr size_t kHead = 64 << 10;  // enough to see whether a file holds objects at all

// The first bytes of a source, looked at before anybody reads it.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(std::unique_ptr<ByteSource> source) : owned_(std::move(source)), source_(*owned_) {}
  explicit PeekedSource(ByteSource& source) : source_(source) {}

  Result<std::string_view> head() {
    while (head_.size() < kHead) {
      const size_t held = head_.size();
      head_.resize(kHead);
      const size_t n = TRY(source_.read(head_.data() + held, kHead - held));
      head_.resize(held + n);
      if (n == 0) break;
    }
    return head_;
  }
  Result<size_t> read(char* out, size_t room) override {
    if (at_ == head_.size()) return source_.read(out, room);
    const size_t n = std::min(room, head_.size() - at_);
    std::memcpy(out, head_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::unique_ptr<ByteSource> owned_;
  ByteSource& source_;
  std::string head_;
  size_t at_ = 0;
};

// Does a line of the head begin an object? A broken first line is data.
bool is_ndjson(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (size_t at = text.find_first_not_of(" \t\r\n"); at != std::string_view::npos;) {
    if (text[at] == '{') return true;
    const size_t line_end = text.find('\n', at);
    at = line_end == std::string_view::npos ? line_end : text.find_first_not_of(" \t\r\n", line_end);
  }
  return false;
}

struct Unreadable {
  std::string_view head, what, hint;
};
constexpr std::string_view kUnpack = "unpack it first, or pack it with gzip or zstd";
constexpr Unreadable kUnreadable[] = {
    {"PK\x03\x04", "a zip archive", kUnpack},
    {"BZh", "compressed with bzip2", kUnpack},
    {{"\xfd"
      "7zXZ",
      5},
     "compressed with xz",
     kUnpack},
    {"\xff\xfe", "UTF-16 text", "save it as UTF-8"},
    {"\xfe\xff", "UTF-16 text", "save it as UTF-8"},
    {"PAR1", "a compressed Parquet file", "unpack it: its columns are compressed already"},  // inside gzip or zstd
    {"[\n", "one JSON array", "write an object per line, as jq -c '.[]' does"},
    {"[\r\n", "one JSON array", "write an object per line, as jq -c '.[]' does"},
    {"[{", "one JSON array", "write an object per line, as jq -c '.[]' does"},
};

// Refuses a text that is none, or that no dialect could be meant for.
Result<Format> format_of_text(std::string_view head, const Dialect& dialect, const fs::path& path) {
  for (const Unreadable& u : kUnreadable)
    if (head.starts_with(u.head))
      return fail(ErrorCode::invalid, fmt::format("{} is {}", path.native(), u.what), std::string(u.hint));
  if (head.find_first_not_of(" \t\r\n") == std::string_view::npos && head.size() < kHead)
    return fail(ErrorCode::invalid, fmt::format("the file has no rows: {}", path.native()));
  if (dialect.takes(Format::ndjson) && is_ndjson(head)) return Format::ndjson;
  if (!dialect.takes(Format::csv))
    return fail(ErrorCode::invalid, fmt::format("the file is no NDJSON, no line begins with {{: {}", path.native()));
  return Format::csv;
}

std::string uuid_of(std::string hex) {
  hex[12] = '8';  // version 8 (RFC 9562): made by a rule of our own
  hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

}  // namespace

Result<std::unique_ptr<EventFile>> EventFile::open(const fs::path& path, std::string_view dialect) {
  auto mapping = TRY(make_dialect(dialect));
  auto input = TRY(InputFile::open(path));
  if (input->size() == 0) return fail(ErrorCode::invalid, fmt::format("the file is empty: {}", path.native()));
  std::unique_ptr<EventFile> file(new EventFile(std::move(input), std::move(mapping)));
  if (auto opened = file->open_rows(); !opened) {  // what a format says does not know the file's name
    Error& error = opened.error();
    if (error.where.empty() && error.message.find(path.native()) == std::string::npos) error.where = path.native();
    return std::unexpected(std::move(error));
  }
  return file;
}

Result<> EventFile::open_rows() {
  const std::string magic = TRY(read_file_part(input_->path(), 0, 4));
  const auto compression = compression_of(magic);
  if (magic == kParquetMagic) {
    format_ = Format::parquet;
    reader_ = TRY(open_parquet(*input_));
  } else {
    auto text = compression ? std::make_unique<PeekedSource>(TRY(UnpackedSource::open(*input_, *compression)))
                            : std::make_unique<PeekedSource>(*input_);
    format_ = TRY(format_of_text(TRY(text->head()), *dialect_, input_->path()));
    text_ = std::move(text);
    reader_ = format_ == Format::csv ? TRY(open_csv(*text_)) : TRY(open_ndjson(*text_));
  }
  auto bound = dialect_->bind(reader_->columns());
  if (!bound && format_ == Format::csv && dialect_->takes(Format::ndjson))
    bound.error().message += "\nand it is no NDJSON either: no line begins with {";
  return bound;
}

double EventFile::progress() const noexcept {
  return reader_->progress().value_or(double(input_->position()) / double(input_->size()));
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
  return FileIdentity{hash, std::string(kIngestPrefix) + hash, uuid_of(hash)};
}

}  // namespace pactolus
