// Quarantined records once more: topics `_replay.<id>` of one partition, which whoever has the job reads as histories.
// A record keeps its key and its bytes and carries its position (quarantine.h) as `origin`, which is its identity
// through all replays. Records are judged one by one, so one that fails again holds back none of the others. What no
// dialect could read is in a topic of its own, of the dialect "rows": bytes that are no JSON are malformed_row there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "event/json_edit.h"
#include "ingest/quarantine.h"

namespace pactolus {

struct FieldType {
  std::string field;
  JsonType type;
};

struct ReplayTopic {
  std::string topic, topic_id;
  int64_t records = 0;
};

struct Replay {
  std::vector<ReplayTopic> topics;  // none when there was nothing to replay
  int64_t records = 0;              // appended, in all topics
  int64_t changed = 0;              // of them, those whose bytes `set_types` changed
  int64_t in_flight = 0;            // left out: another replay has appended them
};

// Appends what waits, and returns when all of it is durable. What a killed replay left half done is dropped: nobody has
// read it. Errors: busy when another replay appends; those of reading the lake and writing the log; invalid when
// `stop` said so, and then none of it counts.
Result<Replay> append_replay(const LakePaths& lake, std::string_view job, QuarantineFilter filter,
                             const std::vector<FieldType>& set_types, Clock& clock, Random& random,
                             const std::function<bool()>& stop = {});

}  // namespace pactolus
