// From the lake to a running job's state: the last commit says where every partition stands; what is remembered and
// what windows hold comes from the newest state snapshot and the Silver rows since, or from Silver alone; what a crash
// left unfinished behind the last Silver commit is done.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

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
    bool is_new = false;       // it joins a lake that was there before it, or that it has been away from
    bool in_snapshot = false;  // and of the same declaration
  };
  void adopt_declared_views();
  Result<> recover_batches();
  Result<> collect_accounts(int64_t oldest, int64_t oldest_time = INT64_MAX);
  Result<> collect_folded(int64_t oldest, int64_t oldest_time = INT64_MAX);
  const BatchAccount* account_after(int64_t batch) const;
  void restore_position();
  Result<> load_snapshot();
  Result<> load_views();
  Result<> rebuild_dedupe();
  // The account is none when neither the log nor the ledger has it; then the batch has rows.
  using Visit = std::function<Result<>(int64_t batch, const BatchAccount* account, const EventBatch& events,
                                       std::span<const uint32_t> rows)>;
  Result<> each_batch(const SilverFilter& filter, const SilverColumns& columns, const Visit& visit);
  Result<> recover_views();
  Result<int64_t> watermark_of(int64_t batch, const std::string& table) const;
  struct Filling {
    GoldView* view;
    int64_t last_batch;
  };
  Result<> fill_windows(std::span<const Filling> views, int64_t from) const;
  Result<std::unique_ptr<GoldView>> view_of_sessions(const GoldView::Options& options, int64_t last, int64_t watermark);
  Result<> replay_views();
  Result<> recover_alerts();
  Result<std::vector<InterestRow>> rows_closed_since(int64_t watermark) const;
  Result<> restore_alerts();
  Result<> change_alerts(const DeclaredAlerts& declared);
  bool alerts_are_from_the_start() const;
  Result<> join_alerts();
  Result<int64_t> recover_evidence(int64_t last_batch);
  Result<> finish_quarantine();
  Result<> change_view(View& view);

  Job& job_;
  bool changed_views_ = false;
  std::optional<DeclaredAlerts> changed_alerts_;
  std::vector<View> views_;
  std::map<int64_t, std::vector<InterestRow>> interest_;  // final rows of the batches that were replayed, in order
  std::optional<StateSnapshot> snapshot_;
  std::map<int64_t, BatchAccount> accounts_;  // by batch: the newest, without a gap, as far back as was needed
  std::map<int64_t, BatchAccount> folded_;    // older ones, which the log has no more; without what they say of sources
  int64_t folded_from_ = INT64_MAX, folded_since_ = INT64_MAX;  // batch and time back to which they were looked for
};

}  // namespace pactolus
