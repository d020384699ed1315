// The bytes of a state snapshot and of the runs of ids that it names; docs/formats/snapshot.md. Pure functions: bytes
// that were not written by them are an Error corrupt or unsupported, never a crash.
//
// Ids are many and only ever added, so they are not written anew with each snapshot: a snapshot names runs, each with
// the ids of some batches by bucket of event time, and adds one run of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "silver/dedupe.h"

namespace pactolus {

struct IdRun {
  std::string name;            // file beside the snapshot
  int64_t ids = 0;
  int64_t newest_bucket = 0;   // start of its newest bucket: the run is of no use once that is forgotten
};

struct StateSnapshot {
  std::string job, table_id;   // of Silver
  int64_t batch = 0, silver_version = 0;
  std::string commit_uuid;     // of that batch
  int64_t horizon_us = 0;      // of dedupe: another horizon has other buckets
  std::vector<IdRun> runs;
  std::string interest, interest_fingerprint;  // ProductInterest::save and its declaration
  std::string alerts, alerts_fingerprint;
};

std::string encode_snapshot(const StateSnapshot& snapshot);
Result<StateSnapshot> decode_snapshot(std::string_view bytes);

std::string encode_run(std::span<const DedupeIndex::Entry> ids);
// Appends the ids of buckets that start at or after `first_bucket`. `ids` is how many the run must have in all: one
// that was cut between two buckets would otherwise pass and forget ids.
Result<> decode_run(std::string_view bytes, int64_t ids, int64_t first_bucket, std::vector<DedupeIndex::Entry>& out);

}  // namespace pactolus
