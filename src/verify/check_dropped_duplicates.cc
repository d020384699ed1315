// Duplicates leave no row, so what was dropped is read again from Bronze: in each range of the ledger that has some,
// the records that are neither in Silver nor in quarantine must be as many as the ledger says, and the id of each must
// be in Silver already. Those of erased persons are in neither table, and skipped in Bronze: they count too. Ranges are
// read in pieces of bounded size; those that retention has taken are counted.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "event/decoder.h"
#include "runtime/losses.h"
#include "verify/checks.h"

namespace pactolus {
namespace {

constexpr int64_t kPieceRecords = 2'000'000;  // about 100 MB of ids and offsets in SQL
constexpr int64_t kPollBytes = 4 << 20;
constexpr int kEmptyPolls = 100;       // of a log that takes its time: each waits
constexpr size_t kReadersAtOnce = 64;  // each has files open, and a lake may have thousands of histories

struct Range {
  int64_t batch = 0, batch_time = 0;
  std::string topic, topic_id;
  int32_t partition = 0;
  int64_t start = 0, end = 0;
  int64_t skipped = 0;  // offsets that are no records
};

constexpr const char* kTables = R"(
CREATE OR REPLACE TEMP TABLE reread(batch BIGINT, topic VARCHAR, "partition" BIGINT, "offset" BIGINT, event_id VARCHAR);
CREATE OR REPLACE TEMP TABLE dropped AS FROM reread;
CREATE OR REPLACE TEMP TABLE reread_ranges(batch BIGINT, topic VARCHAR, "partition" BIGINT, skipped BIGINT);)";

class Rereading {
 public:
  explicit Rereading(VerifyInput& in) : in_(in), decoder_(decode_rules(in.options.config)) {}

  Result<> run();
  int64_t records = 0, gone = 0, ranges = 0;

 private:
  // Null when the topic is not the one that the ledger means.
  Result<LogReader*> reader(const Range& range);
  Result<bool> reread(Range& range, SqlAppender& out);
  Result<> settle();

