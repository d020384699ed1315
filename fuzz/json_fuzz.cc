// The event decoder on any bytes, against everything else that knows JSON here: check_json (ours, strict) and
// Json::parse (the library's other parser).
//
//   a row      ⇒  valid UTF-8, check_json says ok, Json::parse sees an object with the same fields, the last of each
//                 name, and `extra` is exactly the object of the unknown ones
//   malformed  ⇒  check_json finds a fault too: nothing well-formed is called malformed
//                 and the same row comes out when the scanner of plain records (plain_json.h) is kept from reading it
//   always     ⇒  one row or one reject for a record, never both, and a reject keeps the exact bytes; the same record
//                 has the same fate alone and among others, whatever lies behind it in memory
//
// Numbers: Json::parse refuses what a double or 64 bits cannot hold, the decoder keeps them as text in `extra` (RFC
// 8259 knows no limits). So numbers are replaced by 0 before Json::parse is asked; whether they are numbers says
// check_json. Depth: the library counts levels of the document, the decoder those of a value; the rules below ask for
// less than both.
//
// The first byte: even, the rest are records, one a line; odd, the rest is put into an event that lacks nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "event/decoder.h"
#include "event/json_syntax.h"

namespace pactolus {
namespace {

constexpr int kDepth = 32;
constexpr size_t kMaxBytes = 1 << 16;
constexpr std::string_view kFields[] = {"event_id",   "user_id",          "product_id",  "event_type", "timestamp",
                                        "session_id", "product_category", "device_type", "page_url",   "price",
                                        "referrer",   "quantity",         "currency",    "order_id"};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Written from the standard's table, bit by bit.
bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const auto b = [&](size_t k) { return i + k < s.size() ? uint8_t(s[i + k]) : uint8_t(0); };
    const auto tail = [&](size_t k, uint8_t low = 0x80, uint8_t high = 0xBF) { return b(k) >= low && b(k) <= high; };
    const uint8_t c = b(0);
    size_t n = 0;
    if (c < 0x80)
      n = 1;
    else if (c >= 0xC2 && c <= 0xDF && tail(1))
      n = 2;
    else if (c >= 0xE0 && c <= 0xEF && tail(1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) && tail(2))
      n = 3;
    else if (c >= 0xF0 && c <= 0xF4 && tail(1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) && tail(2) && tail(3))
      n = 4;
    if (n == 0) return false;
    i += n;
  }
  return true;
}

// Only for text that check_json accepts.
std::string without_numbers(std::string_view json) {
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      out.push_back(c);
      if (c == '\\')
        out.push_back(json[++i]);
      else if (c == '"')
        in_text = false;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      while (i + 1 < json.size() && std::string_view("0123456789+-.eE").find(json[i + 1]) != std::string_view::npos)
        ++i;
      out.push_back('0');
    } else {
      in_text = c == '"';
      out.push_back(c);
    }
  }
  return out;
}

struct Decoded {
  EventBatch batch;
  std::vector<Reject> rejects;
};

