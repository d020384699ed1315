// Erasing persons, by the job that holds the lake.
//
//   all is committed, tables stand at one batch, accounts are folded
//   ─► ids to remember ─► Silver commit ─► quarantine commit ─► Bronze
//   ─► state from Silver as it is now ─► an empty batch, so that all that recovery needs lies behind the erasure
//   ─► the past of both tables goes: log, checkpoints, files ─► the ledger says that it is done
#include <fmt/core.h>

#include "base/check.h"
#include "base/fault.h"
#include "runtime/erasure.h"
#include "runtime/job.h"
#include "runtime/recovery.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

constexpr int kAttempts = 20;  // another process may merge files meanwhile

}  // namespace

Result<Erasure> Job::erase(Persons& persons) {
  const FileLock care = TRY(lock_table_care(lake_.care_lock(), true, kCareWait_us, clock_));
  TRY(refuse_writers(config_));
  TRY(finish(false));
  TRY(check_epoch());
  Erasure done;
  // A name that was misspelt must not cost the past of the tables.
  if (!erasure_is_unfinished() && !TRY(has_anything_of(persons))) return done;
  done.number = silver_->snapshot().txn_version(app_id(config_.job, kErasure)).value_or(0) + 1;
  done.receipt = random_.uuid();
  done.time_us = clock_.now_us();
  TRY(erase_silver(persons, done));
  fault_point("erase.silver_committed");
  TRY(erase_quarantine(persons, done));
  fault_point("erase.quarantine_committed");
  const BronzeErasure bronze =
      TRY(erase_from_bronze(config_, persons, [&](const std::string& topic) { return has_been_read(topic); }));
  done.bronze_records = bronze.records;
  done.bronze_segments = bronze.segments;
  done.bronze_topics = bronze.topics;
  done.unfinished_topics = bronze.dropped;
  fault_point("erase.bronze_done");
  TRY(check_epoch());
  TRY(snapshots_.clear());
  compactor_.forget_rows();
  TRY(recover_anew());
  fault_point("erase.recovered");
  TRY(cut(false));
  TRY(finish(false));
  TRY(check_epoch());
  done.files_removed = TRY(forget_past(*silver_, Version(commit_version_), epoch_)) +
                       TRY(forget_past(*quarantine_, quarantine_->snapshot().version(), epoch_));
  TRY(maintenance_.erasure_done(done.number, done.receipt, epoch_, done.time_us));
  return done;
}

bool Job::erasure_is_unfinished() {
  return silver_->snapshot().txn_version(app_id(config_.job, kErasure)).value_or(0) >
         maintenance_.ledger().snapshot().txn_version(app_id(config_.job, kErasuresDone)).value_or(0);
}

Result<bool> Job::has_anything_of(Persons& persons) {
  if (TRY(erase_from_silver(silver_->snapshot(), persons, decoder_, nullptr)).rows > 0) return true;
  if (TRY(erase_from_quarantine(quarantine_->snapshot(), persons, nullptr)).rows > 0) return true;
  return TRY(count_in_bronze(config_, persons)) > 0;
}

delta::Transaction Job::erasure_transaction(const TableErasure& erased, const Erasure& of) {
  ErasureAccount account{config_.job, of.number, of.receipt, epoch_, of.time_us, random_.uuid(), erased.sources};
  delta::Transaction t;
  t.operation = "DELETE";
  t.operation_parameters = {{"erasure", std::to_string(of.number)}};
  t.commit_uuid = account.commit_uuid;
  t.time_ms = of.time_us / 1000;
  t.adds = erased.adds;
  t.removes = erased.removes;
  t.txns = {{app_id(config_.job, kErasure), of.number, t.time_ms}};
  t.info = to_json(account);
  return t;
}

// The commit is made also when the person has no rows: it says that an erasure has begun.
Result<> Job::erase_silver(Persons& persons, Erasure& done) {
  for (int attempt = 1;; ++attempt) {
    std::vector<DedupeIndex::Entry> ids;
    const int64_t width = dedupe_.bucket_width();
    done.ids_kept_until = kNoTime;
    const EraseRewrite rewrite{
        {0, epoch_, done.time_us / 1000},
        random_,
        [&](uint64_t fingerprint, uint8_t content, int64_t event_time, bool history) -> Result<> {
          const int64_t bucket = floor_to(event_time, width);
          if (bucket < dedupe_.oldest_time() || (history && watermark_.watermark() == kNoTime)) return {};
          ids.push_back({fingerprint, bucket, content});
          done.ids_kept_until = std::max(done.ids_kept_until, bucket + width + config_.dedup.horizon_us);
          return {};
        }};
    const TableErasure erased = TRY(erase_from_silver(silver_->snapshot(), persons, decoder_, &rewrite));
    TRY(ErasedIds(lake_.erased_ids()).save(done.number, ids));
    fault_point("erase.ids_saved");
    const std::string epoch_id = app_id(config_.job, "epoch");
    const auto version = silver_->commit(erasure_transaction(erased, done),
                                         {.recheck = [&](const delta::Snapshot& now, auto) -> Result<> {
                                           if (now.txn_version(epoch_id).value_or(0) == epoch_) return {};
                                           return fail(ErrorCode::fenced, "another process has taken the job");
                                         }});
    if (version) {
      done.silver_rows = erased.rows;
      done.silver_files = int64_t(erased.removes.size());
      done.ids_kept = int64_t(ids.size());
      return {};
    }
    if (version.error().code != ErrorCode::conflict || attempt == kAttempts) return std::unexpected(version.error());
    TRY(discard(lake_.silver(), erased));
    TRY(silver_->refresh());
  }
}

Result<> Job::erase_quarantine(Persons& persons, Erasure& done) {
  for (int attempt = 1;; ++attempt) {
    const EraseRewrite rewrite{{0, epoch_, done.time_us / 1000}, random_};
    const TableErasure erased = TRY(erase_from_quarantine(quarantine_->snapshot(), persons, &rewrite));
    if (erased.rows == 0) return {};
    const auto version = quarantine_->commit(erasure_transaction(erased, done));
    if (version) {
      done.quarantine_rows = erased.rows;
      done.quarantine_files = int64_t(erased.removes.size());
      return {};
    }
    if (version.error().code != ErrorCode::conflict || attempt == kAttempts) return std::unexpected(version.error());
    TRY(discard(lake_.quarantine(), erased));
    TRY(quarantine_->refresh());
  }
}

// State as a start would make it.
Result<> Job::recover_anew() {
  PACTOLUS_CHECK(!open_.is_open());
  forget_state();
  return Recovery(*this).run();
}

}  // namespace pactolus
