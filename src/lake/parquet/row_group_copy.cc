#include "lake/parquet/row_group_copy.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace pactolus {
namespace {

constexpr int64_t kMostGroups = 4'000;
constexpr std::string_view kMagic = "PAR1";
constexpr int64_t kTailBytes = 8;  // the footer's length and the magic
constexpr int64_t kCopyBytes = 4 << 20;
constexpr int kDeepest = 32;

// Thrift's compact protocol (apache/thrift, doc/specs/thrift-compact-protocol.md), as far as Parquet uses it.
enum class Wire : uint8_t { stop, true_, false_, byte, i16, i32, i64, double_, binary, list, set, map, struct_ };

void put_number(std::string& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(char(v | 0x80));
  out.push_back(char(v));
}
uint64_t zigzag(int64_t v) { return uint64_t(v) << 1 ^ uint64_t(v >> 63); }
int64_t unzigzag(uint64_t v) { return int64_t(v >> 1) ^ -int64_t(v & 1); }

void put_field(std::string& out, int& last, int id, Wire wire) {
  const int step = id - last;
  if (step > 0 && step <= 15) {
    out.push_back(char(step << 4 | int(wire)));
  } else {
    out.push_back(char(wire));
    put_number(out, zigzag(id));
  }
  last = id;
}

void put_list(std::string& out, Wire item, size_t count) {
  if (count < 15) {
    out.push_back(char(count << 4 | size_t(item)));
  } else {
    out.push_back(char(0xf0 | int(item)));
    put_number(out, count);
  }
}

// After the first thing that makes no sense ok() is false, and everything is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  uint64_t number() {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t b = byte();
      v |= uint64_t(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    spoil();
    return 0;
  }
  int64_t signed_number() { return unzigzag(number()); }
  // False at the struct's end.
  bool field(int& id, Wire& wire) {
    const uint8_t head = byte();
    wire = Wire(head & 0x0f);
    if (wire == Wire::stop || !ok_) return false;
    id = head >> 4 ? id + (head >> 4) : int(signed_number());
    return ok_;
  }
  size_t list(Wire& item) {
    const uint8_t head = byte();
    item = Wire(head & 0x0f);
    const uint64_t count = head >> 4 == 15 ? number() : head >> 4;
    if (count > rest_.size()) spoil();  // every item has a byte
    return ok_ ? size_t(count) : 0;
  }
  // The value's bytes as they are.
  std::string_view value(Wire wire, int depth = 0) {
    const std::string_view from = rest_;
    skip(wire, depth);
    return ok_ ? from.substr(0, from.size() - rest_.size()) : std::string_view();
  }

