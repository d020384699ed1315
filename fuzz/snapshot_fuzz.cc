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
#include "runtime/id_run.h"
#include "runtime/snapshot_file.h"

namespace pactolus {
namespace {

volatile uint64_t touched = 0;  // reads every byte

void read_snapshot(std::string_view bytes) {
  const auto s = decode_snapshot(bytes);
  if (!s) return;
  for (const IdRun& run : s->runs) PACTOLUS_CHECK(!run.name.empty() && run.name.find('/') == run.name.npos);
  const std::string written = encode_snapshot(*s);
  const auto again = decode_snapshot(written);
  PACTOLUS_CHECK(again.has_value(), "what was written cannot be read");
  PACTOLUS_CHECK(again->batch == s->batch && again->commit_uuid == s->commit_uuid);
  PACTOLUS_CHECK_EQ(again->views.size(), s->views.size());
  PACTOLUS_CHECK_EQ(again->runs.size(), s->runs.size());
  PACTOLUS_CHECK(encode_snapshot(*again) == written);
}

// Every block of a run that is taken is of the size that was allowed, and they are as many as was claimed.
void read_run(std::string_view bytes, int64_t claimed) {
  int64_t ids = 0;
  const auto count = [&](const IdBlock& block) -> Result<> {
    PACTOLUS_CHECK(block.size() <= IdBlock::kMostIds);
    PACTOLUS_CHECK_EQ(block.payload.size(), block.size() * IdBlock::kIdBytes);
    for (size_t i = 0; i < block.size(); ++i) touched += block.fingerprint(i) + block.content(i);
    ids += int64_t(block.size());
    return {};
  };
  const bool taken = decode_id_run(bytes, claimed, count).has_value();
  PACTOLUS_CHECK(!taken || ids == claimed);
  if (!taken) return;
  PACTOLUS_CHECK(!decode_id_run(bytes, claimed + 1, count), "a run with an id too few was taken");
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
    case 2: read_run(bytes, data[1]); break;
    default: {
      int64_t ids = 0;
      const std::string run = made_run({bytes}, ids);
      bool all = decode_id_run(run, ids, [](const IdBlock&) -> Result<> { return {}; }).has_value();
      PACTOLUS_CHECK(all, "a run that is right was refused");
      read_run(run, ids);
    }
  }
  return 0;
}
