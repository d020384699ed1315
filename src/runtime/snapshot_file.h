// The bytes of a state snapshot; docs/formats/snapshot.md. Pure functions: bytes that were not written by them are an
// Error corrupt or unsupported, never a crash.
//
// Ids are many and only ever added, so they are not written anew with each snapshot: a snapshot names runs (id_run.h),
// each with the ids of some batches by bucket of event time, and adds one run of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus {

struct IdRun {
  std::string name;  // file beside the snapshot
  int64_t ids = 0;
  int64_t newest_bucket = 0;  // start of its newest bucket: the run is of no use once that is forgotten
};

struct StateSnapshot {
  std::string job, table_id;  // of Silver
  int64_t batch = 0, silver_version = 0;
  std::string commit_uuid;  // of that batch
  int64_t horizon_us = 0;   // of dedupe: another horizon has other buckets
  std::vector<IdRun> runs;
  struct View {
    std::string name, state;  // GoldView::save, which says what it is of
  };
  std::vector<View> views;
  std::string evidence;  // ConversionEvidence::save
};

std::string encode_snapshot(const StateSnapshot& snapshot);
Result<StateSnapshot> decode_snapshot(std::string_view bytes);

}  // namespace pactolus
