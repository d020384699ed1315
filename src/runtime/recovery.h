// From the lake to a running job's state: the last commit says where every partition stands; what is remembered and
// what windows hold is rebuilt from Silver rows; what a crash left unfinished behind the last Silver commit is done.
#pragma once

#include <map>

#include "runtime/job.h"

namespace pactolus {

class Recovery {
 public:
  explicit Recovery(Job& job) : job_(job) {}
  // After the job has its tables, its epoch and its topics.
  Result<> run();

 private:
  Result<> collect_accounts();
  void restore_position();
  Result<> rebuild_dedupe();
  Result<> rebuild_gold();
  Result<> rebuild_alerts(int64_t gold_watermark);
  Result<> finish_quarantine();

  Job& job_;
  std::map<int64_t, BatchAccount> accounts_;  // by batch: the last one, and all that quarantine or Gold have not reached
};

}  // namespace pactolus
