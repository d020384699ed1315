// Gzip (RFC 1952, several members too) and zstd (RFC 8878, several frames too), piece by piece, by the codecs that the
// Parquet library brings. Checksums in the format are checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace pactolus {

enum class Compression : uint8_t { gzip, zstd };

// One thread, one stream.
class Decompressor {
 public:
  static Result<std::unique_ptr<Decompressor>> make(Compression compression);
  virtual ~Decompressor() = default;

  struct Step {
    size_t taken = 0;    // bytes of `in`
    size_t written = 0;  // bytes at `out`
  };
  // Makes some progress: when neither is above 0, more input is needed. Error invalid: the bytes are damaged.
  virtual Result<Step> step(std::string_view in, char* out, size_t room) = 0;
  // What was taken so far ends with the end of a member or frame. Input that ends otherwise was cut off.
  virtual bool at_boundary() const = 0;
};

}  // namespace pactolus
