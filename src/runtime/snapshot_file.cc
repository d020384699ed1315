#include "runtime/snapshot_file.h"

#include <fmt/core.h>

#include <cstring>

#include "base/hash.h"
#include "base/json.h"

namespace pactolus {
namespace {

constexpr std::string_view kMagic = "PCTSTATE";
// Format 1, of release 0.1: one view in another form, then alerts. Format 2: alerts before the views.
constexpr uint32_t kFormat = 3, kAlertsFirst = 2, kOneView = 1;
enum Block : uint32_t { kHead = 1, kView = 2, kAlerts = 3, kEvidence = 4 };

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);  // little-endian, as every machine that this runs on
  out.append(bytes, sizeof value);
}

// Takes numbers and bytes from the front; `ok` turns false at the first that is not there.
struct Reader {
  std::string_view rest;
  bool ok = true;
  template <class T>
  T number() {
    T value{};
    if (rest.size() < sizeof value) return ok = false, value;
    std::memcpy(&value, rest.data(), sizeof value);
    rest.remove_prefix(sizeof value);
    return value;
  }
  std::string_view bytes(uint64_t n) {
    if (rest.size() < n) return ok = false, std::string_view();
    const std::string_view out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
};

std::unexpected<Error> corrupt(const char* what) {
  return fail(ErrorCode::corrupt, fmt::format("a state snapshot is damaged: {}", what));
}

Result<Reader> opened(std::string_view bytes, uint32_t& format) {
  Reader in{bytes};
  if (in.bytes(kMagic.size()) != kMagic) return corrupt("it does not begin as one");
  format = in.number<uint32_t>();
  if (!in.ok) return corrupt("it is cut short");
  if (format < kOneView || format > kFormat)
    return fail(ErrorCode::unsupported,
                fmt::format("a state snapshot has format {}, this release knows {}", format, kFormat));
  return in;
}

void put_block(std::string& out, Block kind, std::string_view payload) {
  put(out, uint32_t(kind));
  put(out, uint64_t(payload.size()));
  put(out, hash64(payload, kind));
  out.append(payload);
}

}  // namespace

std::string encode_snapshot(const StateSnapshot& s) {
  Json runs = Json::array();
  for (const IdRun& r : s.runs)
    runs.push(Json::object().set("name", r.name).set("ids", r.ids).set("newest_bucket", r.newest_bucket));
  Json views = Json::array();
  for (const StateSnapshot::View& v : s.views) views.push(v.name);
  const Json head = Json::object()
                        .set("job", s.job)
                        .set("table_id", s.table_id)
                        .set("batch", s.batch)
                        .set("silver_version", s.silver_version)
                        .set("commit_uuid", s.commit_uuid)
                        .set("horizon_us", s.horizon_us)
                        .set("views", std::move(views))
                        .set("runs", std::move(runs));
  std::string out(kMagic);
  put(out, kFormat);
  put_block(out, kHead, head.dump());
  put_block(out, kEvidence, s.evidence);
  for (const StateSnapshot::View& v : s.views) put_block(out, kView, v.state);
  return out;
}

Result<StateSnapshot> decode_snapshot(std::string_view bytes) {
  uint32_t format = 0;
  Reader in = TRY(opened(bytes, format));
  const auto block = [&](Block expected) -> Result<std::string_view> {
    const auto kind = in.number<uint32_t>();
    const auto size = in.number<uint64_t>();
    const auto sum = in.number<uint64_t>();
    const std::string_view payload = in.bytes(size);
    if (!in.ok) return corrupt("it is cut short");
    if (kind != expected || hash64(payload, kind) != sum) return corrupt("a block does not match its checksum");
    return payload;
  };
  StateSnapshot s;
  const auto head = Json::parse(TRY(block(kHead)));
  if (!head) return corrupt("its head is no JSON");
  s.job = (*head)["job"].as_string();
  s.table_id = (*head)["table_id"].as_string();
  s.batch = (*head)["batch"].as_int();
  s.silver_version = (*head)["silver_version"].as_int();
  s.commit_uuid = (*head)["commit_uuid"].as_string();
  s.horizon_us = (*head)["horizon_us"].as_int();
  for (const Json& r : (*head)["runs"].as_array()) {
    IdRun run{std::string(r["name"].as_string()), r["ids"].as_int(), r["newest_bucket"].as_int()};
    if (run.name.empty() || run.name.find('/') != run.name.npos) return corrupt("a run has no proper name");
    s.runs.push_back(std::move(run));
  }
  if (format == kOneView) TRY(block(kView));  // its state is of another form: the view comes from Silver
  if (format <= kAlertsFirst)
    TRY(block(kAlerts));  // the table of alerts tells of them now
  else
    s.evidence = TRY(block(kEvidence));
  for (const Json& name : (*head)["views"].as_array())
    s.views.push_back({std::string(name.as_string()), std::string(TRY(block(kView)))});
  if (!in.rest.empty()) return corrupt("something follows its end");
  return s;
}

}  // namespace pactolus
