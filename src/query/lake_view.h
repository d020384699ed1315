// A Delta table as a view: exactly the live files of one snapshot, with the columns and types that its log declares.
//
// Partition columns come from the log's partition values, not from folder names. A column that a file lacks (it was
// written before the column was added) is null there. A table without files is a view without rows. Planning does not
// open the files, so thousands of them cost little; a condition on partition columns skips the files of others.
#pragma once

#include <string>
#include <string_view>

#include "lake/delta/schema.h"
#include "lake/delta/snapshot.h"
#include "query/duckdb.h"

namespace pactolus {

// Makes the view, in a schema that is there, and a table of its files in the schema "lake files". Errors: `corrupt`
// when the log's schema or a partition value cannot be read, `unsupported` for a type that this release does not know.
Result<> create_delta_view(SqlEngine& sql, std::string_view name, const delta::Snapshot& snapshot,
                           std::string_view schema = "main");

// DuckDB's name of a Delta type; empty when there is none.
std::string duckdb_type(const delta::FieldType& type);

}  // namespace pactolus
