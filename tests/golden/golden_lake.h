// Plays a case on a lake of its own, with the real runtime and a clock that stands still, in one of several ways that
// must all give the same result.
//
//   straight     one Job from the first record to the last
//   snapshots    the Job is dropped after every batch, without a word, and opened again from the snapshot of that batch
//   now_and_then likewise, but only every third batch has a snapshot: state is that one and the batches since
//   from_silver  likewise without snapshots, and with quarantine and Gold put back to where they were before the batch
//                (a stop between the commits): state is made from Silver alone
//   spread       records arrive one by one, the last partition first; the cuts stay
//   threads      with more threads than there are processors; straight has one
#pragma once

#include "golden_case.h"

namespace pactolus::golden {

struct Way {
  const char* name;
  bool reopen = false;
  bool roll_back = false;  // quarantine and Gold after every batch
  int snapshot_every = 0;  // batches; 0: as the configuration says
  bool spread = false;
  bool no_snapshots = false;  // removed before the Job is opened again
  int32_t threads = 1;
};
inline constexpr Way kWays[] = {
    {"straight"},
    {"snapshots", true, false, 1},
    {"now_and_then", true, false, 3},
    {"from_silver", true, true, 0, false, true},
    {"spread", false, false, 0, true},
    {"threads", false, false, 0, false, false, 5},
};

// What the Job itself said at the end, beside what lies in the lake.
struct LastWords {
  std::vector<std::string> alerts;  // open ones: product, window that opened it, views, purchases
  size_t remembered_ids = 0;
};

Result<LastWords> play(const Case& c, const Way& way, const fs::path& lake);

}  // namespace pactolus::golden
