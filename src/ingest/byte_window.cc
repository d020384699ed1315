#include "ingest/byte_window.h"

#include <algorithm>
#include <cstring>

#include "event/record.h"

namespace pactolus {

Result<bool> ByteWindow::more() {
  if (ended_) return false;
  if (capacity_ - end_ < chunk_) {
    const size_t held = end_ - begin_;
    if (held + chunk_ > capacity_) {
      const size_t wanted = std::max(capacity_ * 2, held + chunk_);
      std::unique_ptr<char[]> larger(new char[wanted + kRecordPadding]);  // not zeroed
      if (held) std::memcpy(larger.get(), buffer_.get() + begin_, held);
      buffer_ = std::move(larger);
      capacity_ = wanted;
    } else if (held) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, held);
    }
    begin_ = 0;
    end_ = held;
  }
  const size_t got = TRY(source_.read(buffer_.get() + end_, chunk_));
  end_ += got;
  ended_ = got == 0;
  return got > 0;
}

Result<size_t> ByteWindow::find(char c, size_t from, size_t limit) {
  for (;;) {
    const std::string_view held = bytes();
    const size_t stop = std::min(held.size(), limit);
    if (from < stop) {
      if (const void* at = std::memchr(held.data() + from, c, stop - from))
        return size_t(static_cast<const char*>(at) - held.data());
      from = stop;
    }
    if (from >= limit || !TRY(more())) return kNone;
  }
}

}  // namespace pactolus
