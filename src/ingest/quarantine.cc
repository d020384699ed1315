#include "ingest/quarantine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "bronze/embedded/embedded_log.h"
#include "ingest/ingest_topic.h"
#include "query/lake_view.h"
#include "runtime/account_log.h"
#include "runtime/ledger.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

// Topic ids are not in the table: Silver's offsets have them. A topic has one id for the whole life of a lake, or
// several where a loss was accepted; `until` is the first batch that the id is not of.
constexpr const char* kTables = R"(
CREATE TABLE topics(topic VARCHAR, topic_id VARCHAR, until BIGINT);
CREATE TABLE attempts(topic VARCHAR, "offset" BIGINT, position VARCHAR, judged BOOLEAN);
)";

// A record is in the table once for each time it was rejected, each time at another place.
constexpr const char* kLatest = R"(
CREATE TABLE rejections AS
  SELECT coalesce(q.origin, q.topic || coalesce('@' || t.topic_id, '') || '/' || q."partition" || '/' || q."offset")
           AS position,
         q.topic, q."partition", q."offset", q.reason, q.field, q.detail, q.batch_id,
         epoch_us(q.processing_timestamp) AS time
  FROM quarantine q ASOF LEFT JOIN topics t ON q.topic = t.topic AND q.batch_id < t.until;
CREATE TABLE latest AS
  SELECT *, min(time) OVER record AS first_time, count(*) OVER record AS attempts,
         position IN (SELECT position FROM attempts WHERE NOT judged) AS in_flight
  FROM rejections
  WHERE position NOT IN (SELECT a.position FROM attempts a ANTI JOIN rejections r USING (topic, "offset")
                         WHERE a.judged)
  WINDOW record AS (PARTITION BY position)
  QUALIFY row_number() OVER (PARTITION BY position ORDER BY batch_id DESC, topic DESC, "offset" DESC) = 1;
)";

std::string hex_bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(char(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return out;
}

std::string condition_of(const QuarantineFilter& filter) {
  std::string text = "true";
  if (!filter.reasons.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& reason : filter.reasons) quoted.push_back(sql_text(reason));
    text += fmt::format(" AND reason IN ({})", fmt::join(quoted, ", "));
  }
  if (filter.since_us) text += fmt::format(" AND time >= {}", *filter.since_us);
  if (filter.malformed_row)
    text += *filter.malformed_row ? " AND reason = 'malformed_row'" : " AND reason <> 'malformed_row'";
  if (filter.in_flight) text += *filter.in_flight ? " AND in_flight" : " AND NOT in_flight";
  if (filter.position) {
    const std::string position = sql_text(*filter.position);
    text += fmt::format(" AND (position = {0} OR regexp_replace(position, '@[^/]*', '') = {0})", position);
  }
  return text;
}

Result<> tell_topics(SqlEngine& sql, const delta::Snapshot& silver, std::string_view job) {
  std::set<std::pair<std::string, std::string>> ids;
  for (const auto& [app, txn] : silver.txns())
    if (auto offset = parse_offset_app_id(app, job)) ids.emplace(std::move(offset->topic), std::move(offset->topic_id));
  SqlAppender out = TRY(sql.append_to("topics"));
  for (const auto& [topic, id] : ids)
    out.add(std::string_view(topic))
        .add(std::string_view(id))
        .add(silver.txn_version(given_up_app_id(job, topic, id)).value_or(INT64_MAX))
        .end_row();
  return out.close();
}

// Every record that a replay has appended. `reached`: the quarantine has what Silver's batches rejected; before that
// nothing that was committed is known to have been judged.
Result<> tell_attempts(SqlEngine& sql, const LakePaths& lake, const delta::Snapshot& silver, std::string_view job,
                       bool reached) {
  SqlAppender out = TRY(sql.append_to("attempts"));
  for (const std::string& topic : TRY(list_topics(lake.bronze()))) {
    if (!topic.starts_with(kReplayPrefix) || !TRY(whole_history_rows(lake, topic))) continue;
    const auto reader = TRY(open_reader(lake.bronze(), topic));
    const int64_t committed = reached ? committed_end(silver, job, topic, reader->topic().id).value_or(0) : 0;
    for (;;) {
      const PolledRecords polled = TRY(reader->poll(PartitionId(0), 4 << 20));
      if (polled.records.empty() && polled.skipped == 0) break;
      for (const RecordView& r : polled.records)
        out.add(std::string_view(topic)).add(r.offset.value).add(r.origin).add(r.offset.value < committed).end_row();
    }
  }
  return out.close();
}

