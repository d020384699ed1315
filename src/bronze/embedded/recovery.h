// Putting a topic's tails in order when nobody writes it. The caller holds the writer's lock.
#pragma once

#include <optional>
#include <vector>

#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/segment_format.h"
#include "bronze/embedded/topic_folder.h"

namespace pactolus::bronze {

struct RecoveredTopic {
  std::vector<DurableMark> marks;  // per partition: where it ends, all of it fsynced
  std::vector<LogRepair> repairs;
};

// Looks at every partition from its durable mark on (from its first segment, without a valid mark), moves the mark over
// whole frames and cuts the torn remains of a group that was never acknowledged. Makes missing folders and marks.
// Error corrupt, and nothing cut, when there is reason to think that the damaged frame was acknowledged: it lies below
// the mark, or in a segment that another one follows, or a later frame says that it was durable.
Result<RecoveredTopic> recover_topic(const TopicFolder& topic);

// What is said to whoever would write a topic that has a writer.
std::unexpected<Error> busy(const TopicFolder& topic);
// The writer's lock, and the topic as recovery has left it. Error busy names the process that has it.
Result<FileLock> take_to_write(const TopicFolder& topic, RecoveredTopic& recovered);

// The mark as it is on disk; empty when it is missing, torn or foreign. A read that meets a write is repeated.
Result<std::optional<DurableMark>> read_mark(const fs::path& partition_folder, uint64_t seed);

}  // namespace pactolus::bronze