 private:
  uint8_t byte() {
    if (rest_.empty()) spoil();
    if (!ok_) return 0;
    const auto b = uint8_t(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  void spoil() {
    ok_ = false;
    rest_ = {};
  }
  void take(uint64_t bytes) {
    if (bytes > rest_.size()) return spoil();
    rest_.remove_prefix(bytes);
  }
  void skip(Wire wire, int depth) {
    if (depth > kDeepest) return spoil();
    switch (wire) {
      case Wire::true_:
      case Wire::false_: return;
      case Wire::byte: return take(1);
      case Wire::i16:
      case Wire::i32:
      case Wire::i64: return void(number());
      case Wire::double_: return take(8);
      case Wire::binary: return take(number());
      case Wire::list:
      case Wire::set: {
        Wire item;
        const size_t count = list(item);
        const bool truth = item == Wire::true_ || item == Wire::false_;  // in a list each has a byte
        for (size_t i = 0; ok_ && i < count; ++i) skip(truth ? Wire::byte : item, depth + 1);
        return;
      }
      case Wire::struct_:
        for (int id = 0; field(id, wire);) skip(wire, depth + 1);
        return;
      case Wire::stop:
      case Wire::map: break;  // Parquet has none
    }
    spoil();
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct Moved {
  int64_t shift;
  // What the fields of a struct of parquet.thrift mean here.
  enum class Kind { row_group, column_chunk, column_metadata };
  static bool is_position(Kind kind, int id) {
    switch (kind) {
      case Kind::row_group: return id == 5;     // file_offset
      case Kind::column_chunk: return id == 2;  // file_offset
      case Kind::column_metadata:
        return id == 9 || id == 10 || id == 11 || id == 14;  // pages, index, dictionary, bloom
    }
    return false;
  }
  static bool is_dropped(Kind kind, int id) {
    return (kind == Kind::row_group && id == 7) ||              // ordinal
           (kind == Kind::column_chunk && id >= 4 && id <= 7);  // page indexes
  }

  void copy(Kind kind, Reader& in, std::string& out) const {
    Wire wire;
    int last = 0;
    for (int id = 0; in.field(id, wire);) {
      if (is_dropped(kind, id)) {
        in.value(wire);
        continue;
      }
      put_field(out, last, id, wire);
      if (is_position(kind, id) && wire == Wire::i64) {
        const int64_t at = in.signed_number();
        put_number(out, zigzag(at > 0 ? at + shift : at));  // 0: nobody has said
      } else if (kind == Kind::row_group && id == 1 && wire == Wire::list) {
        Wire item;
        const size_t count = in.list(item);
        put_list(out, item, count);
        for (size_t i = 0; in.ok() && i < count; ++i) copy(Kind::column_chunk, in, out);
      } else if (kind == Kind::column_chunk && id == 3 && wire == Wire::struct_) {
        copy(Kind::column_metadata, in, out);
      } else {
        out += in.value(wire);
      }
    }
    out.push_back(char(Wire::stop));
  }
};

struct Footer {
  int64_t rows = 0;
  size_t groups = 0;
  std::string_view schema, row_groups;                          // the list's items
  std::vector<std::tuple<int, Wire, std::string_view>> fields;  // all of them

  static Result<Footer> read(std::string_view bytes) {
    Footer out;
    Reader in(bytes);
    Wire wire;
    for (int id = 0; in.field(id, wire);) {
      const std::string_view value = in.value(wire);
      Reader inside(value);
      if (id == 2) out.schema = value;
      if (id == 3) out.rows = inside.signed_number();
      if (id == 4 && wire == Wire::list) {
        Wire item;
        out.groups = inside.list(item);
        out.row_groups = inside.rest();
      }
      out.fields.emplace_back(id, wire, value);
    }
    if (!in.ok() || out.schema.empty()) return fail(ErrorCode::corrupt, "a Parquet footer makes no sense");
    return out;
  }
};

Result<std::string> join(std::span<const Footer> footers, std::span<const int64_t> shifts) {
  int64_t rows = 0;
  size_t groups = 0;
  for (const Footer& f : footers) rows += f.rows, groups += f.groups;
  std::string out;
  int last = 0;
  for (const auto& [id, wire, value] : footers[0].fields) {
    put_field(out, last, id, wire);
    if (id == 3) {
      put_number(out, zigzag(rows));
    } else if (id == 4) {
      put_list(out, Wire::struct_, groups);
      for (size_t f = 0; f < footers.size(); ++f) {
        Reader in(footers[f].row_groups);
        for (size_t g = 0; g < footers[f].groups; ++g) Moved{shifts[f]}.copy(Moved::Kind::row_group, in, out);
        if (!in.ok()) return fail(ErrorCode::corrupt, "a row group in a Parquet footer makes no sense");
      }
    } else {
      out += value;
    }
  }
  out.push_back(char(Wire::stop));
  return out;
}

struct Source {
  fs::path path;
  int64_t data_end = 0;  // where its footer begins
  std::string bytes;     // of the footer
};

Result<Source> open_source(const fs::path& path) {
  const int64_t size = TRY(size_of_file(path));
  const auto none = [&] { return fail(ErrorCode::corrupt, fmt::format("no Parquet file: {}", path.native())); };
  if (size < kTailBytes + int64_t(kMagic.size())) return none();
  const std::string tail = TRY(read_file_part(path, size - kTailBytes, kTailBytes));
  uint32_t length = 0;
  if (int64_t(tail.size()) != kTailBytes || !tail.ends_with(kMagic)) return none();
  std::memcpy(&length, tail.data(), sizeof length);
  Source out{path, size - kTailBytes - int64_t(length), {}};
  if (out.data_end < int64_t(kMagic.size())) return none();
  out.bytes = TRY(read_file_part(path, out.data_end, length));
  return out;
}

bool is_encrypted(const Footer& f) {
  return std::ranges::any_of(f.fields, [](const auto& field) { return std::get<0>(field) >= 8; });
}

}  // namespace

Result<std::string> joined_footers(std::span<const std::string> footers, std::span<const int64_t> shifts) {
  std::vector<Footer> read;
  for (const std::string& bytes : footers) read.push_back(TRY(Footer::read(bytes)));
  return join(read, shifts);
}

Result<std::optional<CopiedRowGroups>> copy_row_groups(std::span<const fs::path> files, File& out) {
  std::vector<Source> sources;
  std::vector<Footer> footers;
  std::vector<int64_t> shifts;
  sources.reserve(files.size());  // footers borrow their bytes
  int64_t rows = 0, groups = 0, end = int64_t(kMagic.size());
  for (const fs::path& path : files) {
    const Source& source = sources.emplace_back(TRY(open_source(path)));
    const Footer& f = footers.emplace_back(TRY(Footer::read(source.bytes)));
    if (f.schema != footers.front().schema || is_encrypted(f)) return std::nullopt;
    rows += f.rows, groups += int64_t(f.groups);
    shifts.push_back(end - int64_t(kMagic.size()));
    end += source.data_end - int64_t(kMagic.size());
    // Small files come together: a few of them tell.
    if (footers.size() == 8 && rows < groups * kCopiedGroupRows / 2) return std::nullopt;
  }
  if (rows < groups * kCopiedGroupRows || groups > kMostGroups) return std::nullopt;
  const std::string footer = TRY(join(footers, shifts));
  TRY(out.write(kMagic));
  for (const Source& source : sources) {
    for (int64_t at = int64_t(kMagic.size()); at < source.data_end;) {
      const std::string part = TRY(read_file_part(source.path, at, std::min(kCopyBytes, source.data_end - at)));
      if (part.empty()) return fail(ErrorCode::corrupt, fmt::format("{} has become shorter", source.path.native()));
      TRY(out.write(part));
      at += int64_t(part.size());
    }
  }
  TRY(out.write(footer));
  const auto length = uint32_t(footer.size());
  std::string tail(reinterpret_cast<const char*>(&length), sizeof length);
  TRY(out.write(tail += kMagic));
  return CopiedRowGroups{rows};
}

}  // namespace pactolus
