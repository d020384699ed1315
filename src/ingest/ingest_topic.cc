#include "ingest/ingest_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault.h"
#include "bronze/embedded/embedded_log.h"
#include "runtime/account_log.h"

namespace pactolus {
namespace {

constexpr int64_t kAskEvery = 4096;  // rows between two questions about stop and progress

fs::path mark_of(const LakePaths& lake, const FileIdentity& identity) {
  return lake.bronze() / identity.topic / "ingest.json";
}

// Rows of a topic that is known to be complete.
Result<std::optional<int64_t>> complete_rows(const LakePaths& lake, const FileIdentity& identity) {
  const auto text = read_file(mark_of(lake, identity));
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return std::nullopt;
    return std::unexpected(text.error());
  }
  const auto mark = Json::parse(*text);
  if (!mark || !(*mark)["rows"].is_int()) return std::nullopt;  // the rows themselves decide
  return (*mark)["rows"].as_int();
}

Result<> append_rest(EventFile& file, EmbeddedLogWriter& writer, const AppendOptions& options, IngestTopic& out) {
  out.rows = writer.next_offset(PartitionId(0)).value;
  if (const int64_t there = TRY(file.skip(out.rows)); there < out.rows)
    return fail(ErrorCode::corrupt, fmt::format("topic {} holds {} rows, the file it is named after only {}",
                                                out.identity.topic, out.rows, there));
  int64_t waiting_bytes = 0;
  for (MappedRow row; TRY(file.next(row));) {
    NewRecord record{.value = row.value};
    if (!row.key.empty()) record.key = row.key;
    const auto [partition, offset] = TRY(writer.append(record));
    PACTOLUS_CHECK_EQ(offset.value, file.rows() - 1);
    ++out.appended;
    waiting_bytes += int64_t(row.value.size() + row.key.size());
    if (waiting_bytes >= options.flush_bytes) {
      TRY(writer.flush());
      fault_point("ingest.flushed");
      waiting_bytes = 0;
    }
    if (out.appended % kAskEvery == 0) {
      if (options.progress) options.progress(file.input().position(), file.input().size());
      if (options.stop && options.stop()) {
        TRY(writer.flush());
        out.rows = file.rows();
        return {};
      }
    }
  }
  TRY(writer.flush());
  fault_point("ingest.appended");
  TRY(file.input().check_unchanged());
  out.rows = file.rows();
  out.complete = true;
  return {};
}

}  // namespace

Result<IngestTopic> append_file(const fs::path& path, std::string_view dialect, const LakePaths& lake, Clock& clock,
                                const AppendOptions& options) {
  auto file = TRY(EventFile::open(path, dialect));
  IngestTopic out;
  out.identity = TRY(identify(file->input(), file->dialect()));
  auto topic = open_topic(lake.bronze(), out.identity.topic);
  if (!topic) {
    if (topic.error().code != ErrorCode::not_found) return std::unexpected(topic.error());
    if (const auto committed = TRY(committed_end(lake, options.job, out.identity))) {
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
  const auto complete = TRY(complete_rows(lake, out.identity));
  if (complete && *complete == writer->next_offset(PartitionId(0)).value) {
    out.rows = *complete;
    out.complete = true;
    return out;
  }
  TRY(append_rest(*file, *writer, options, out));
  if (!out.complete) return out;
  const Json mark = Json::object()
                        .set("format", 1)
                        .set("file", file->input().path().filename().native())
                        .set("bytes", file->input().size())
                        .set("dialect", file->dialect().name())
                        .set("mapping", file->dialect().version())
                        .set("rows", out.rows);
  TRY(replace_file(mark_of(lake, out.identity), mark.dump() + "\n"));
  fault_point("ingest.complete");
  return out;
}

Result<std::optional<int64_t>> committed_end(const LakePaths& lake, std::string_view job,
                                             const FileIdentity& identity) {
  const auto silver = delta::Snapshot::load(lake.silver());
  if (!silver) {
    if (silver.error().code == ErrorCode::not_found) return std::nullopt;
    return std::unexpected(silver.error());
  }
  return silver->txn_version(offset_app_id(job, identity.topic, identity.topic_id, 0));
}

Result<std::optional<SourceAccount>> account_of(const LakePaths& lake, std::string_view job,
                                                const FileIdentity& identity) {
  std::optional<SourceAccount> whole;
  const auto silver = delta::Snapshot::load(lake.silver());
  if (!silver && silver.error().code == ErrorCode::not_found) return whole;
  if (!silver) return std::unexpected(silver.error());
  SourceAccount sum;
  TRY(accounts_newest_first(lake.silver(), silver->version(), job, [&](Version, BatchAccount&& batch) -> Result<bool> {
    for (const SourceAccount& a : batch.sources) {
      if (a.topic != identity.topic || a.topic_id != identity.topic_id) continue;
      sum.end = std::max(sum.end, a.end);
      sum.consumed += a.consumed;
      sum.silver += a.silver;
      sum.duplicates += a.duplicates;
      sum.conflicting += a.conflicting;
      for (const auto& [reason, n] : a.quarantined) sum.quarantined[reason] += n;
      if (a.start == 0) whole = sum;
    }
    return !whole;
  }));
  return whole;
}

}  // namespace pactolus
