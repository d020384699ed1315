// What the stream does to a declared view, whatever the shape of its windows: WindowView has those that lie at fixed
// times, SessionView those that follow what a key does.
//
//   events ── apply ──► overlay ── commit(watermark) ──► state ──► final rows of the windows that the watermark passed
//                          │  drop_overlay: the open batch was given up
//
// State is what is committed, with the watermark. The overlay is the open batch's part. A window is final when the
// watermark reaches its end: its rows are answered once, by that commit. Only events of types that a measure names
// count; every other row is ignored, also as late.
//
// The same rows and watermarks give the same rows and the same saved bytes, however the rows are split into batches
// under one watermark and in whatever order they come. No clock, no files. One thread. Times are UTC microseconds
// between the years 1 and 9999, which decoding guarantees.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ids.h"
#include "base/result.h"
#include "event/event_batch.h"
#include "gold/state_bytes.h"
#include "gold/view_declaration.h"
#include "gold/view_rows.h"

namespace pactolus {

class GoldView {
 public:
  struct Options {
    ViewDeclaration view;
    std::vector<std::string> types = {kKindNames.begin(), kKindNames.end()};  // of events, by number
    std::string shop_currency = "USD";
    // Windows that start earlier are not made; kNoTime: all are. A view that joins a running job starts at its
    // watermark and is preloaded at it: a commit with nothing in it, then the rows that are there.
    int64_t first_window = kNoTime;
  };
  virtual ~GoldView() = default;

  // Adds Silver rows to the overlay. `watermark_before` is the watermark before the open batch, which is the one of
  // the last commit. Histories are not applied.
  virtual void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) = 0;
  virtual void drop_overlay() = 0;
  int64_t overlay_late() const noexcept { return overlay_late_; }  // rows of the open batch that missed a window

  // The overlay becomes state. Answers the rows of the windows with an end in (watermark before, watermark_after],
  // by window_start, then by the key's texts, null first. The watermark may not fall; kNoTime while it is not known.
  virtual ViewRows commit(int64_t watermark_after) = 0;
  int64_t watermark() const noexcept { return watermark_; }

  // Of state and overlay: where a bounded run closes everything. kNoTime when nothing is open.
  virtual int64_t last_window_end() const = 0;

  // Rows of windows that are not final, of state and overlay, newest windows first; a view of sessions, which change
  // their ends until they are final, has none.
  virtual ViewRows open_rows(size_t /*limit*/) const { return ViewRows(view_); }

  // When the first event was of which the state still holds something, of a view that counts sessions: whoever makes
  // it from rows has all of them when reading began a gap before that. kNoTime when it holds none.
  virtual int64_t oldest_session() const { return kNoTime; }

  // State without overlay, in bytes that depend only on what it means.
  virtual void save(std::string& out) const = 0;
  virtual size_t bytes() const noexcept = 0;  // about what state and overlay hold

  std::string fingerprint() const { return pactolus::fingerprint(*view_, options_.shop_currency); }
  const Options& options() const noexcept { return options_; }
  const ViewDeclaration& declaration() const noexcept { return *view_; }

 protected:
  explicit GoldView(Options options);  // faults_of(options.view) is empty
  GoldView(GoldView&&) = default;
  GoldView& operator=(GoldView&&) = default;

  // What saved state begins with: its format, what it is of, first window, watermark. Loading checks all of them, sets
  // the first window and answers the watermark.
  void save_head(StateWriter& to, std::string_view format) const;
  static Result<int64_t> load_head(StateReader& in, std::string_view format, Options& wanted);
  // Of an event for a view that has sessions: its own window has ended. Counts it.
  bool is_late_for_sessions(int64_t time) {
    PACTOLUS_CHECK(time >= kFirstEventTime && time < kEventTimeEnd, "an event time that cannot be");
    const bool late = watermark_ != kNoTime && time + view_->shape.gap() <= watermark_;
    overlay_late_ += late;
    return late;
  }

  Options options_;
  std::shared_ptr<const ViewDeclaration> view_;
  MeasureSlots slots_;
  int64_t watermark_ = kNoTime;
  int64_t overlay_late_ = 0;
};

std::unique_ptr<GoldView> make_view(GoldView::Options options);
// What save() of a view of this declaration wrote. Bytes that it cannot have written are an Error corrupt, another
// declaration or format is unsupported. There is no checksum: the snapshot has them.
Result<std::unique_ptr<GoldView>> load_view(GoldView::Options options, std::string_view bytes);

}  // namespace pactolus
