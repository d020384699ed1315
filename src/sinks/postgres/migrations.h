// The tables of the schema that are ours alone, brought to what this release knows.
#pragma once

#include <string>

#include "base/result.h"
#include "sinks/postgres/pg_connection.h"

namespace pactolus {

// In the caller's transaction: makes the schema when it is missing, applies the migrations that it lacks, and takes it
// for that lake. Errors: conflict when it is another lake's, unsupported when a later release has been there.
Result<> migrate_schema(PgConnection& connection, const std::string& schema, const std::string& lake_id);

}  // namespace pactolus
