#include "ingest/ingest_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault.h"
#include "bronze/embedded/embedded_log.h"
#include "ingest/rows_ahead.h"
#include "runtime/account_log.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

constexpr int64_t kAskEvery = 4096;  // rows between two questions about stop and progress

Result<> append_rest(EventFile& file, EmbeddedLogWriter& writer, const AppendOptions& options, Clock& clock,
                     IngestTopic& out) {
  out.rows = writer.next_offset(PartitionId(0)).value;
  if (const int64_t there = TRY(file.skip(out.rows)); there < out.rows)
    return fail(ErrorCode::corrupt, fmt::format("topic {} holds {} rows, the file it is named after only {}",
                                                out.identity.topic, out.rows, there));
  file.leave_out_times();
  const int64_t file_bytes = file.input().size();
  RowsAhead rows(file);
  int64_t waiting_bytes = 0, now = 0;
  for (RowPiece piece; TRY(rows.next(piece));) {
    std::string_view rest = piece.bytes;
    for (const auto [key, value] : piece.rows) {
      if (out.appended % kAskEvery == 0) now = clock.now_us();
      NewRecord record{.value = rest.substr(key, value), .timestamp_us = now};
      if (key > 0) record.key = rest.substr(0, key);
      rest.remove_prefix(key + value);
      const auto [partition, offset] = TRY(writer.append(record));
      PACTOLUS_CHECK_EQ(offset.value, out.rows);
      ++out.rows;
      ++out.appended;
      waiting_bytes += int64_t(key + value);
      if (waiting_bytes >= options.flush_bytes) {
        TRY(writer.flush());
        fault_point("ingest.flushed");
        waiting_bytes = 0;
      }
      if (out.appended % kAskEvery == 0) {
        if (options.progress) options.progress(int64_t(piece.progress * double(file_bytes)));
        if (options.stop && options.stop()) return writer.flush();
      }
    }
  }
  TRY(writer.flush());
  fault_point("ingest.appended");
  TRY(file.input().check_unchanged());
  out.complete = true;
  return {};
}

}  // namespace

Result<IngestTopic> append_file(const fs::path& path, std::string_view dialect, const LakePaths& lake,
                                const delta::Snapshot& silver, Clock& clock, const AppendOptions& options) {
  auto file = TRY(EventFile::open(path, dialect));
  IngestTopic out;
  out.identity = TRY(identify(file->input(), file->dialect()));
  auto topic = open_topic(lake.bronze(), out.identity.topic);
  if (!topic) {
    if (topic.error().code != ErrorCode::not_found) return std::unexpected(topic.error());
    if (const auto committed = committed_end(silver, options.job, out.identity.topic, out.identity.topic_id)) {
      out.rows = TRY(file->skip(INT64_MAX));
      if (*committed >= out.rows) {
        out.complete = out.in_silver = true;
        return out;
      }
      file = TRY(EventFile::open(path, dialect));  // from its first row again
    }
    TRY(make_folders(lake.bronze()));
    TRY(create_topic(lake.bronze(), out.identity.topic, 1, out.identity.topic_id, file->dialect().name()));
    fault_point("ingest.topic_made");
  }
  auto writer = TRY(open_writer(lake.bronze(), out.identity.topic, {}, clock));
  const auto complete = TRY(whole_history_rows(lake, out.identity.topic));
  if (complete && *complete == writer->next_offset(PartitionId(0)).value) {
    out.rows = *complete;
    out.complete = true;
    out.in_silver =
        committed_end(silver, options.job, out.identity.topic, out.identity.topic_id).value_or(0) >= out.rows;
    return out;
  }
  if (auto appended = append_rest(*file, *writer, options, clock, out); !appended) {
    writer.reset();
    if (appended.error().code == ErrorCode::invalid) TRY(drop_topic(lake.bronze(), out.identity.topic));
    return std::unexpected(std::move(appended).error());
  }
  if (!out.complete) return out;
  const Json mark = Json::object()
                        .set("format", 1)
                        .set("file", file->input().path().filename().native())
                        .set("bytes", file->input().size())
                        .set("dialect", file->dialect().name())
                        .set("mapping", file->dialect().version())
                        .set("rows", out.rows)
                        .set("time", clock.now_us());
  TRY(replace_file(history_mark(lake, out.identity.topic), mark.dump() + "\n"));
  fault_point("ingest.complete");
  return out;
}

Result<std::optional<ThereBefore>> there_before(EventFile& file, const LakePaths& lake, const delta::Snapshot& silver,
                                                std::string_view job) {
  const FileIdentity identity = TRY(identify(file.input(), file.dialect()));
  const auto committed = committed_end(silver, job, identity.topic, identity.topic_id);
  if (!open_topic(lake.bronze(), identity.topic))
    return committed ? std::optional(ThereBefore{*committed, true}) : std::nullopt;
  const auto rows = TRY(whole_history_rows(lake, identity.topic));
  return rows ? std::optional(ThereBefore{*rows, committed.value_or(0) >= *rows}) : std::nullopt;
}

Result<delta::Snapshot> load_silver(const LakePaths& lake) {
  auto silver = delta::Snapshot::load(lake.silver());
  if (!silver && silver.error().code == ErrorCode::not_found) return delta::Snapshot();
  return silver;
}

std::optional<int64_t> committed_end(const delta::Snapshot& silver, std::string_view job, std::string_view topic,
                                     std::string_view topic_id) {
  return silver.txn_version(offset_app_id(job, topic, topic_id, 0));
}

Result<std::map<std::string, SourceAccount>> accounts_of(const LakePaths& lake, const delta::Snapshot& silver,
                                                         std::string_view job,
                                                         std::span<const FileIdentity* const> topics) {
  struct Sum {
    std::string_view topic_id;
    SourceAccount account = {};
    bool whole = false;
  };
  std::map<std::string, Sum, std::less<>> sums;
  for (const FileIdentity* id : topics)
    if (committed_end(silver, job, id->topic, id->topic_id)) sums.emplace(id->topic, Sum{id->topic_id});
  size_t missing = sums.size();
  if (missing > 0)
    TRY(accounts_newest_first(lake.silver(), silver.version(), job, [&](Version, BatchAccount&& batch) -> Result<bool> {
      for (const SourceAccount& a : batch.sources) {
        const auto at = sums.find(a.topic);
        if (at == sums.end() || at->second.topic_id != a.topic_id || at->second.whole) continue;
        add_up(at->second.account, a);
        at->second.whole = a.start == 0;
        missing -= at->second.whole;
      }
      return missing > 0;
    }));
  std::map<std::string, SourceAccount> out;
  for (auto& [topic, sum] : sums)
    if (sum.whole) out.emplace(topic, std::move(sum.account));
  return out;
}

}  // namespace pactolus
