#include "ingest/rows_ahead.h"

#include <utility>

namespace pactolus {
namespace {

constexpr size_t kPieces = 8;

}  // namespace

RowsAhead::RowsAhead(EventFile& file, size_t most_bytes)
    : file_(file), piece_bytes_(most_bytes / kPieces), thread_([this](const std::stop_token& ended) { read(ended); }) {}

Result<bool> RowsAhead::next(RowPiece& piece) {
  std::unique_lock lock(mutex_);
  used_.push_back(std::move(piece));
  changed_.wait(lock, [&] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    TRY(*finished_);
    return false;
  }
  piece = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return true;
}

void RowsAhead::read(const std::stop_token& ended) {
  for (bool more = true; more && !ended.stop_requested();) {
    RowPiece piece = unused_piece();
    const auto filled = fill(piece, ended);
    more = filled && *filled;
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, ended, [&] { return ready_.size() < kPieces; })) return;
    if (!piece.rows.empty()) ready_.push_back(std::move(piece));
    if (!filled)
      finished_ = std::unexpected(filled.error());
    else if (!more)
      finished_ = Result<>();
    lock.unlock();
    changed_.notify_all();
  }
}

RowPiece RowsAhead::unused_piece() {
  RowPiece piece;
  const std::lock_guard lock(mutex_);
  if (used_.empty()) return piece;
  piece = std::move(used_.back());
  used_.pop_back();
  piece.bytes.clear();
  piece.rows.clear();
  return piece;
}

// False when the file has ended. Rows that came before an error are in the piece.
Result<bool> RowsAhead::fill(RowPiece& piece, const std::stop_token& ended) {
  piece.bytes.reserve(piece_bytes_ + piece_bytes_ / 8);
  bool more = true;
  MappedRow row;
  while (piece.bytes.size() < piece_bytes_ && !ended.stop_requested()) {
    more = TRY(file_.next(row));
    if (!more) break;
    piece.bytes.append(row.key).append(row.value);
    piece.rows.push_back({row.key.size(), row.value.size()});
  }
  piece.progress = file_.progress();
  return more;
}

}  // namespace pactolus
