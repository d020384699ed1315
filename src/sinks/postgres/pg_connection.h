// A connection to PostgreSQL. Only this file's source names libpq, and loads it when the first connection is made: a
// shop without PostgreSQL needs no such library.
//
// Nothing here waits without an end: every call gives up when the server has been silent for too long, or when `stop`
// says so, and the connection is then no good any more. One thread.
// Source: PostgreSQL documentation, "libpq: Asynchronous Command Processing", "Functions Associated with COPY".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus {

struct PgTarget {
  std::string url;       // postgresql://user@host:port/database, or libpq's "host=… dbname=…"; without a password
  std::string password;  // empty: what libpq finds by itself (.pgpass), or none
  int64_t connect_patience_us = 10'000'000;
  int64_t patience_us = 600'000'000;  // a statement over many rows is silent for long
  std::function<bool()> stop = {};    // asked several times a second while something is waited for
};

// A text of one row after the other, null where there is no value.
struct PgRows {
  size_t columns = 0;
  std::vector<std::optional<std::string>> values;
  int64_t affected = 0;  // rows that were inserted, updated or deleted
  size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
  const std::optional<std::string>& at(size_t row, size_t column) const { return values[row * columns + column]; }
};

class PgConnection {
 public:
  // Error unsupported without the library, bad_config for a URL that means nothing, io for a server that is away or
  // does not let us in.
  static Result<PgConnection> open(const PgTarget& target);

  // One statement, its parameters as texts. Error io when the connection is lost, invalid for what the server refuses;
  // both with its words. No error ever holds the password.
  Result<PgRows> run(const std::string& sql, std::span<const std::optional<std::string>> parameters = {});
  // COPY … FROM STDIN in text format: `next` fills the empty text with some whole lines and leaves it empty at the end.
  Result<int64_t> copy_in(const std::string& sql, const std::function<Result<>(std::string& lines)>& next);
  bool usable() const;  // false: open another one

 private:
  struct Closed {
    void operator()(void* connection) const;
  };
  PgConnection(void* connection, const PgTarget& target)
      : connection_(connection), target_(&target), patience_us_(target.connect_patience_us) {}
  Result<PgRows> results();
  Result<> flush();
  Result<> wait(bool for_writing);
  std::unexpected<Error> lost(std::string what) const;

  std::unique_ptr<void, Closed> connection_;
  const PgTarget* target_;  // outlives this
  int64_t patience_us_;
};

// Between quotes, for names that are made of others' texts.
std::string pg_name(std::string_view name);
std::string pg_text(std::string_view text);  // a literal

}  // namespace pactolus
