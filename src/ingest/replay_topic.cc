#include "ingest/replay_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/fault.h"
#include "base/json.h"
#include "bronze/embedded/embedded_log.h"
#include "ingest/ingest_topic.h"
#include "runtime/lake_lock.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

constexpr int64_t kPage = 50'000;

// Under the lock nobody else appends, so a replay without its mark belongs to nobody.
Result<> drop_half_done(const LakePaths& lake) {
  for (const std::string& topic : TRY(list_topics(lake.bronze())))
    if (topic.starts_with(kReplayPrefix) && !TRY(whole_history_rows(lake, topic)))
      TRY(drop_topic(lake.bronze(), topic));
  return {};
}

// Its mark is not written yet.
Result<ReplayTopic> new_topic(const LakePaths& lake, std::string_view dialect, Random& random) {
  ReplayTopic out;
  out.topic_id = random.uuid();
  std::string digits = out.topic_id;
  std::erase(digits, '-');
  out.topic = std::string(kReplayPrefix) + digits;
  TRY(make_folders(lake.bronze()));
  TRY(create_topic(lake.bronze(), out.topic, 1, out.topic_id, dialect));
  fault_point("replay.topic_made");
  return out;
}

bool bring_to_types(QuarantinedRecord& record, const std::vector<FieldType>& types) {
  bool changed = false;
  for (const FieldType& t : types)
    if (auto json = record.value ? with_field_as(*record.value, t.field, t.type) : std::nullopt) {
      record.value = std::move(json);
      changed = true;
    }
  return changed;
}

}  // namespace

Result<Replay> append_replay(const LakePaths& lake, std::string_view job, QuarantineFilter filter,
                             const std::vector<FieldType>& set_types, Clock& clock, Random& random,
                             const std::function<bool()>& stop) {
  TRY(check_lake(lake));
  const auto lock = TRY(FileLock::try_lock(lake.own() / "replay.lock"));
  if (!lock) return fail(ErrorCode::busy, "another replay of this lake's quarantine is being appended");
  // No erasure meanwhile: it would not see what is about to be appended.
  const FileLock care = TRY(lock_table_care(lake.care_lock(), false, kCareWait_us, clock));
  TRY(sweep_dropped(lake.bronze()));
  TRY(drop_half_done(lake));
  Quarantine quarantine = TRY(Quarantine::open(lake, job));
  Replay out;
  const int64_t selected = TRY(quarantine.count(filter));
  filter.in_flight = false;
  out.in_flight = selected - TRY(quarantine.count(filter));
  for (const bool rows : {false, true}) {
    filter.malformed_row = rows;
    const int64_t waiting = TRY(quarantine.count(filter));
    if (waiting == 0) continue;
    ReplayTopic topic = TRY(new_topic(lake, rows ? "rows" : "native", random));
    auto writer = TRY(open_writer(lake.bronze(), topic.topic, {}, clock));
    for (int64_t done = 0; done < waiting; done += kPage) {
      for (QuarantinedRecord& r : TRY(quarantine.records(filter, done, kPage))) {
        out.changed += bring_to_types(r, set_types);
        NewRecord record{.origin = r.position};
        if (r.key) record.key = *r.key;
        if (r.value) record.value = *r.value;
        TRY(writer->append(record));
        ++topic.records;
      }
      TRY(writer->flush());
      fault_point("replay.flushed");
      if (stop && stop()) return fail(ErrorCode::invalid, "stopped; nothing of this replay counts");
    }
    out.records += topic.records;
    out.topics.push_back(std::move(topic));
  }
  for (const ReplayTopic& topic : out.topics) {
    const Json mark = Json::object().set("format", 1).set("rows", topic.records).set("time", clock.now_us());
    TRY(replace_file(history_mark(lake, topic.topic), mark.dump() + "\n"));
    fault_point("replay.complete");
  }
  return out;
}

}  // namespace pactolus
