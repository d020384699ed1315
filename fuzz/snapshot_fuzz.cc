// State snapshots and runs of ids: any bytes either are refused or mean the same when they are written again.
//
// Checksums stop nearly every input at the first block. So the input is also read as the contents of blocks whose
// checksums are made right; then the decoding behind them is what stands.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "runtime/snapshot_file.h"

namespace pactolus {
namespace {

void read_snapshot(std::string_view bytes) {
  const auto s = decode_snapshot(bytes);
  if (!s) return;
  for (const IdRun& run : s->runs) PACTOLUS_CHECK(!run.name.empty() && run.name.find('/') == run.name.npos);
  const std::string written = encode_snapshot(*s);
  const auto again = decode_snapshot(written);
  PACTOLUS_CHECK(again.has_value(), "what was written cannot be read");
  PACTOLUS_CHECK(again->batch == s->batch && again->commit_uuid == s->commit_uuid && again->interest == s->interest);
  PACTOLUS_CHECK(again->alerts == s->alerts && again->runs.size() == s->runs.size());
  PACTOLUS_CHECK(encode_snapshot(*again) == written);
}

void read_run(std::string_view bytes, int64_t claimed, int64_t first_bucket) {
  using Entry = DedupeIndex::Entry;
  std::vector<Entry> ids;
  if (!decode_run(bytes, claimed, INT64_MIN, ids)) return;
  PACTOLUS_CHECK_EQ(int64_t(ids.size()), claimed);
  std::vector<Entry> some;
  PACTOLUS_CHECK(decode_run(bytes, claimed, first_bucket, some).has_value());
  size_t kept = 0;
  for (const Entry& e : ids) kept += e.bucket_start >= first_bucket;
  PACTOLUS_CHECK_EQ(some.size(), kept);
  std::stable_sort(ids.begin(), ids.end(),
                   [](const Entry& a, const Entry& b) { return a.bucket_start < b.bucket_start; });
  const std::string written = encode_run(ids);
  std::vector<Entry> again;
  PACTOLUS_CHECK(decode_run(written, claimed, INT64_MIN, again).has_value());
  PACTOLUS_CHECK_EQ(again.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    PACTOLUS_CHECK(again[i].fingerprint == ids[i].fingerprint && again[i].bucket_start == ids[i].bucket_start &&
                   again[i].content == ids[i].content);
}

// Takes numbers and bytes from the input; zeros and nothing at its end.
struct Input {
  std::string_view rest;
  template <class T>
  T number() {
    T v{};
    std::memcpy(&v, rest.data(), std::min(sizeof v, rest.size()));
    rest.remove_prefix(std::min(sizeof v, rest.size()));
    return v;
  }
  std::string_view bytes(size_t n) {
    const std::string_view out = rest.substr(0, n);
    rest.remove_prefix(out.size());
    return out;
  }
};

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A snapshot as encode_snapshot lays it out, blocks and kinds from the input.
std::string made_snapshot(Input in) {
  std::string out("PCTSTATE");
  put(out, uint32_t(1));
  const auto blocks = in.number<uint8_t>() % 5;
  for (uint32_t i = 0; i < blocks; ++i) {
    const auto how = in.number<uint8_t>();
    const uint32_t kind = how < 240 ? i + 1 : how % 5u;
    const std::string_view payload = in.bytes(in.number<uint16_t>() % 600);
    put(out, kind);
    put(out, uint64_t(payload.size()));
    put(out, hash64(payload, kind));
    out.append(payload);
  }
  return out.append(in.bytes(in.number<uint8_t>() % 3));
}

// A run; `ids` is how many it has.
std::string made_run(Input in, int64_t& ids) {
  std::string out("PCTIDRUN");
  put(out, uint32_t(1));
  ids = 0;
  while (!in.rest.empty()) {
    const auto bucket = in.number<int64_t>();
    const std::string_view payload = in.bytes(size_t(in.number<uint8_t>() % 20) * 9);
    const uint64_t count = payload.size() / 9;
    put(out, bucket);
    put(out, count);
    put(out, hash64(payload.substr(0, count * 9), uint64_t(bucket)));
    out.append(payload.substr(0, count * 9));
    ids += int64_t(count);
  }
  return out;
}

}  // namespace
}  // namespace pactolus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 4) {
    case 0: read_snapshot(bytes); break;
    case 1: read_snapshot(made_snapshot({bytes})); break;
    case 2: read_run(bytes, data[1], int64_t(data[1]) << 32); break;
    default: {
      int64_t ids = 0;
      const std::string run = made_run({bytes}, ids);
      read_run(run, ids, int64_t(data[1]) << 32);
      std::vector<DedupeIndex::Entry> out;
      PACTOLUS_CHECK(!decode_run(run, ids + 1, INT64_MIN, out), "a run with an id too few was taken");
    }
  }
  return 0;
}
