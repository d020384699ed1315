// A file as a topic of its own: `_ingest.<hash>`, one partition, the row number is the offset. The topic holds the file
// as it was read; whoever has the job makes Silver of it.
//
//   nothing ──create──► rows 0..n durable ──► all rows durable ──► ingest.json: whole, and from now on read by the job
//                         ├ killed: the next run goes on with row n (its content is its name, so it is the same file)
//                         └ the file is damaged, cut off or changed meanwhile: the topic is dropped, nobody has read it
//
// That a second run adds nothing does not rest on the topic alone: its id follows from its name, so the offset that
// Silver has committed for it (`txn` of its last row) still counts when the topic's files are gone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
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
  bool in_silver = false;  // all of its rows were committed before
};

struct AppendOptions {
  std::string job = "main";
  std::function<bool()> stop = {};                   // asked now and then; the rest is kept for the next run
  std::function<void(int64_t bytes)> progress = {};  // of the file, now and then
  int64_t flush_bytes = 8 << 20;                     // rows become durable in pieces of this size
};

// Appends what is not there yet, and returns when it is durable. Errors: those of EventFile::open; invalid when the
// file is damaged or changed meanwhile, and then no row of it counts; of the log (io, disk_full), busy when another
// process appends this file. `silver` is a snapshot of it, empty when there is none: it says what was committed of a
// topic that is gone.
Result<IngestTopic> append_file(const fs::path& path, std::string_view dialect, const LakePaths& lake,
                                const delta::Snapshot& silver, Clock& clock, const AppendOptions& options);

// Of a file that is in the log or in Silver as a whole, so that append_file would add nothing.
struct ThereBefore {
  int64_t rows = 0;
  bool in_silver = false;  // else in the log, and whoever runs the lake next takes it
};
Result<std::optional<ThereBefore>> there_before(EventFile& file, const LakePaths& lake, const delta::Snapshot& silver,
                                                std::string_view job);

// An empty snapshot when there is no Silver yet.
Result<delta::Snapshot> load_silver(const LakePaths& lake);
// One past the last offset of the topic's only partition that Silver has committed; no value when it has none.
std::optional<int64_t> committed_end(const delta::Snapshot& silver, std::string_view job, std::string_view topic,
                                     std::string_view topic_id);
// What Silver's log says about these topics: of each all batches together. One that it says nothing about, or whose
// first batch it no longer reaches back to, is not in the answer.
Result<std::map<std::string, SourceAccount>> accounts_of(const LakePaths& lake, const delta::Snapshot& silver,
                                                         std::string_view job,
                                                         std::span<const FileIdentity* const> topics);

}  // namespace pactolus
