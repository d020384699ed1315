// What a Silver row holds beyond the event: derived columns, where it came from, and the batch; as columns ready for
// one Parquet file per (event_date, event_type).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/columns.h"
#include "event/event_batch.h"

namespace pactolus {

// One topic's partition that a job reads. Its index in the job's list is EventBatch::source.
struct SourceName {
  std::string topic;
  int32_t partition = 0;
};

struct SilverFacts {
  std::span<const SourceName> sources;
  int64_t batch_id = 0;
  int64_t batch_time = 0;                    // processing_timestamp
  Money high_value_above = 500 * kMoneyOne;  // is_high_value: price > this
};

// Rows of one partition of the table, in the order given to split_by_partition.
struct SilverPart {
  int32_t event_date;  // days since 1970, UTC
  uint8_t event_type;
  std::vector<uint32_t> rows;
};
// Parts in the order (date, type); every row is in exactly one.
std::vector<SilverPart> split_by_partition(const EventBatch& batch, std::span<const uint32_t> rows);

// All columns of the contract except the partition columns event_date and event_type, which live in the folder names.
ColumnBatch silver_columns(const EventBatch& batch, std::span<const uint32_t> rows, const SilverFacts& facts);

}  // namespace pactolus
