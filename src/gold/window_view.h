// A declared view at work: what each key did in each window of event time.
//
//   events ── apply ──► overlay ── commit(watermark) ──► state ──► final rows of the windows that the watermark passed
//                          │  drop_overlay: the open batch was given up
//
// State is what is committed: panes by time, each with what was counted per key; the watermark. The overlay is the
// open batch's part. Provisional rows show both. A window is final when the watermark reaches its end: its rows are
// answered once, by that commit. A row that comes later than one of its windows is counted as late and still enters the
// windows that are open; a row whose windows are all final enters nothing. What no open window needs is dropped, and
// with it the names of keys that are gone, so that memory follows the live panes.
//
// Only events of types that a measure names count; every other row is ignored, also as late. The same rows and
// watermarks give the same rows and the same saved bytes, however the rows are split into batches under one watermark
// and in whatever order they come. No clock, no files. One thread. Times are UTC microseconds between the years 1 and
// 9999, which decoding guarantees.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "event/event_batch.h"
#include "gold/key_table.h"
#include "gold/view_declaration.h"
#include "gold/view_fold.h"
#include "gold/view_pane.h"
#include "gold/view_rows.h"

namespace pactolus {

// Of all keys of a window.
struct ViewTotals {
  int64_t keys = 0;
  std::vector<int64_t> numbers;  // by measure; 0 but for a count or a sum of quantities
};

class WindowView {
 public:
  struct Options {
    ViewDeclaration view;
    std::vector<std::string> types = {kKindNames.begin(), kKindNames.end()};  // of events, by number
    std::string shop_currency = "USD";
    // Windows that start earlier are not made; kNoTime: all are. A view that joins a running job starts at its
    // watermark and is preloaded by apply(..., kNoTime) and one commit at that watermark.
    int64_t first_window = kNoTime;
  };
  explicit WindowView(Options options);  // faults_of(options.view) is empty

  // Adds Silver rows to the overlay. `watermark_before` is the watermark before the open batch, which is the one of
  // the last commit. Histories are not applied.
  void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before);
  void drop_overlay();
  int64_t overlay_late() const noexcept { return overlay_late_; }  // rows of the open batch that missed a window

  // The overlay becomes state. Answers the rows of the windows with an end in (watermark before, watermark_after],
  // by window_start, then by the key's texts, null first. The watermark may not fall; kNoTime while it is not known.
  // Windows without any event give no row, and a leap over years costs only what there are panes.
  ViewRows commit(int64_t watermark_after);
  int64_t watermark() const noexcept { return watermark_; }

  // Of state and overlay. The newest window is the one whose last pane is the newest with a row: "the last ten
  // minutes" on a live table. The last end is where a bounded run closes everything. kNoTime when nothing is open.
  int64_t newest_open_window() const;
  int64_t last_window_end() const;
  // Rows of the open window with that end, the largest of the view's first count first, then by the key's texts; none
  // when the window is final or none of this view's. Totals are those of all its keys, also of those beyond the limit.
  ViewRows provisional(int64_t window_end, size_t limit) const;
  ViewTotals provisional_totals(int64_t window_end) const;

  // State without overlay, in bytes that depend only on what it means; gold/window_view_state.cc has the format.
  void save(std::string& out) const;
  // What save() of a view of this declaration wrote. Bytes that it cannot have written are an Error corrupt, another
  // declaration or format is unsupported. There is no checksum: the snapshot has them.
  static Result<WindowView> load(Options options, std::string_view bytes);

  std::string fingerprint() const { return pactolus::fingerprint(*view_, options_.shop_currency); }
  const Options& options() const noexcept { return options_; }
  const ViewDeclaration& declaration() const noexcept { return *view_; }
  size_t panes() const noexcept { return panes_.size(); }
  size_t keys() const noexcept { return size_t(keys_.size()); }  // held, a few of them perhaps gone
  size_t bytes() const noexcept;                                 // about what state and overlay hold

 private:
  using Panes = std::map<int64_t, ViewPane>;  // by start
  // What an event of a type does.
  struct Action {
    enum class What : uint8_t { count, quantity, money, other, set } what;
    bool minus = false;
    bool only_without = false;  // count: events whose text of `column` is null
    Amount amount = Amount::price;
    int32_t slot = 0;
    int32_t column = -1;  // of set_columns_
  };
  struct Place {  // what becomes of rows in [begin, end), one pane
    int64_t begin = 0, end = 0;
    ViewPane* pane = nullptr;  // null: all windows are final, or none is this view's
    bool late = false;
  };
  struct CurrencyCodes {
    std::vector<uint64_t> slots;  // generation << 32 | number
    uint32_t generation = 0;
  };

  void make_actions();
  Place place_of(int64_t time);
  void count(const EventBatch& b, uint32_t row, std::span<const Action> actions, ViewPane& pane);
  int32_t currency_number(const EventBatch& b, int32_t code);  // -1 is the shop's
  void fold(ViewFold& fold, int64_t start, bool with_overlay) const;
  bool is_open_window(int64_t window_end) const noexcept;
  int64_t newest_pane() const noexcept;
  void close_windows(int64_t watermark_after, ViewRows& out);
  void forget_keys();

  Options options_;
  std::shared_ptr<const ViewDeclaration> view_;
  MeasureSlots slots_;
  std::vector<EventColumn> columns_;          // that a batch must have
  std::vector<std::vector<Action>> actions_;  // by event type
  std::vector<EventColumn> set_columns_;      // whose values are counted
  int64_t watermark_ = kNoTime;
  Panes panes_, overlay_;
  int64_t overlay_late_ = 0;
  KeyTable keys_;
  TextDictionary currencies_;
  int32_t keys_kept_ = 0;      // after the last clean-up
  std::vector<int32_t> rank_;  // of key numbers by text; empty when out of date
  BatchKeys batch_keys_;
  CurrencyCodes currency_codes_;
  std::vector<CodedColumn> batch_sets_;  // set_columns_ of the batch being applied
  ViewFold fold_;
};

}  // namespace pactolus
