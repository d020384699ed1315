// The quarantine as it is worked with: each rejected record once, as its latest attempt left it.
//
//   table quarantine/events ─┐
//   topics _replay.*         ├─► records: position, latest reason and bytes, attempts, waiting | in flight
//   offsets in Silver       ─┘
//
// A record's position, topic@topic-id/partition/offset of where it was first, is its identity through all replays. It
// is `waiting` until a replay has it in Silver (as a row or as a duplicate), `in_flight` while one has appended it and
// the job has not judged it, and gone from here afterwards: the table keeps its rows.
//
// A view of one moment. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/duckdb.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct QuarantineFilter {
  std::vector<std::string> reasons;     // of the latest attempt; empty: all
  std::optional<int64_t> since_us;      // rejected then or later, by batch time of the latest attempt
  std::optional<std::string> position;  // exactly this one; also without "@topic-id"
  std::optional<bool> in_flight;        // or not
  std::optional<bool> malformed_row;    // no dialect could read it, or anything else
};

struct QuarantinedRecord {
  std::string position;
  std::string reason, field, detail;
  std::optional<std::string> key, value;  // exact bytes
  int64_t first_us = 0, last_us = 0;      // batch times of its first and its latest rejection
  int64_t attempts = 0;                   // 1 without a replay
  bool in_flight = false;
};

struct QuarantineReason {
  std::string reason;
  int64_t waiting = 0, in_flight = 0;
  int64_t first_us = 0, last_us = 0;
  std::string sample_position, sample_detail;  // of the latest
};

class Quarantine {
 public:
  // Error not_found when there is no lake. A lake without a quarantine has no records.
  static Result<Quarantine> open(const LakePaths& lake, std::string_view job);

  Result<std::vector<QuarantineReason>> by_reason(const QuarantineFilter& filter);  // most waiting first
  Result<int64_t> count(const QuarantineFilter& filter);
  // In the order of their latest rejection (batch, topic, partition, offset), `limit` of them behind `skip`.
  Result<std::vector<QuarantinedRecord>> records(const QuarantineFilter& filter, int64_t skip, int64_t limit,
                                                 bool newest_first = false);

 private:
  explicit Quarantine(SqlEngine sql) : sql_(std::move(sql)) {}
  SqlEngine sql_;
};

}  // namespace pactolus
