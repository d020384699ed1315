// The view gold/product_interest: what each product did in each sliding window of event time.
//
//   events ── apply ──► overlay ── commit(watermark) ──► state ──► final rows of the windows that the watermark passed
//                          │  drop_overlay: the open batch was given up
//
// State is what is committed: panes by time, each with the measures per product; the watermark. The overlay is the
// open batch's part. Provisional rows show both. A window is final when the watermark reaches its end: its rows are
// answered once, by that commit. A row that comes later than one of its windows is counted as late and still enters the
// windows that are open; a row whose windows are all final enters nothing. What no open window needs is dropped, and
// with it the names of products that are gone, so that memory follows the live panes.
//
// Only views, add_to_cart, purchases and refunds that name a product count; every other row is ignored, also as late.
// The same rows and watermarks give the same rows and the same saved bytes, however the rows are split into batches
// under one watermark and in whatever order they come. No clock, no files. One thread. Times are UTC microseconds
// between the years 1 and 9999, which decoding guarantees.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "event/event_batch.h"
#include "gold/conversion.h"
#include "gold/interest_pane.h"
#include "gold/interest_row.h"
#include "gold/window_fold.h"
#include "gold/window_shape.h"

namespace pactolus {

class ProductInterest {
 public:
  struct Options {
    WindowShape shape{};
    std::string shop_currency = "USD";
    // Windows that start earlier are not made; kNoTime: all are. A view that joins a running job starts at its
    // watermark and is preloaded by apply(..., kNoTime) and one commit at that watermark.
    int64_t first_window = kNoTime;
  };
  explicit ProductInterest(Options options);

  // Adds Silver rows to the overlay. `watermark_before` is the watermark before the open batch, which is the one of
  // the last commit. Histories are not applied.
  void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before);
  void drop_overlay();
  int64_t overlay_late() const noexcept { return overlay_late_; }  // rows of the open batch that missed a window

  // The overlay becomes state. Answers the rows of the windows with an end in (watermark before, watermark_after],
  // by (window_start, product_id). The watermark may not fall; kNoTime while it is not known. Windows without any
  // event give no row, and a leap over years costs only what there are panes.
  std::vector<InterestRow> commit(int64_t watermark_after);
  int64_t watermark() const noexcept { return watermark_; }

  // Of state and overlay. The newest window is the one whose last pane is the newest with a row: "the last ten
  // minutes" on a live table. The last end is where a bounded run closes everything. kNoTime when nothing is open.
  int64_t newest_open_window() const;
  int64_t last_window_end() const;
  // Rows of the open window with that end, most viewed first, then by product_id; none when the window is final or
  // none of this view's. `totals` are those of all its products, also of those beyond the limit.
  std::vector<InterestRow> provisional(int64_t window_end, size_t limit) const;
  WindowTotals provisional_totals(int64_t window_end) const;

  // State without overlay, in bytes that depend only on what it means. What comes back carries its own options;
  // compare fingerprint() with what is wanted. Bytes that save() cannot have written are an Error corrupt. There is no
  // checksum of its own: the snapshot has them.
  void save(std::string& out) const;
  static Result<ProductInterest> load(std::string_view bytes);

  // The declaration in words: another one means that the saved state is of another view.
  std::string fingerprint() const;
  const Options& options() const noexcept { return options_; }
  size_t panes() const noexcept { return panes_.size(); }
  size_t products() const noexcept { return size_t(products_.size()); }  // names held, a few of them perhaps gone
  size_t bytes() const noexcept;                                         // about what state and overlay hold

 private:
  using Panes = std::map<int64_t, InterestPane>;  // by start
  // Batch code → own number, forgotten at each apply() by counting up, so that a small call costs little.
  struct CodeMap {
    std::vector<uint64_t> slots;  // generation << 32 | number
    uint32_t generation = 0;
    void start(size_t codes);
  };
  struct Place {  // what becomes of rows in [begin, end), one pane
    int64_t begin = 0, end = 0;
    InterestPane* pane = nullptr;  // null: all windows are final, or none is this view's
    bool late = false;
  };

  Place place_of(int64_t time);
  int32_t product_number(const EventBatch& b, int32_t code);
  int32_t currency_number(const EventBatch& b, int32_t code);  // -1 is the shop's
  void fold(WindowFold& fold, int64_t start, bool with_overlay) const;
  bool is_open_window(int64_t window_end) const noexcept;
  int64_t newest_pane() const noexcept;
  void close_windows(int64_t watermark_after, std::vector<InterestRow>& out);
  void forget_products();

  Options options_;
  int64_t watermark_ = kNoTime;
  Panes panes_, overlay_;
  int64_t overlay_late_ = 0;
  TextDictionary products_, currencies_;
  int32_t products_kept_ = 0;  // after the last clean-up
  std::vector<int32_t> rank_;  // of product numbers by text; empty when out of date
  CodeMap product_codes_, currency_codes_;
  WindowFold fold_;
};

}  // namespace pactolus
