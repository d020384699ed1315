// From the lake to a running job's state: the last commit says where every partition stands; what is remembered and
// what windows hold comes from the newest state snapshot and the Silver rows since, or from Silver alone; what a crash
// left unfinished behind the last Silver commit is done.
#pragma once

#include <map>

#include "runtime/declared_alerts.h"
#include "runtime/declared_view.h"
#include "runtime/job.h"
#include "runtime/silver_reader.h"

namespace pactolus {

class Recovery {
 public:
  explicit Recovery(Job& job) : job_(job) {}
  // After the job has its tables, its epoch and its topics.
  Result<> run();
  // Rules that the table of alerts does not have yet: they follow the batch that resolves what others had opened.
  const std::optional<DeclaredAlerts>& changed_alerts() const { return changed_alerts_; }
  bool has_changed_views() const noexcept { return changed_views_; }  // tables that held rows of another declaration

 private:
  struct View {
    StreamView& of;
    GoldView::Options wanted;
    DeclaredView declared;     // as its table has it
    bool is_new = false;       // it joins a lake that was there before it
    bool in_snapshot = false;  // and of the same declaration
  };
  void adopt_declared_views();
  Result<> recover_batches();
  Result<> collect_accounts(int64_t oldest, int64_t oldest_time = INT64_MAX);
  void restore_position();
  Result<> load_snapshot();
  Result<> load_views();
  Result<> rebuild_dedupe();
  Result<> recover_views();
  Result<int64_t> watermark_of(int64_t batch, const std::string& table) const;
  Result<> rebuild_view(View& view, const SilverRows& rows);
  static bool rebuilds_sessions(const View& view);  // from Silver: no snapshot has them
  Result<> rebuild_sessions(View& view);
  Result<std::unique_ptr<GoldView>> view_of_sessions(const GoldView::Options& options, int64_t last, int64_t watermark,
                                                     SilverRows& rows);
  Result<> replay_sessions(GoldView& view, const SilverRows& rows, int64_t last);
  Result<> replay(View& view, const SilverRows& rows, int64_t base);
  Result<> recover_alerts();
  Result<> change_alerts(const DeclaredAlerts& declared);
  bool alerts_are_from_the_start() const;
  Result<> join_alerts();
  Result<> recover_evidence();
  Result<> finish_quarantine();
  Result<> change_view(View& view);

  Job& job_;
  bool changed_views_ = false;
  std::optional<DeclaredAlerts> changed_alerts_;
  std::vector<View> views_;
  std::map<int64_t, std::vector<InterestRow>> interest_;  // final rows of the batches that were replayed, in order
  SilverRows evidence_rows_;  // of the batches since the evidence was saved, or since its period began
  std::map<int64_t, std::vector<uint32_t>> evidence_by_batch_;
  std::optional<StateSnapshot> snapshot_;
  std::map<int64_t, BatchAccount> accounts_;  // by batch: the last, and all that quarantine or Gold have not reached
};

}  // namespace pactolus
