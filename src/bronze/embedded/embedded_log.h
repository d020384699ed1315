// The embedded Bronze log: a topic on the local disk with Kafka's terms, for shops without a Kafka. Its bytes are
// described in docs/formats/bronze-log.md.
//
//   create_topic(lake / "bronze", "clicks", 3, random.uuid(), "");
//   auto writer = TRY(open_writer(lake / "bronze", "clicks", {}, clock));     one per topic, in any process
//   writer->append({.key = "user_0042", .value = json});  …  writer->flush();
//   auto reader = TRY(open_reader(lake / "bronze", "clicks"));                any number, in any process
//
// Acknowledged means: flush() has returned, the record survives a power loss. Readers see a record only then. A record
// whose flush did not return may still turn up after a crash (as with Kafka's producer); an acknowledged one always
// does.
//
// Opening puts the tail in order when no writer is alive: whole frames behind the durable mark become readable, a torn
// last group is cut off and told by repairs(). What is damaged before that is refused with `corrupt` and left alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "bronze/log.h"

namespace pactolus {

struct EmbeddedLogOptions {
  int64_t segment_bytes = 64 << 20;  // a segment is closed before it would grow beyond; the grain of retention
  int64_t group_bytes = 1 << 20;     // a frame is closed at this size; 1 byte to 8 MiB
  int64_t buffer_bytes = 16 << 20;   // per partition: append() flushes by itself before more than this waits
};

// What opening cut off: the remains of a group that was never acknowledged.
struct LogRepair {
  PartitionId partition;
  Offset first_offset;  // of the first record that was cut; the next record appended gets it again
  int64_t bytes = 0;
  std::string file = {};
};

class EmbeddedLogReader : public LogReader {
 public:
  virtual const std::vector<LogRepair>& repairs() const = 0;  // done when this reader was opened
};

// append() stamps a record without a time with the clock's. It fails with `invalid` for a record above 16 MiB, and with
// what the disk says when too much waits to be flushed; then the record was not taken.
//
// A flush() that fails keeps every record and every answered offset: nothing of the group is visible in the partition
// that failed, its file is as before, and the next flush() tries again. (Other partitions may have gone through.)
// Destruction does not flush: what was not flushed was not acknowledged.
class EmbeddedLogWriter : public LogWriter {
 public:
  virtual const std::vector<LogRepair>& repairs() const = 0;    // done when this writer was opened
  virtual Offset next_offset(PartitionId partition) const = 0;  // what append() will answer next there
};

// Makes a topic. One that is there already with the same id, partitions and dialect is no error, so that a start which
// was interrupted can be repeated; with others: conflict. `id` is a UUID. A bad name or number: invalid.
Result<TopicIdentity> create_topic(const fs::path& bronze_folder, std::string_view name, int32_t partitions,
                                   std::string_view id, std::string_view dialect = {});
// Error not_found: no such topic; unsupported: made by a later release.
Result<TopicIdentity> open_topic(const fs::path& bronze_folder, std::string_view name);
// Takes a topic and its records away. Nobody may have it open. A crash leaves it whole, or a folder that is no topic
// and that sweep_dropped takes away.
Result<> drop_topic(const fs::path& bronze_folder, std::string_view name);
Result<> sweep_dropped(const fs::path& bronze_folder);
Result<std::vector<std::string>> list_topics(const fs::path& bronze_folder);  // sorted; a missing folder has none

// Another number whenever records have become durable since: a hash of the durable marks. Costs a read of a few bytes
// per partition and keeps nothing open, so many topics can be watched. 0 without a topic.
uint64_t topic_stamp(const fs::path& bronze_folder, std::string_view name, int32_t partitions);

struct ErasedRecords {
  int64_t records = 0;   // taken out now
  int64_t segments = 0;  // written anew
};
// A topic that nobody can write, nor put in order, as long as this is there. Readers go on.
class HeldTopic {
 public:
  virtual ~HeldTopic() = default;
  virtual const TopicIdentity& topic() const = 0;
  // Takes records out of a topic for good: of one that `is_erased` names its offset and its time are left, and readers
  // pass over it as skipped. Segments that hold such records are written anew, each replaced whole: after a crash some
  // are, and the same call goes on.
  virtual Result<ErasedRecords> erase(const std::function<bool(PartitionId, const RecordView&)>& is_erased) = 0;
};
// Error busy names the process that writes it.
Result<std::unique_ptr<HeldTopic>> hold_topic(const fs::path& bronze_folder, std::string_view name);

// Error busy names the process that writes the topic now.
Result<> refuse_writer(const fs::path& bronze_folder, std::string_view name);
// The same error. The clock must outlive the writer.
Result<std::unique_ptr<EmbeddedLogWriter>> open_writer(const fs::path& bronze_folder, std::string_view name,
                                                       const EmbeddedLogOptions& options, Clock& clock);
// Every partition starts at its begin(). A process that may not write into the folder can read too: it sees what the
// durable marks say.
Result<std::unique_ptr<EmbeddedLogReader>> open_reader(const fs::path& bronze_folder, std::string_view name);

}  // namespace pactolus
