// The files that somebody means by a file, a folder or a pattern.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace pactolus {

struct InputPaths {
  std::vector<std::string> files;  // each once, in the order of the arguments, within a folder or pattern by name
  int64_t passed_over = 0;         // files in folders that by their names are no events
};

// A folder means the files in it and in the folders below that have a name like events.ndjson.gz: ndjson, jsonl, json,
// csv, tsv, txt or parquet, then gz or zst or nothing; hidden ones and those that begin with _ (Spark's marks) are
// passed over, and so is a lake. A name with * ? or [ that no file has is a pattern as of glob(7). Errors: invalid for
// a lake; not_found when a name, folder or pattern means no file; io.
Result<InputPaths> find_input_files(std::span<const std::string> arguments);

}  // namespace pactolus
