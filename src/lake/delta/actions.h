// The actions of a Delta commit as values, and their one-line JSON texts.
//
// A commit file holds one action a line; applied in the order of versions they give the table (snapshot.h). Reader
// version 1 and writer version 2 are spoken. Unknown actions and unknown fields are skipped, as the protocol asks;
// what would change the meaning of a table for a reader of version 1 (a deletion vector, a file outside the table's
// folder) is an error `unsupported`. Times are milliseconds since 1970, as in the protocol.
//
// Source: delta-io/delta PROTOCOL.md, "Actions". Our own additions: docs/formats/delta.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace pactolus::delta {

// Partition column → value as text (dates yyyy-mm-dd); no value is null. The empty text means null to readers too.
using PartitionValues = std::map<std::string, std::optional<std::string>, std::less<>>;

// A data file that belongs to the table from this commit on.
struct AddFile {
  std::string path;  // as it lies on the disk, relative to the table's folder; percent-encoded only in the log
  PartitionValues partition_values;
  int64_t size = 0;  // bytes; readers trust it
  int64_t modification_time_ms = 0;
  bool data_change = true;  // false: the same rows in other files (compaction)
  std::string stats;        // JSON text (stats.h); empty is absent
  bool operator==(const AddFile&) const = default;
};

// A data file that no longer belongs to the table; a tombstone until vacuum may delete it.
struct RemoveFile {
  std::string path;
  int64_t deletion_time_ms = 0;  // 0: the commit's timestamp
  bool data_change = true;
  PartitionValues partition_values;
  std::optional<int64_t> size;  // with it the partition values are known too ("extended" file metadata)
  bool operator==(const RemoveFile&) const = default;
};

// How far an application has got. A later one replaces an earlier one of the same app_id.
struct Txn {
  std::string app_id;
  int64_t version = 0;
  int64_t last_updated_ms = 0;  // 0 is absent
  bool operator==(const Txn&) const = default;
};

struct Metadata {
  std::string id;  // UUID of the table
  std::string name;
  std::string schema_string;  // schema.h
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
  int64_t created_time_ms = 0;
  bool operator==(const Metadata&) const = default;
};

inline constexpr int32_t kReaderVersion = 1;
inline constexpr int32_t kWriterVersion = 2;
struct Protocol {
  int32_t min_reader_version = kReaderVersion;
  int32_t min_writer_version = kWriterVersion;
  bool operator==(const Protocol&) const = default;
};

// Where a commit comes from. Checkpoints do not keep it.
struct CommitInfo {
  int64_t timestamp_ms = 0;
  std::string operation;
  Json::Object operation_parameters;  // texts only: anything else is written as its JSON text (Spark's history fails)
  bool blind_append = false;
  std::string engine;
  std::string commit_uuid;  // `txnId`
  Json info;                // `pactolus`: any JSON object, for the ledger and the like; null is absent
};

// All actions of one commit. The protocol allows any order within a commit, so removes count before adds.
struct CommitActions {
  std::optional<CommitInfo> commit_info;
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  std::vector<Txn> txns;
  std::vector<RemoveFile> removes;
  std::vector<AddFile> adds;
};

std::string encode_commit(const CommitActions& actions);
// Error `corrupt` names the line, `unsupported` what is not understood. Empty text is a commit without actions.
Result<CommitActions> decode_commit(std::string_view text);

// Error `unsupported` when the table asks for more than this release knows.
Result<> check_readable(const Protocol& protocol);
Result<> check_writable(const Protocol& protocol, const Metadata& metadata);

}  // namespace pactolus::delta
