// Native events, a JSON object per line. A line goes on byte for byte: it is not looked into but for the user, who is
// the record's key, and the time, by which a replay is paced. A line without an event_id stays without one (the decoder
// rejects it): whoever writes native events gives the identity, and one made up here would hide a producer's fault.
#include "base/json.h"
#include "base/time_text.h"
#include "ingest/dialect.h"

namespace pactolus {
namespace {

// The contract's forms: ISO 8601 or epoch, whose unit follows from its size.
int64_t time_of(const Json& timestamp) {
  if (timestamp.is_string()) return parse_iso_time(timestamp.as_string()).value_or(kNoTime);
  if (!timestamp.is_number()) return kNoTime;
  const double t = timestamp.as_double();
  if (!(t > -1e17 && t < 1e17)) return kNoTime;
  if (t < 1e11) return int64_t(t * 1e6);
  return t < 1e14 ? int64_t(t * 1e3) : timestamp.as_int();
}

class Native final : public Dialect {
 public:
  std::string_view name() const override { return "native"; }
  int version() const override { return 1; }
  Format format() const override { return Format::ndjson; }
  Result<> bind(const std::vector<std::string>&) override { return {}; }

  void map(const InputRow& row, MappedRow& out) override {
    out = {{}, row.bytes, kNoTime, row.problem.empty()};
    const auto event = Json::parse(row.bytes);
    if (!event || !event->is_object()) return;
    key_ = (*event)["user_id"].as_string();
    out.key = key_;
    out.event_time_us = time_of((*event)["timestamp"]);
  }

 private:
  std::string key_;
};

}  // namespace

std::unique_ptr<Dialect> make_native() { return std::make_unique<Native>(); }

}  // namespace pactolus
