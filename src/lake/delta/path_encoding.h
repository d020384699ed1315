// Paths of data files: the Hive-style folder on the disk, and the percent-encoded text in the log.
//
// A partition value goes through two encodings, which readers undo one by one:
//   value `add to cart/50%` → folder `event_type=add%20to%20cart%2F50%25` → log
//   `event_type=add%2520to%2520cart%252F50%2525`
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "lake/delta/actions.h"

namespace pactolus::delta {

// Unreserved characters of RFC 3986 and those of `safe` stay, every other byte becomes %XX.
std::string percent_encode(std::string_view text, std::string_view safe = "");
// No value for a broken escape.
std::optional<std::string> percent_decode(std::string_view text);

// Path on the disk ↔ `path` of an action. Decoding refuses what does not lie in the table's folder: absolute paths,
// URIs, `..`. Files are deleted by these names, so a log must not be able to name others.
std::string encode_path(std::string_view path);
Result<std::string> decode_path(std::string_view text);
Result<> check_path(std::string_view path);

// Folder of a partition relative to the table, `event_date=2026-03-01/event_type=view`; empty without columns.
std::string partition_folder(std::span<const std::string> columns, const PartitionValues& values);

}  // namespace pactolus::delta
