// A text as an input: for tests, fuzz targets and measurements. It is read where it lies and must outlive the source.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "ingest/input_file.h"

namespace pactolus {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  Result<size_t> read(char* out, size_t room) override {
    const size_t n = std::min(room, text_.size() - at_);
    std::memcpy(out, text_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace pactolus
