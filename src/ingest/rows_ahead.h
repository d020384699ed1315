// A file's rows, read and mapped by a thread of their own while those before them are being appended: the one waits for
// no disk, the other for no parser.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ingest/event_file.h"

namespace pactolus {

// Keys and values of consecutive rows.
struct RowPiece {
  struct Row {
    size_t key, value;  // bytes
  };
  std::string bytes;  // of each row its key, then its value
  std::vector<Row> rows;
  double progress = 0;  // how much of the file has been read, 0 to 1
};

class RowsAhead {
 public:
  // Borrows the file, which nobody else may touch while this lives; no more is ahead than `most_bytes` and one row.
  explicit RowsAhead(EventFile& file, size_t most_bytes = 8 << 20);
  RowsAhead(const RowsAhead&) = delete;
  RowsAhead& operator=(const RowsAhead&) = delete;
  ~RowsAhead() = default;  // the thread ends at its next row

  // False at the end. The error of the file comes behind all rows before it. What `piece` held before is given back for
  // others to be made in. One thread, not the file's.
  Result<bool> next(RowPiece& piece);

 private:
  void read(const std::stop_token& ended);
  RowPiece unused_piece();
  Result<bool> fill(RowPiece& piece, const std::stop_token& ended);

  EventFile& file_;
  const size_t piece_bytes_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<RowPiece> ready_;
  std::vector<RowPiece> used_;        // read, their memory is taken again
  std::optional<Result<>> finished_;  // and how
  std::jthread thread_;               // last, so that it ends first
};

}  // namespace pactolus