  VerifyInput& in_;
  Decoder decoder_;
  std::map<std::string, std::unique_ptr<LogReader>> readers_;  // null: not there
  std::vector<Range> forks_;                                   // accepted: the log went on at `end`
  EventBatch events_;
  std::vector<Reject> rejects_;
  int64_t piece_ = 0, first_batch_ = INT64_MAX, last_batch_ = 0;
};

Result<LogReader*> Rereading::reader(const Range& range) {
  auto known = readers_.find(range.topic);
  if (known == readers_.end()) {
    if (readers_.size() == kReadersAtOnce) readers_.clear();
    auto opened = in_.options.open_topic(range.topic);
    if (!opened && opened.error().code != ErrorCode::not_found) return std::unexpected(opened.error());
    known = readers_.emplace(range.topic, opened ? std::move(*opened) : nullptr).first;
  }
  LogReader* found = known->second.get();
  if (!found || found->topic().id != id_of_life(range.topic_id)) return nullptr;
  // Where the log has fallen back since, other records have these offsets.
  const bool written_anew = std::ranges::any_of(forks_, [&](const Range& fork) {
    return fork.topic == range.topic && fork.partition == range.partition && fork.batch > range.batch &&
           fork.end < range.end;
  });
  return written_anew ? nullptr : found;
}

// False when the records are no longer all there.
Result<bool> Rereading::reread(Range& range, SqlAppender& out) {
  LogReader* log = TRY(reader(range));
  const PartitionId partition(range.partition);
  if (!log || range.partition >= log->topic().partitions) return false;
  if (TRY(log->begin(partition)).value > range.start || TRY(log->end(partition)).value < range.end) return false;
  TRY(log->seek(partition, Offset(range.start)));
  int empty = 0;
  for (int64_t next = range.start; next < range.end;) {
    if (in_.stopped()) return fail(ErrorCode::io, "stopped");
    auto polled = log->poll(partition, kPollBytes);
    if (!polled && polled.error().code == ErrorCode::data_loss) return false;  // retention came by
    if (!polled) return std::unexpected(polled.error());
    auto taken = polled->records;
    while (!taken.empty() && taken.back().offset.value >= range.end) taken = taken.first(taken.size() - 1);
    if (polled->next.value == next) {
      if (polled->at_end || ++empty == kEmptyPolls) return false;  // the end, too early
      continue;
    }
    empty = 0;
    range.skipped += std::min(polled->next.value, range.end) - next - int64_t(taken.size());
    next = polled->next.value;
    events_.clear();
    rejects_.clear();
    // Too late or not is for the ledger to say: a record that was rejected for it is found in quarantine.
    decoder_.decode(taken, 0, {range.batch_time, kNoTime}, events_, rejects_);
    for (size_t row = 0; row < events_.rows(); ++row)
      out.add(range.batch)
          .add(std::string_view(range.topic))
          .add(int64_t(range.partition))
          .add(events_.offset[row])
          .add(events_.event_id.at(row))
          .end_row();
    for (const Reject& reject : rejects_)
      out.add(range.batch)
          .add(std::string_view(range.topic))
          .add(int64_t(range.partition))
          .add(reject.offset)
          .add_null()
          .end_row();
    records += int64_t(taken.size());
    piece_ += int64_t(taken.size());
  }
  first_batch_ = std::min(first_batch_, range.batch);
  last_batch_ = std::max(last_batch_, range.batch);
  return true;
}

// What of the piece became no row was dropped.
Result<> Rereading::settle() {
  if (last_batch_ == 0) return {};
  TRY(in_.sql.execute(fmt::format(R"(
INSERT INTO dropped FROM reread r
ANTI JOIN (SELECT batch_id AS batch, topic, "partition"::BIGINT AS "partition", "offset" FROM silver
           WHERE batch_id BETWEEN {0} AND {1}) s USING (batch, topic, "partition", "offset")
ANTI JOIN (SELECT batch_id AS batch, topic, "partition"::BIGINT AS "partition", "offset" FROM quarantine
           WHERE batch_id BETWEEN {0} AND {1}) q USING (batch, topic, "partition", "offset");
TRUNCATE reread;)",
                                  first_batch_, last_batch_)));
  piece_ = 0;
  first_batch_ = INT64_MAX, last_batch_ = 0;
  return {};
}

Result<> Rereading::run() {
  TRY(in_.sql.execute(kTables));
  const SqlTable wanted =
      TRY(in_.sql.query(fmt::format("SELECT batch, batch_time, topic, topic_id, \"partition\", start_offset, "
                                    "end_offset FROM sources JOIN batches USING (batch) "
                                    "WHERE batch <= {} AND (duplicates > 0 OR (batch, topic, \"partition\") IN "
                                    "(SELECT (batch, topic, \"partition\") FROM erased)) "
                                    "ORDER BY topic, \"partition\", batch",
                                    in_.quarantine_reached)));
  const SqlTable forks = TRY(in_.sql.query("FROM losses WHERE kind = 'fell_back'"));
  for (size_t i = 0; i < forks.rows; ++i)
    forks_.push_back({.batch = forks.int_at(i, "batch"),
                      .topic = forks.text_at(i, "topic"),
                      .topic_id = {},
                      .partition = int32_t(forks.int_at(i, "partition")),
                      .end = forks.int_at(i, "end_offset")});
  std::optional<SqlAppender> out;
  std::vector<Range> read;
  for (size_t r = 0; r < wanted.rows; ++r) {
    Range range{wanted.int_at(r, "batch"),     wanted.int_at(r, "batch_time"),         wanted.text_at(r, "topic"),
                wanted.text_at(r, "topic_id"), int32_t(wanted.int_at(r, "partition")), wanted.int_at(r, "start_offset"),
                wanted.int_at(r, "end_offset")};
    if (!out) out.emplace(TRY(in_.sql.append_to("reread")));
    if (!TRY(reread(range, *out))) {
      ++gone;
      continue;
    }
    ++ranges;
    read.push_back(range);
    if (piece_ < kPieceRecords) continue;
    TRY(out->close());
    out.reset();
    TRY(settle());
  }
  if (out) TRY(out->close());
  out.reset();
  TRY(settle());
  SqlAppender done = TRY(in_.sql.append_to("reread_ranges"));
  for (const Range& range : read)
    done.add(range.batch).add(std::string_view(range.topic)).add(int64_t(range.partition)).add(range.skipped).end_row();
  return done.close();
}

