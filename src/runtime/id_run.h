// A run of ids: a file with fingerprints by bucket of event time, in checksummed blocks; docs/formats/snapshot.md. It
// is written and read block by block, so that its size costs disk and no memory.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "silver/dedupe.h"

namespace pactolus {

// Ids of one bucket. Borrowed.
struct IdBlock {
  static constexpr size_t kIdBytes = 9;  // fingerprint and content
  static constexpr size_t kMostIds = 16'384;

  int64_t bucket_start = 0;  // event time
  std::string_view payload;  // all fingerprints, then all content bytes

  size_t size() const noexcept { return payload.size() / kIdBytes; }
  uint64_t fingerprint(size_t i) const noexcept {
    uint64_t f;
    std::memcpy(&f, payload.data() + i * sizeof f, sizeof f);
    return f;
  }
  uint8_t content(size_t i) const noexcept { return uint8_t(payload[size() * 8 + i]); }
};

class IdRunWriter {
 public:
  static Result<IdRunWriter> create(const fs::path& path);  // must not exist
  Result<> add(const DedupeIndex::Entry& id);
  Result<> add(const IdBlock& block);
  Result<> finish();  // durable, and its name too; nothing may be added afterwards

  std::string name() const { return file_.path().filename().native(); }
  int64_t ids() const noexcept { return ids_; }
  int64_t newest_bucket() const noexcept { return pending_.empty() ? INT64_MIN : pending_.rbegin()->first; }

 private:
  struct Pending {
    std::vector<uint64_t> fingerprints;
    std::vector<uint8_t> contents;
  };
  explicit IdRunWriter(File file) : file_(std::move(file)) {}
  Result<> write_pending(int64_t bucket_start, Pending& pending);
  Result<> write(const IdBlock& block);

  File file_;
  std::map<int64_t, Pending> pending_;  // every bucket that was seen, by its start
  int64_t last_bucket_ = 0;             // nearly every id lies in the bucket of the one before
  Pending* last_ = nullptr;
  int64_t ids_ = 0;
};

using VisitIds = std::function<Result<>(const IdBlock&)>;
// Gives every block to `visit`, front to back. `ids` is how many the run must have in all: one that was cut between two
// blocks would otherwise pass and forget ids. Errors: corrupt, unsupported (format), io, what `visit` says. Damage may
// be found after blocks before it have been given.
Result<> read_id_run(const fs::path& path, int64_t ids, const VisitIds& visit);
Result<> decode_id_run(std::string_view bytes, int64_t ids, const VisitIds& visit);  // the same of bytes

}  // namespace pactolus
