// The unread bytes of an input in one piece, as much as somebody needs and no more: rows are views into it.
//
//   [ consumed | bytes() ………………… | room ]     find() and more() read another chunk; a row that spans chunks is moved
//
// Memory: one chunk, plus the longest row (row_reader.h bounds it). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "ingest/input_file.h"

namespace pactolus {

class ByteWindow {
 public:
  static constexpr size_t kChunk = 256 << 10;  // stays in the second-level cache, and a read() costs nothing against it
  static constexpr size_t kNone = size_t(-1);

  // Borrows the source. A small chunk makes every boundary happen: for tests.
  explicit ByteWindow(ByteSource& source, size_t chunk = kChunk) : source_(source), chunk_(chunk ? chunk : 1) {}

  // Unread bytes so far. Valid until the next more() or find().
  std::string_view bytes() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(size_t n) noexcept { begin_ += n; }
  // Reads on behind bytes(). False at the end of the input.
  Result<bool> more();
  // Where `c` is in bytes(), from `from` on and before `limit`; kNone when it is not, or the input ends first.
  Result<size_t> find(char c, size_t from, size_t limit);
  // All that is left of the input is in bytes(). Known only after a read has met the end.
  bool ended() const noexcept { return ended_; }

 private:
  ByteSource& source_;
  size_t chunk_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0, end_ = 0, capacity_ = 0;
  bool ended_ = false;
};

}  // namespace pactolus
