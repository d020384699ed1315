// A file as a topic of its own: `_ingest.<hash>`, one partition, the row number is the offset. The topic holds the file
// as it was read; whoever has the job makes Silver of it.
//
//   nothing ──create──► rows 0..n durable ──► all rows durable ──► ingest.json: complete
//                         └ killed: the next run goes on with row n (its content is its name, so it is the same file)
//
// That a second run adds nothing does not rest on the topic alone: its id follows from its name, so the offset that
// Silver has committed for it (`txn` of its last row) still counts when the topic's files are gone.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "ingest/event_file.h"
#include "runtime/lake_tables.h"
#include "runtime/ledger.h"

namespace pactolus {

struct IngestTopic {
  FileIdentity identity;
  int64_t rows = 0;        // in the topic after the call; of a complete file all of its rows
  int64_t appended = 0;    // by this call
  bool complete = false;   // false only when `stop` said so
  bool in_silver = false;  // the topic is gone, and all of its rows were committed before
};

struct AppendOptions {
  std::string job = "main";
  std::function<bool()> stop = {};  // asked now and then; the rest is kept for the next run
  std::function<void(int64_t bytes, int64_t of_bytes)> progress = {};  // now and then
  int64_t flush_bytes = 8 << 20;  // rows become visible to a running job in pieces of this size
};

// Appends what is not there yet, and returns when it is durable. Errors: those of EventFile::open; invalid when the
// file changed meanwhile; of the log (io, disk_full), busy when another process appends this file.
Result<IngestTopic> append_file(const fs::path& path, std::string_view dialect, const LakePaths& lake, Clock& clock,
                                const AppendOptions& options);

// What Silver's log says about a topic's only partition: all of its batches together, or nothing when it has none, or
// when the log no longer reaches back to its first.
Result<std::optional<SourceAccount>> account_of(const LakePaths& lake, std::string_view job,
                                                const FileIdentity& identity);
// One past the last offset that Silver has committed; no value when it has none, or there is no Silver.
Result<std::optional<int64_t>> committed_end(const LakePaths& lake, std::string_view job, const FileIdentity& identity);

}  // namespace pactolus
