// Closed windows of a period once more, from Silver: late events and histories are in it, and windows of times when
// nobody streamed. The kernels are the stream's; whole days of the view's table are replaced in one commit with
// `basis = rebuild`. Any process may do it, also beside the one that runs the lake:
//
//   Gold's last batch ─► its watermark: windows that end by then are closed, later ones are the stream's to append
//   Silver at version V ─► day by day through a view ─► files ─► has Silver got more for these windows? again
//                                                                      └► one commit: old files of the days out, new in
//
// The new rows say which batch of Silver was the last that they were made of (`batch_id`), so verify can make them
// again. The commit holds on to what it removes: when another process has removed one of those files first, all is read
// anew. A lake that was never streamed has no watermark; then all windows of the days are closed, the lake is held
// meanwhile, and a stream that begins later makes no window that starts in or before them.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct GoldRebuild {
  int64_t windows = 0, rows = 0;  // made
  int64_t events = 0;             // Silver rows read
  int64_t removed_rows = 0;       // of the days before; -1 when their files do not say
  Version silver_version{-1};     // what was read
  Version version{-1};            // of the view's table; -1 when nothing had to be changed
  int64_t watermark = kNoTime;    // kNoTime: never streamed
  // Of sessions the days next to those that were asked for belong to it where a late event has joined both.
  int32_t first_day = 0, last_day = 0;
  int64_t stream_from = kNoTime;  // then: a stream makes the windows that begin from there on
};

// Days are UTC dates of window starts, both included. Errors: not_found (no lake, no view), usage (the last before the
// first), invalid (the table holds another declaration, or the view was away; sessions reach day after day; a run or a
// longer time mends it), conflict (others kept changing the same days), busy (never streamed, and a process holds the
// lake).
Result<GoldRebuild> rebuild_view(const Config& config, const ViewDeclaration& view, int32_t first_day, int32_t last_day,
                                 Clock& clock, Random& random);

}  // namespace pactolus