class Fuzzed {
 public:
  Decoded decode(const std::vector<std::string_view>& records) {
    std::vector<RecordView> views;
    for (const std::string_view r : records)
      views.push_back({Offset(int64_t(views.size())), 1'764'411'330'000'000, std::nullopt, r, {}});
    Decoded out;
    decoder_.decode(views, 3, {1'764'411'330'000'000, kNoTime}, out.batch, out.rejects);
    PACTOLUS_CHECK_EQ(out.batch.rows() + out.rejects.size(), records.size());
    return out;
  }

 private:
  Decoder decoder_{DecodeRules{.extra_types = {{"wishlist", EventKind::view}},
                               .max_ahead_us = kMicrosPerDay,
                               .max_record_bytes = kMaxBytes,
                               .max_depth = kDepth}};
};

void check_text(const CodedRows& column, const TextDictionary& values, const Json* wanted) {
  const int32_t code = column.codes[0];
  const bool is_text = wanted && wanted->is_string() && !wanted->as_string().empty();
  PACTOLUS_CHECK_EQ(code >= 0, is_text);
  if (is_text) PACTOLUS_CHECK(values.value(code) == wanted->as_string());
}

void check_row(std::string_view json, const EventBatch& b) {
  PACTOLUS_CHECK(is_utf8(json));
  PACTOLUS_CHECK(check_json(json, kDepth + 1) == JsonSyntax::ok);
  const auto document = Json::parse(without_numbers(json));
  PACTOLUS_CHECK(document && document->is_object());
  const Json* fields[std::size(kFields)] = {};
  Json::Object unknown;
  for (const auto& [name, value] : document->as_object()) {
    size_t f = 0;
    while (f < std::size(kFields) && kFields[f] != name) ++f;
    if (f < std::size(kFields))
      fields[f] = &value;
    else
      unknown.emplace_back(name, value);
  }
  PACTOLUS_CHECK(fields[0] && b.event_id.at(0) == fields[0]->as_string());
  check_text(b.user_id, b.users, fields[1]);
  check_text(b.product_id, b.products, fields[2]);
  PACTOLUS_CHECK(fields[3] && fields[3]->is_string() && fields[4]);
  check_text(b.session_id, b.sessions, fields[5]);
  check_text(b.product_category, b.categories, fields[6]);
  check_text(b.device_type, b.devices, fields[7]);
  check_text(b.page_url, b.pages, fields[8]);
  check_text(b.referrer, b.referrers, fields[10]);
  check_text(b.currency, b.currencies, fields[12]);
  check_text(b.order_id, b.orders, fields[13]);
  PACTOLUS_CHECK_LT(0, b.quantity[0]);
  const std::string_view extra = b.extra.at(0);
  PACTOLUS_CHECK_EQ(extra.empty(), unknown.empty());
  if (extra.empty()) return;
  PACTOLUS_CHECK(check_json(extra, kDepth + 1) == JsonSyntax::ok);
  const auto kept = Json::parse(without_numbers(extra));
  PACTOLUS_CHECK(kept && kept->dump() == Json(unknown).dump());
}

bool same_fields(const EventBatch& a, size_t i, const EventBatch& b, size_t j) {
  const auto text = [&](const CodedRows EventBatch::* column, const TextDictionary EventBatch::* values) {
    const int32_t x = (a.*column).codes[i], y = (b.*column).codes[j];
    return x < 0 || y < 0 ? x == y : (a.*values).value(x) == (b.*values).value(y);
  };
  return a.event_id.at(i) == b.event_id.at(j) && a.fingerprint[i] == b.fingerprint[j] &&
         a.event_time[i] == b.event_time[j] && a.event_type[i] == b.event_type[j] && a.price[i] == b.price[j] &&
         a.quantity[i] == b.quantity[j] && text(&EventBatch::user_id, &EventBatch::users) &&
         text(&EventBatch::product_id, &EventBatch::products) && text(&EventBatch::page_url, &EventBatch::pages) &&
         text(&EventBatch::currency, &EventBatch::currencies);
}

bool same(const EventBatch& a, size_t i, const EventBatch& b, size_t j) {
  return same_fields(a, i, b, j) && a.extra.at(i) == b.extra.at(j);
}

// A name with an escape in front: the record is not plain any more, and the general parser reads all of it.
void check_general(Fuzzed& fuzzed, std::string_view json, const EventBatch& plain) {
  constexpr std::string_view kEscaped = "\"\\u0078\":0";
  std::string bytes(json);
  bytes.insert(bytes.find('{') + 1, std::string(kEscaped) + ",");
  const size_t size = bytes.size();
  if (size > kMaxBytes) return;
  bytes.append(kRecordPadding, '\0');
  const Decoded general = fuzzed.decode({std::string_view(bytes).substr(0, size)});
  PACTOLUS_CHECK(general.rejects.empty());
  PACTOLUS_CHECK(same_fields(general.batch, 0, plain, 0));
  const std::string_view extra = plain.extra.at(0);
  const std::string rest = extra.empty() ? "}" : "," + std::string(extra.substr(1));
  PACTOLUS_CHECK(general.batch.extra.at(0) == "{" + std::string(kEscaped) + rest);
}

void check(Fuzzed& fuzzed, const std::vector<std::string_view>& records) {
  const Decoded together = fuzzed.decode(records);
  size_t row = 0, reject = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string own = std::string(records[i]) + std::string(kRecordPadding, '\0');
    std::string_view json = std::string_view(own).substr(0, records[i].size());
    const Decoded alone = fuzzed.decode({json});
    if (alone.rejects.empty()) {
      PACTOLUS_CHECK_LT(row, together.batch.rows());
      PACTOLUS_CHECK_EQ(together.batch.offset[row], int64_t(i));
      PACTOLUS_CHECK(same(together.batch, row++, alone.batch, 0));
      if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);
      check_row(json, alone.batch);
      check_general(fuzzed, json, alone.batch);
      continue;
    }
    const Reject& r = alone.rejects[0];
    PACTOLUS_CHECK_LT(reject, together.rejects.size());
    const Reject& other = together.rejects[reject++];
    PACTOLUS_CHECK(r.reason == other.reason && r.field == other.field && r.detail == other.detail &&
                   other.offset == int64_t(i));
    PACTOLUS_CHECK(r.has_value && r.value == records[i]);
    PACTOLUS_CHECK(int(r.reason) < kRejectReasons && is_utf8(r.detail) && is_utf8(r.field));
    if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);
    if (r.reason == RejectReason::malformed_json) PACTOLUS_CHECK(check_json(json, 20'000) != JsonSyntax::ok);
    if (r.reason == RejectReason::invalid_utf8)
      PACTOLUS_CHECK(!is_utf8(json) || json.find("\\u") != json.npos || json.find("\\U") != json.npos);
  }
}

}  // namespace
}  // namespace pactolus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pactolus;
  static Fuzzed fuzzed;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string bytes;
  std::vector<std::string_view> records;
  if (data[0] % 2 == 1) {
    bytes = "{\"event_id\":\"e\",\"user_id\":\"u\",\"event_type\":\"search\",\"timestamp\":\"2025-11-29T10:15:30Z\"," +
            std::string(input) + "}";
    const size_t end = bytes.size();
    bytes.append(kRecordPadding, 'x');
    records.push_back(std::string_view(bytes).substr(0, end));
  } else {
    bytes = std::string(input) + std::string(kRecordPadding, '"');
    std::string_view rest = std::string_view(bytes).substr(0, input.size());
    for (size_t line = rest.find('\n'); line != rest.npos; line = rest.find('\n')) {
      records.push_back(rest.substr(0, line));
      rest.remove_prefix(line + 1);
    }
    records.push_back(rest);
    if (records.size() > 1) check(fuzzed, {std::string_view(bytes).substr(0, input.size())});  // and as one record
  }
  check(fuzzed, records);
  return 0;
}
