// Erasing persons, by the job that holds the lake.
//
//   all is committed, tables stand at one batch, accounts are folded; nobody can write Bronze
//   ─► the names ─► ids to remember ─► Silver commit ─► quarantine commit ─► Gold's rows about single users ─► Bronze
//   ─► state from Silver as it is now ─► an empty batch, so that all that recovery needs lies behind the erasure
//   ─► the past of these tables goes: log, checkpoints, files ─► the ledger says that it is done ─► the names go
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
  const auto topics = TRY(hold_topics(config_));
  TRY(finish(false));
  TRY(check_epoch());
  // Whoever an erasure before this one was about: it may have been cut off anywhere.
  persons.add(TRY(unfinished_erasure(lake_.unfinished_erasure())));
  Erasure done;
  // A name that was misspelt must not cost the past of the tables.
  if (!erasure_is_unfinished() && !TRY(has_anything_of(persons))) return done;
  TRY(note_erasure(lake_.unfinished_erasure(), persons.users()));
  fault_point("erase.noted");
  done.receipt = random_.uuid();
  done.time_us = clock_.now_us();
  TRY(erase_silver(persons, done));
  fault_point("erase.silver_committed");
  TRY(erase_quarantine(persons, done));
  fault_point("erase.quarantine_committed");
  const std::vector<fs::path> gold = TRY(erase_gold(persons, done));
  fault_point("erase.gold_committed");
  const BronzeErasure bronze = TRY(erase_from_bronze(config_, topics, persons, clock_,
                                                     [&](const std::string& topic) { return has_been_read(topic); }));
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
  for (const fs::path& folder : gold) {
    auto table = TRY(delta::DeltaTable::open(folder, {.clock = &clock_}));
    done.files_removed += TRY(forget_past(table, table.snapshot().version(), epoch_));
  }
  // What a verify that was killed has left.
  std::error_code error;
  fs::remove_all(lake_.temporary(), error);
  if (error)
    return fail(ErrorCode::io, fmt::format("cannot remove {}: {}", lake_.temporary().native(), error.message()));
  TRY(maintenance_.erasure_done(done.number, done.receipt, epoch_, done.time_us));
  TRY(remove_file(lake_.unfinished_erasure()));
  TRY(sync_folder(lake_.own()));
  fault_point("erase.forgotten");
  return done;
}

bool Job::erasure_is_unfinished() {
  std::error_code ignored;
  if (fs::exists(lake_.unfinished_erasure(), ignored)) return true;
  return silver_->snapshot().txn_version(app_id(config_.job, kErasure)).value_or(0) >
         maintenance_.ledger().snapshot().txn_version(app_id(config_.job, kErasuresDone)).value_or(0);
}

Result<bool> Job::has_anything_of(Persons& persons) {
  if (TRY(erase_from_silver(silver_->snapshot(), persons, decoder_, nullptr)).rows > 0) return true;
  if (TRY(erase_from_quarantine(quarantine_->snapshot(), persons, nullptr)).rows > 0) return true;
  for (const std::string& name : gold_tables(lake_)) {
    const auto view = TRY(delta::Snapshot::load(lake_.gold(name)));
    if (TRY(holds_persons(view)) && TRY(erase_from_gold(view, persons, nullptr)).rows > 0) return true;
  }
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

// The commit is made also when the person has no rows: it says that an erasure has begun. One whose account would be
// too large for a commit has several, each with its number.
Result<> Job::erase_silver(Persons& persons, Erasure& done) {
  for (int attempt = 1;; ++attempt) {
    done.number = silver_->snapshot().txn_version(app_id(config_.job, kErasure)).value_or(0) + 1;
    std::vector<DedupeIndex::Entry> ids;
    int64_t until = done.ids_kept_until;
    const int64_t width = dedupe_.bucket_width();
    const EraseRewrite rewrite{{0, epoch_, done.time_us / 1000},
                               random_,
                               options_.erased_sources,
                               [&](uint64_t fingerprint, uint8_t content, int64_t event_time) -> Result<> {
                                 const int64_t bucket = floor_to(event_time, width);
                                 if (bucket < dedupe_.oldest_time()) return {};
                                 // By the last moment of its bucket: whatever the buckets of a later horizon are, it
                                 // is not forgotten sooner.
                                 ids.push_back({fingerprint, bucket + width - 1, content});
                                 until = std::max(until, bucket + width + config_.dedup.horizon_us);
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
      done.silver_rows += erased.rows;
      done.silver_files += int64_t(erased.removes.size());
      done.ids_kept += int64_t(ids.size());
      done.ids_kept_until = until;
      if (!erased.more) return {};
      attempt = 0;
      continue;
    }
    if (version.error().code != ErrorCode::conflict || attempt == kAttempts) return std::unexpected(version.error());
    TRY(discard(lake_.silver(), erased));
    TRY(silver_->refresh());
  }
}

Result<> Job::erase_quarantine(Persons& persons, Erasure& done) {
  for (int attempt = 1;; ++attempt) {
    const EraseRewrite rewrite{{0, epoch_, done.time_us / 1000}, random_, options_.erased_sources};
    const TableErasure erased = TRY(erase_from_quarantine(quarantine_->snapshot(), persons, &rewrite));
    if (erased.rows == 0) return {};
    const auto version = quarantine_->commit(erasure_transaction(erased, done));
    if (version) {
      done.quarantine_rows += erased.rows;
      done.quarantine_files += int64_t(erased.removes.size());
      if (!erased.more) return {};
      attempt = 0;
      continue;
    }
    if (version.error().code != ErrorCode::conflict || attempt == kAttempts) return std::unexpected(version.error());
    TRY(discard(lake_.quarantine(), erased));
    TRY(quarantine_->refresh());
  }
}

// Also of views that are no longer declared. Answers the folders of all tables that hold such rows or may have held
// some before an erasure that was cut off: their past has to go.
Result<std::vector<fs::path>> Job::erase_gold(Persons& persons, Erasure& done) {
  std::vector<fs::path> out;
  for (const std::string& name : gold_tables(lake_)) {
    const fs::path folder = lake_.gold(name);
    auto table = TRY(delta::DeltaTable::open(folder, {.clock = &clock_}));
    if (!TRY(holds_persons(table.snapshot()))) continue;
    out.push_back(folder);
    for (int attempt = 1;; ++attempt) {
      const EraseRewrite rewrite{{0, epoch_, done.time_us / 1000}, random_, options_.erased_sources};
      const TableErasure erased = TRY(erase_from_gold(table.snapshot(), persons, &rewrite));
      if (erased.rows == 0) break;
      delta::Transaction t;
      t.operation = "DELETE";
      t.operation_parameters = {{"erasure", std::to_string(done.number)}};
      t.commit_uuid = random_.uuid();
      t.time_ms = done.time_us / 1000;
      t.adds = erased.adds;
      t.removes = erased.removes;
      const auto version = table.commit(t);
      if (version) {
        done.gold_rows += erased.rows;
        done.gold_files += int64_t(erased.removes.size());
        break;
      }
      if (version.error().code != ErrorCode::conflict || attempt == kAttempts) return std::unexpected(version.error());
      TRY(discard(folder, erased));
      TRY(table.refresh());
    }
  }
  for (StreamView& v : views_) TRY(v.table->refresh());
  TRY(alert_table_->refresh());
  return out;
}

// State as a start would make it.
Result<> Job::recover_anew() {
  PACTOLUS_CHECK(!open_.is_open());
  forget_state();
  return Recovery(*this).run();
}

}  // namespace pactolus
