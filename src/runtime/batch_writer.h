// The data files of a micro-batch: Silver by (event_date, event_type), quarantine, and a view's rows by date. Files are
// written and fsynced with their folders; nothing is visible before a Delta commit names them.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/columns.h"
#include "event/decoder.h"
#include "gold/view_rows.h"
#include "lake/delta/actions.h"
#include "runtime/lake_tables.h"
#include "runtime/ledger.h"
#include "silver/silver_rows.h"

namespace pactolus {

struct BatchNames {
  int64_t batch = 0, epoch = 0;
  int64_t time_ms = 0;  // of the batch: modificationTime
};

// part-<batch>-<epoch>-<uuid>.parquet: batch and epoch say who wrote it, the uuid keeps two attempts apart.
std::string part_name(const BatchNames& names, Random& random);
struct PartName {
  int64_t batch = 0, epoch = 0;
};
std::optional<PartName> parse_part_name(std::string_view name);  // no value for other names

// A file of a batch and its rows, for whoever merges it soon.
struct WrittenFile {
  delta::AddFile add;
  std::shared_ptr<const KeptRows> rows;
};

// `rows` in the order in which they shall lie in the files. `decoder` names the event types. Up to `threads` files are
// encoded at a time.
Result<std::vector<WrittenFile>> write_silver_files(const LakePaths& lake, const EventBatch& batch,
                                                    std::span<const uint32_t> rows, const SilverFacts& facts,
                                                    const Decoder& decoder, const BatchNames& names, Random& random,
                                                    int32_t threads);
// None when there are no rejects.
Result<std::vector<NamedFile>> write_quarantine_file(const LakePaths& lake, std::span<const Reject> rejects,
                                                     const SilverFacts& facts, const BatchNames& names, Random& random);
delta::AddFile quarantine_add(const NamedFile& file, int64_t time_ms);

// Rows of a Gold table of one date, as files are partitioned.
struct DatedRows {
  int32_t date = 0;  // days since 1970
  int64_t rows = 0;
  std::function<ColumnBatch()> columns;
  std::string basis = {};  // of all of them; empty: the table has no such column
};
Result<std::vector<delta::AddFile>> write_dated_files(const fs::path& table, std::span<const DatedRows> dates,
                                                      const BatchNames& names, Random& random);

// Of one view, in the order of their windows.
Result<std::vector<delta::AddFile>> write_view_files(const LakePaths& lake, const ViewRows& rows, ViewBasis basis,
                                                     const BatchNames& names, Random& random);

}  // namespace pactolus
