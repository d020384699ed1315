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

}  // namespace

Result<ReplayTopic> append_replay(const LakePaths& lake, std::string_view job, QuarantineFilter filter,
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
  ReplayTopic out;
  const int64_t selected = TRY(quarantine.count(filter));
  filter.in_flight = false;
  const int64_t waiting = TRY(quarantine.count(filter));
  out.in_flight = selected - waiting;
  if (waiting == 0) return out;

  out.topic_id = random.uuid();
  std::string digits = out.topic_id;
  std::erase(digits, '-');
  out.topic = std::string(kReplayPrefix) + digits;
  TRY(make_folders(lake.bronze()));
  TRY(create_topic(lake.bronze(), out.topic, 1, out.topic_id, "native"));
  fault_point("replay.topic_made");
  {
    auto writer = TRY(open_writer(lake.bronze(), out.topic, {}, clock));
    for (int64_t done = 0; done < waiting; done += kPage) {
      for (QuarantinedRecord& r : TRY(quarantine.records(filter, done, kPage))) {
        if (r.value) {
          bool changed = false;
          for (const FieldType& t : set_types)
            if (auto json = with_field_as(*r.value, t.field, t.type)) {
              r.value = std::move(json);
              changed = true;
            }
          out.changed += changed;
        }
        NewRecord record{.origin = r.position};
        if (r.key) record.key = *r.key;
        if (r.value) record.value = *r.value;
        TRY(writer->append(record));
        ++out.records;
      }
      TRY(writer->flush());
      fault_point("replay.flushed");
      if (stop && stop()) return fail(ErrorCode::invalid, "stopped; nothing of this replay counts");
    }
  }
  const Json mark = Json::object().set("format", 1).set("rows", out.records).set("time", clock.now_us());
  TRY(replace_file(history_mark(lake, out.topic), mark.dump() + "\n"));
  fault_point("replay.complete");
  return out;
}

}  // namespace pactolus
