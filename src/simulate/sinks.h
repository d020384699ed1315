// Where events go. A sink takes events in the order of the source and has delivered them when flush() has returned;
// what "delivered" means is each sink's own promise. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "bronze/log.h"
#include "simulate/event_source.h"

namespace pactolus {

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Result<> send(const GeneratedEvent& event) = 0;
  // Lets what was sent go on its way. Where that can be had without waiting it is all; else it is a flush().
  virtual Result<> push() { return flush(); }
  virtual Result<> flush() = 0;
};

// One value per line. `path` "-" is stdout; a named file is made or emptied, and is not fsynced: simulated traffic can
// be made again. Delivered: handed to the operating system. An empty value becomes an empty line. The destructor drops
// what was not flushed, so that a failure is never met where it cannot be reported.
Result<std::unique_ptr<EventSink>> open_ndjson_sink(const std::string& path);

// Into a Bronze topic, with the event's send time as the record's timestamp and a null key when there is none.
// Delivered: what the writer's flush() promises. Borrows the writer.
std::unique_ptr<EventSink> make_log_sink(LogWriter& writer);

}  // namespace pactolus
