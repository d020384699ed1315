// Compressed files: the bytes that are in them, as another ByteSource.
//
//   InputFile ──gzip, zstd──► UnpackedSource ──► format
//
// What the file begins with decides, not its name.
#pragma once

#include <optional>
#include <string>

#include "ingest/input_file.h"
#include "lake/parquet/decompressor.h"

namespace pactolus {

// Nothing for a file that is not compressed.
std::optional<Compression> compression_of(std::string_view head) noexcept;

class UnpackedSource final : public ByteSource {
 public:
  // Borrows the file, which is read on from where it is.
  static Result<std::unique_ptr<UnpackedSource>> open(InputFile& file, Compression compression);
  // Error invalid: the data is damaged, or ends in the middle. What was read before is no file then.
  Result<size_t> read(char* out, size_t room) override;

 private:
  UnpackedSource(InputFile& file, std::unique_ptr<Decompressor> decompressor)
      : file_(file), decompressor_(std::move(decompressor)), packed_(size_t(64) << 10, '\0') {}
  InputFile& file_;
  std::unique_ptr<Decompressor> decompressor_;
  std::string packed_;
  size_t begin_ = 0, end_ = 0;  // of what waits in packed_
};

}  // namespace pactolus
