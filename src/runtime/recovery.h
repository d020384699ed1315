// From the lake to a running job's state: the last commit says where every partition stands; what is remembered and
// what windows hold comes from the newest state snapshot and the Silver rows since, or from Silver alone; what a crash
// left unfinished behind the last Silver commit is done.
#pragma once

#include <map>

#include "runtime/job.h"
#include "runtime/silver_reader.h"
#include "runtime/view_declaration.h"

namespace pactolus {

class Recovery {
 public:
  explicit Recovery(Job& job) : job_(job) {}
  // After the job has its tables, its epoch and its topics.
  Result<> run();

 private:
  void adopt_declared_view();
  Result<> recover_batches();
  Result<> collect_accounts(int64_t oldest);
  void restore_position();
  Result<> load_snapshot();
  Result<> rebuild_dedupe();
  Result<> gold_from_snapshot();
  Result<> rebuild_gold();
  Result<> replay(const SilverRows& rows, int64_t base);
  Result<> rebuild_alerts(int64_t gold_watermark);
  Result<> finish_quarantine();
  Result<> change_view();

  Job& job_;
  ProductInterest::Options wanted_;
  ViewDeclaration declared_;  // as the view's table has it
  std::optional<StateSnapshot> snapshot_;
  bool gold_in_snapshot_ = false;             // and of the same declaration
  std::map<int64_t, BatchAccount> accounts_;  // by batch: the last, and all that quarantine or Gold have not reached
};

}  // namespace pactolus
