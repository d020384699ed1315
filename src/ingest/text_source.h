// Test support: a text as an input.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "ingest/input_file.h"

namespace pactolus {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(char* out, size_t room) override {
    const size_t n = std::min(room, text_.size() - at_);
    std::memcpy(out, text_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

}  // namespace pactolus