// Does the quarantine have all that Silver's batches rejected? The job commits it behind Silver, and only when there is
// something to add.
Result<bool> has_reached(const LakePaths& lake, const delta::Snapshot& silver, const delta::Snapshot& quarantine,
                         std::string_view job) {
  const int64_t reached = quarantine.txn_version(app_id(job, "batch")).value_or(0);
  bool behind = false;
  TRY(accounts_newest_first(lake.silver(), silver.version(), job, [&](Version, BatchAccount&& batch) -> Result<bool> {
    behind = batch.batch > reached && !batch.quarantine_files.empty();
    return batch.batch > reached && !behind;
  }));
  return !behind;
}

}  // namespace

Result<Quarantine> Quarantine::open(const LakePaths& lake, std::string_view job) {
  TRY(check_lake(lake));
  Quarantine q(TRY(SqlEngine::open({.folder = lake.root})));
  TRY(q.sql_.execute(kTables));
  const delta::Snapshot silver = TRY(load_silver(lake));
  auto table = delta::Snapshot::load(lake.quarantine());  // behind Silver, so that it is not older
  if (!table && table.error().code != ErrorCode::not_found) return std::unexpected(table.error());
  if (table) {
    TRY(create_delta_view(q.sql_, "quarantine", *table));
    TRY(tell_topics(q.sql_, silver, job));
    TRY(tell_attempts(q.sql_, lake, silver, job, TRY(has_reached(lake, silver, *table, job))));
  } else {
    TRY(
        q.sql_.execute("CREATE TABLE quarantine(topic VARCHAR, \"partition\" INTEGER, \"offset\" BIGINT, kafka_key "
                       "VARCHAR, value BLOB, reason VARCHAR, field VARCHAR, detail VARCHAR, origin VARCHAR, batch_id "
                       "BIGINT, processing_timestamp TIMESTAMPTZ)"));
  }
  TRY(q.sql_.execute(kLatest));
  return q;
}

Result<std::vector<QuarantineReason>> Quarantine::by_reason(const QuarantineFilter& filter) {
  const SqlTable table = TRY(sql_.query(fmt::format(
      "SELECT reason, count(*) FILTER (NOT in_flight) AS waiting, count(*) FILTER (in_flight) AS in_flight, "
      "min(first_time) AS first, max(time) AS last, arg_max(position, (batch_id, topic, \"offset\")) AS sample, "
      "coalesce(arg_max(detail, (batch_id, topic, \"offset\")), '') AS detail FROM latest WHERE {} GROUP BY reason "
      "ORDER BY waiting DESC, in_flight DESC, reason",
      condition_of(filter))));
  std::vector<QuarantineReason> out;
  for (size_t i = 0; i < table.rows; ++i)
    out.push_back({table.text_at(i, "reason"), table.int_at(i, "waiting"), table.int_at(i, "in_flight"),
                   table.int_at(i, "first"), table.int_at(i, "last"), table.text_at(i, "sample"),
                   table.text_at(i, "detail")});
  return out;
}

Result<int64_t> Quarantine::count(const QuarantineFilter& filter) {
  const SqlTable table =
      TRY(sql_.query(fmt::format("SELECT count(*) AS n FROM latest WHERE {}", condition_of(filter))));
  return table.int_at(0, "n");
}

Result<std::vector<QuarantinedRecord>> Quarantine::records(const QuarantineFilter& filter, int64_t skip, int64_t limit,
                                                           bool newest_first) {
  const char* order = newest_first ? "DESC" : "ASC";
  const SqlTable table = TRY(sql_.query(
      fmt::format("SELECT l.*, hex(q.value) AS bytes, q.kafka_key AS key FROM (SELECT * FROM latest WHERE {0} "
                  "ORDER BY batch_id {1}, topic {1}, \"partition\" {1}, \"offset\" {1} LIMIT {2} OFFSET {3}) l "
                  "JOIN quarantine q USING (batch_id, topic, \"partition\", \"offset\") "
                  "ORDER BY l.batch_id {1}, topic {1}, \"partition\" {1}, \"offset\" {1}",
                  condition_of(filter), order, limit, skip)));
  const auto maybe = [&](size_t row, std::string_view column) -> std::optional<std::string> {
    if (std::holds_alternative<std::monostate>(table.at(row, column))) return std::nullopt;
    return table.text_at(row, column);
  };
  std::vector<QuarantinedRecord> out;
  for (size_t i = 0; i < table.rows; ++i) {
    QuarantinedRecord r;
    r.position = table.text_at(i, "position");
    r.reason = table.text_at(i, "reason");
    r.field = table.text_at(i, "field");
    r.detail = table.text_at(i, "detail");
    r.key = maybe(i, "key");
    if (const auto bytes = maybe(i, "bytes")) r.value = hex_bytes(*bytes);
    r.first_us = table.int_at(i, "first_time");
    r.last_us = table.int_at(i, "time");
    r.attempts = table.int_at(i, "attempts");
    const SqlValue& in_flight = table.at(i, "in_flight");
    r.in_flight = std::holds_alternative<bool>(in_flight) && std::get<bool>(in_flight);
    out.push_back(std::move(r));
  }
  return out;
}

}  // namespace pactolus