constexpr const char* kCounts = R"(
WITH told AS (SELECT batch, topic, "partition", sum(n) AS n FROM (
                SELECT batch, topic, "partition", duplicates + skipped AS n FROM sources UNION ALL
                SELECT batch, topic, "partition", silver FROM erased UNION ALL
                SELECT batch, topic, "partition", records FROM erased_reasons)
              SEMI JOIN reread_ranges USING (batch, topic, "partition") GROUP BY ALL),
found AS (SELECT batch, topic, "partition", sum(n) AS n FROM (
            SELECT batch, topic, "partition", count(*) AS n FROM dropped GROUP BY ALL UNION ALL
            SELECT batch, topic, "partition", skipped FROM reread_ranges) GROUP BY ALL)
SELECT format('batch {} {}/{}: Bronze has {} records that are in neither table, the ledger says {} duplicates and erased',
              batch, topic, "partition", coalesce(f.n, 0), t.n) AS why
FROM told t LEFT JOIN found f USING (batch, topic, "partition") WHERE coalesce(f.n, 0) <> t.n)";

constexpr const char* kWithoutFirst = R"(
WITH firsts AS (SELECT event_id, min(batch_id) AS batch FROM silver SEMI JOIN dropped USING (event_id) GROUP BY ALL)
SELECT format('batch {} {}/{} offset {}: dropped as a duplicate of {}, which is not in silver', d.batch, d.topic,
              d."partition", d."offset", d.event_id) AS why
FROM dropped d SEMI JOIN reread_ranges USING (batch, topic, "partition") LEFT JOIN firsts f USING (event_id)
WHERE event_id IS NOT NULL AND (f.batch IS NULL OR f.batch > d.batch)
  -- the first copy may have been an erased person's
  AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.batch <= d.batch))";

}  // namespace

Result<CheckResult> check_dropped_duplicates(VerifyInput& in) {
  if (!in.options.open_topic) return CheckResult::skip(in.options.without_bronze);
  CheckResult result;
  Rereading bronze(in);
  TRY(bronze.run());
  if (bronze.ranges == 0 && bronze.gone > 0)
    return CheckResult::skip(fmt::format("the log does not have the records of {}; of a Kafka topic --from names it",
                                         counted(bronze.gone, "range")));
  TRY(fail_rows(in.sql, result, kCounts));
  TRY(fail_rows(in.sql, result, kWithoutFirst));
  const int64_t dropped = TRY(one_number(in.sql, "SELECT count(*) FROM dropped WHERE event_id IS NOT NULL"));
  const int64_t unread = TRY(one_number(in.sql,
                                        "SELECT count(*) FROM dropped WHERE event_id IS NULL AND (batch, topic, "
                                        "\"partition\") IN (SELECT (batch, topic, \"partition\") FROM sources "
                                        "WHERE duplicates > 0)"));
  if (unread > 0)
    result.notes.push_back(
        fmt::format("{} that were dropped are none by today's configuration: whether their ids are in "
                    "silver was not looked at",
                    counted(unread, "event")));
  result.figure("unread", unread);
  result.figure("records_read", bronze.records);
  result.figure("duplicates", dropped);
  result.figure("ranges", bronze.ranges);
  result.figure("ranges_gone", bronze.gone);
  result.summary = fmt::format("{} in {} read again{}", counted(dropped, "duplicate"),
                               counted(bronze.records, "record"), result.wrong ? "" : ", each id is in silver");
  if (bronze.gone > 0) result.summary += fmt::format("; {} no longer in Bronze", counted(bronze.gone, "range"));
  return result;
}

}  // namespace pactolus
