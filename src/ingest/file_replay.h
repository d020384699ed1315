// A file's rows as live traffic: what simulate/replay.h paces and a sink sends. The mapping is the one of ingest; a row
// that cannot be mapped is sent as its exact bytes, and the live topic's decoder rejects it. Borrows the file.
#pragma once

#include "ingest/event_file.h"
#include "simulate/replay.h"

namespace pactolus {

class FileReplay final : public ReplaySource {
 public:
  explicit FileReplay(EventFile& file) : file_(file) {}
  Result<bool> next(ReplayRow& row) override {
    MappedRow mapped;
    if (!TRY(file_.next(mapped))) return false;
    row = {mapped.key, mapped.value, mapped.event_time_us};
    return true;
  }

 private:
  EventFile& file_;
};

}  // namespace pactolus
