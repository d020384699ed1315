// Erasing persons from a lake, table by table and topic by topic. What is done in which order, and how the state of the
// job follows, is Job::erase; the pieces are here.
//
//   Silver ─► quarantine: files with their rows are written anew without them, one commit each, with an account
//   Gold: tables whose rows are about single users likewise, without an account
//   Bronze: their records become skipped offsets
//   ids of their events: a file of fingerprints, so that a copy that comes late is still known as one
//
// Every piece looks at what is there. After a crash the next erasure, of whomever, does the rest: who was to be erased
// stands in a file until it is done.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "event/persons.h"
#include "lake/delta/delta_table.h"
#include "lake/delta/vacuum.h"
#include "runtime/batch_writer.h"
#include "runtime/config.h"
#include "runtime/ledger.h"
#include "silver/dedupe.h"

namespace pactolus {

// What an erasure has done, for the receipt.
struct Erasure {
  int64_t number = 0;
  std::string receipt;  // UUID; stands in the ledger. Empty: there was nothing of them, and nothing was changed
  int64_t time_us = 0;
  int64_t silver_rows = 0, silver_files = 0;  // files: written anew or gone
  int64_t quarantine_rows = 0, quarantine_files = 0;
  int64_t gold_rows = 0, gold_files = 0;
  int64_t bronze_records = 0, bronze_segments = 0, bronze_topics = 0;
  int64_t unfinished_topics = 0;     // of an ingest or a replay that was cut off: dropped whole
  int64_t files_removed = 0;         // that earlier versions of the tables had
  int64_t ids_kept = 0;              // fingerprints
  int64_t ids_kept_until = kNoTime;  // forgotten when the watermark has passed this
};

// Files without the persons' rows, written and fsynced, that no commit names yet. Nothing but counts when it was asked
// to count.
struct TableErasure {
  std::vector<delta::RemoveFile> removes;
  std::vector<delta::AddFile> adds;
  std::vector<ErasedSource> sources;
  int64_t rows = 0;
  bool more = false;  // files that were not looked at: the account would have become too large for one commit
};
struct EraseRewrite {
  BatchNames names;  // their batch is not used: a file is named by the newest batch in it
  Random& random;
  size_t most_sources;  // in one account, about: those of a file stay together
  // Of Silver rows: told each event that is to be remembered on. May be empty.
  std::function<Result<>(uint64_t fingerprint, uint8_t content, int64_t event_time)> event = {};
};
Result<TableErasure> erase_from_silver(const delta::Snapshot& silver, Persons& persons, const Decoder& decoder,
                                       const EraseRewrite* rewrite);
Result<TableErasure> erase_from_quarantine(const delta::Snapshot& quarantine, Persons& persons,
                                           const EraseRewrite* rewrite);
// Are the rows of a Gold table about single users?
Result<bool> holds_persons(const delta::Snapshot& view);
// Of such a table. Its rows are in no account.
Result<TableErasure> erase_from_gold(const delta::Snapshot& view, Persons& persons, const EraseRewrite* rewrite);
// Takes away the files that an erasure wrote in vain.
Result<> discard(const fs::path& table, const TableErasure& erasure);

// No version before `keep_from` can be read any more: the log before it, the files of tombstones, and every file that
// no commit names are gone, but for those of a later epoch: whoever has taken the job meanwhile is about to name them.
// Nobody else may be working on the table's files. How many data files went.
Result<int64_t> forget_past(delta::DeltaTable& table, Version keep_from, int64_t epoch);

// Whose erasure has begun and not come to its end; none when there is no such file.
Result<std::vector<std::string>> unfinished_erasure(const fs::path& file);
// Durable when it returns.
Result<> note_erasure(const fs::path& file, std::span<const std::string> users);

// The fingerprints of erased events, by number of the erasure, as long as one of them may be asked for.
class ErasedIds {
 public:
  explicit ErasedIds(fs::path folder) : folder_(std::move(folder)) {}
  // Durable when it returns; replaces what an erasure of that number has left. None: no file.
  Result<> save(int64_t number, std::span<const DedupeIndex::Entry> ids) const;
  // Gives `each` those of erasures up to `last`, which Silver has committed, in buckets from `oldest_time` on. Files of
  // which all ids are forgotten go. One that is damaged is told to `say`.
  Result<> load(int64_t last, int64_t oldest_time, const std::function<void(const DedupeIndex::Entry&)>& each,
                const std::function<void(const std::string&)>& say) const;

 private:
  fs::path folder_;
};

}  // namespace pactolus
