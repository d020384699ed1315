// What follows when histories have been appended: whoever has the job makes Silver of them, the process that runs the
// lake, or this one when there is none.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/clock.h"
#include "cli/command.h"
#include "runtime/ledger.h"

namespace pactolus {

// A whole history topic.
struct AppendedHistory {
  std::string topic, topic_id;
  int64_t rows = 0;
  bool committed = false;  // all of it is in Silver
};

struct CommitHistories {
  std::string command;        // who asks, for others to read
  bool wait = false;          // when another process runs the lake: until it has taken them, however long
  int64_t lock_wait_us = -1;  // or so long; -1: not at all
};

struct HistoryProgress {
  std::function<void(int64_t done, int64_t of)> rows;
  std::function<void(const std::string&)> say;
};

// What became of a history: "12 to Silver, 3 duplicates, 2 quarantined (missing_price 2)".
std::string fates_text(const SourceAccount& account, std::string_view rejected = "quarantined");

// Sets `committed`. Returns at once when they all are; when a run that takes them holds the lake and nobody wants to
// wait, says so and leaves them to it. Error busy: lock_wait has passed. Others are the job's.
Result<> commit_histories(Session& session, Clock& clock, const CommitHistories& how, const HistoryProgress& progress,
                          std::span<AppendedHistory> histories);

}  // namespace pactolus
