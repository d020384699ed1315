// A declared view of tumbling or sliding windows at work (gold/gold_view.h): what each key did in each window of event
// time.
//
// State is panes by time, each with what was counted per key. Provisional rows show state and overlay. A row that comes
// later than one of its windows is counted as late and still enters the windows that are open; a row whose windows are
// all final enters nothing. What no open window needs is dropped, and with it the names of keys that are gone, so that
// memory follows the live panes.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gold/gold_view.h"
#include "gold/key_table.h"
#include "gold/view_actions.h"
#include "gold/view_fold.h"
#include "gold/view_pane.h"

namespace pactolus {

// Of all keys of a window.
struct ViewTotals {
  int64_t keys = 0;
  std::vector<int64_t> numbers;  // by measure; 0 but for a count or a sum of quantities
};

class WindowView final : public GoldView {
 public:
  explicit WindowView(Options options);  // faults_of(options.view) is empty

  void apply(const EventBatch& b, std::span<const uint32_t> rows, int64_t watermark_before) override;
  void drop_overlay() override;
  // Windows without any event give no row, and a leap over years costs only what there are panes.
  ViewRows commit(int64_t watermark_after) override;

  // The newest window is the one whose last pane is the newest with a row: "the last ten minutes" on a live table.
  // kNoTime when nothing is open.
  int64_t newest_open_window() const;
  int64_t last_window_end() const override;
  // Rows of the open window with that end, the largest of the view's first count first, then by the key's texts; none
  // when the window is final or none of this view's. Totals are those of all its keys, also of those beyond the limit.
  ViewRows provisional(int64_t window_end, size_t limit) const;
  ViewTotals provisional_totals(int64_t window_end) const;
  ViewRows open_rows(size_t limit) const override;

  void save(std::string& out) const override;  // gold/window_view_state.cc has the format
  static Result<WindowView> load(Options options, std::string_view bytes);

  size_t panes() const noexcept { return panes_.size(); }
  size_t keys() const noexcept { return size_t(keys_.size()); }  // held, a few of them perhaps gone
  size_t bytes() const noexcept override;

 private:
  using Panes = std::map<int64_t, ViewPane>;  // by start
  struct Place {                              // what becomes of rows in [begin, end), one pane
    int64_t begin = 0, end = 0;
    ViewPane* pane = nullptr;  // null: all windows are final, or none is this view's
    bool late = false;
  };
  Place place_of(int64_t time);
  void fold(ViewFold& fold, int64_t start, bool with_overlay) const;
  bool is_open_window(int64_t window_end) const noexcept;
  int64_t newest_pane() const noexcept;
  void close_windows(int64_t watermark_after, ViewRows& out);
  void forget_keys();

  std::vector<EventColumn> columns_;  // that a batch must have
  ViewActions actions_;
  Panes panes_, overlay_;
  KeyTable keys_;
  int32_t keys_kept_ = 0;      // after the last clean-up
  std::vector<int32_t> rank_;  // of key numbers by text; empty when out of date
  BatchKeys batch_keys_;
  ViewFold fold_;
};

}  // namespace pactolus
