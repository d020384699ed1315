// Silver rows back into an EventBatch: what state is rebuilt from, and what recomputations read. Times, numbers, user,
// product and currency are always there; SilverColumns says what is besides, and the rest stays empty.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "event/decoder.h"
#include "gold/event_column.h"
#include "lake/delta/snapshot.h"

namespace pactolus {

struct SilverRows {
  EventBatch events;              // event_id only as fingerprint, 0 without ids; offsets and sources as in Silver
  std::vector<int64_t> batch_id;  // by row
  std::vector<bool> history;      // by row: of an ingest or replay topic
  void clear() { events.clear(), batch_id.clear(), history.clear(); }
};

// Topics that hold histories (ingested files, replayed quarantine) are named so.
inline constexpr std::string_view kIngestPrefix = "_ingest.", kReplayPrefix = "_replay.";
bool is_history_topic(std::string_view topic) noexcept;

struct SilverColumns {
  std::vector<EventColumn> texts = {};  // further ones
  bool ids = true;                      // dedupe needs them, views do not; of all columns they cost most to read
};

struct SilverFilter {
  int64_t from_time = INT64_MIN;    // event time
  int64_t to_time = INT64_MAX;      // exclusive
  int64_t after_batch = INT64_MIN;  // only rows of later batches
  int64_t last_batch = INT64_MAX;   // inclusive
  bool live_only = false;
};

// Appends the rows of one live file that pass the filter. Type names are coded as `decoder` codes them; a name that
// is configured no longer counts as page_view.
Result<> read_silver_file(const fs::path& table, const delta::AddFile& file, const Decoder& decoder,
                          const SilverFilter& filter, SilverRows& out, const SilverColumns& columns = {});
// The live files that may hold such rows, by partition and statistics, in the order of their paths. Borrowed.
std::vector<const delta::AddFile*> silver_files(const delta::Snapshot& silver, const SilverFilter& filter);
// The rows of one batch, by their places in `events`; at least one.
using VisitBatch = std::function<Result<>(int64_t batch, const EventBatch& events, std::span<const uint32_t> rows)>;
// The batches that have such rows, in order, whatever they take together: of several batches about `rows_at_once` are
// held. A file whose batches lie further apart than that is read again for each part.
Result<> each_silver_batch(const delta::Snapshot& silver, const Decoder& decoder, const SilverFilter& filter,
                           const SilverColumns& columns, const VisitBatch& visit, int64_t rows_at_once = 2'000'000);

}  // namespace pactolus
