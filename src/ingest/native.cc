// Native events. As NDJSON a line goes on byte for byte: it is not looked into but for the user, who is the record's
// key, and the time, by which a replay is paced. As a table (CSV, Parquet) its columns are the fields. An event without
// an event_id stays without one (the decoder rejects it): whoever writes native events gives the identity, and one made
// up here would hide a producer's fault.
#include "base/json.h"
#include "base/time_text.h"
#include "event/plain_json.h"
#include "ingest/table_dialect.h"

namespace pactolus {
namespace {

constexpr DialectColumn kColumns[] = {
    {"event_id", "event_id"},
    {"user_id", "user_id", ColumnKind::user_number},
    {"event_type", "event_type"},
    {"timestamp", "timestamp", ColumnKind::time_or_epoch},
    {.column = "product_id", .field = "product_id", .required = false},
    {.column = "session_id", .field = "session_id", .required = false},
    {.column = "product_category", .field = "product_category", .required = false},
    {.column = "device_type", .field = "device_type", .required = false},
    {.column = "page_url", .field = "page_url", .required = false},
    {.column = "referrer", .field = "referrer", .required = false},
    {.column = "price", .field = "price", .required = false},
    {.column = "quantity", .field = "quantity", .kind = ColumnKind::number, .required = false},
    {.column = "currency", .field = "currency", .required = false},
    {.column = "order_id", .field = "order_id", .required = false},
};
constexpr TableMapping kTable{.name = "native", .version = 1, .columns = kColumns, .own_ids = true};

constexpr QuotedName kUserId("user_id"), kTimestamp("timestamp");

int64_t time_of(const Json& timestamp) {
  if (timestamp.is_string()) return parse_iso_time(timestamp.as_string()).value_or(kNoTime);
  return timestamp.is_number() ? parse_epoch(timestamp.dump()).value_or(kNoTime) : kNoTime;
}

class Native final : public Dialect {
 public:
  std::string_view name() const override { return kTable.name; }
  int version() const override { return kTable.version; }
  bool takes(Format) const override { return true; }

  Result<> bind(const std::vector<std::string>& columns) override {
    if (columns.empty()) return {};
    table_ = make_table_dialect(kTable);
    return table_->bind(columns);
  }

  void map(const InputRow& row, MappedRow& out) override {
    if (table_) return table_->map(row, out);
    out = {{}, row.bytes, kNoTime, row.problem.empty()};
    if (read_plain(row.bytes, out)) return;
    const auto event = Json::parse(row.bytes);
    if (!event || !event->is_object()) return;
    key_ = (*event)["user_id"].as_string();
    out.key = key_;
    if (with_times_) out.event_time_us = time_of((*event)["timestamp"]);
  }

 private:
  // Nearly every line: user and time are texts without escapes. Looks no further than both; of several users the first
  // counts.
  bool read_plain(std::string_view line, MappedRow& out) const {
    PlainScanner scan(line);
    if (!scan.take('{')) return false;
    std::string_view name, token;
    bool has_user = false, has_time = !with_times_;
    do {
      if (scan.take(kUserId)) {
        if (!scan.take_text(token)) return false;
        if (!has_user) out.key = token.substr(1, token.size() - 2);
        has_user = true;
      } else if (scan.take(kTimestamp)) {
        if (!scan.take_text(token)) return false;
        out.event_time_us = parse_iso_time(token.substr(1, token.size() - 2)).value_or(kNoTime);
        has_time = true;
      } else if (!scan.take_text(name) || !scan.take(':') || !scan.take_scalar(token)) {
        return false;
      }
    } while ((!has_user || !has_time) && scan.take(','));
    return has_user && has_time;
  }

  std::unique_ptr<Dialect> table_;  // when the file has columns
  std::string key_;
};

}  // namespace

std::unique_ptr<Dialect> make_native() { return std::make_unique<Native>(); }

}  // namespace pactolus
