// What would become of a file: its rows decoded and judged like those of a history, without writing anything.
//
// Exact for a lake that nobody writes to meanwhile, but for one case: an id that the stream remembers from another
// event date than the row's counts here as new. One date's ids in Silver are held at a time, as in the job.
#pragma once

#include <functional>

#include "ingest/event_file.h"
#include "runtime/config.h"
#include "runtime/history.h"
#include "runtime/ledger.h"

namespace pactolus {

// One for all files of a command, so that copies across files are found. One thread.
class DryRun {
 public:
  // Looks into the Silver of config.lake when there is one. Error: of reading it.
  static Result<std::unique_ptr<DryRun>> open(const Config& config);
  // The account that a first ingest of the file would have. `now_us` stands for the time of appending. `go_on` is asked
  // now and then; after a no the account is of a part. Error invalid: the file is damaged, or changed meanwhile.
  Result<SourceAccount> judge(EventFile& file, int64_t now_us, const std::function<bool()>& go_on = {});

 private:
  explicit DryRun(const Config& config);
  Result<> judge_block(int64_t now_us, SourceAccount& account);

  Decoder decoder_;
  delta::Snapshot silver_;
  SilverDates dates_;
  std::string bytes_;  // rows of the block, each with the decoder's padding behind it
  std::vector<size_t> ends_;
};

}  // namespace pactolus
