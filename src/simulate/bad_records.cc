#include "simulate/bad_records.h"

#include "base/check.h"
#include "base/ids.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

using How = BadKind::How;

// One byte more than the contract allows, and its quotes.
constexpr std::string_view kLongId =
    "\"evt_000001"
    "0000000002"
    "0000000003"
    "0000000004"
    "0000000005"
    "0000000006"
    "0000000007"
    "0000000008"
    "0000000009"
    "0000000010"
    "0000000011"
    "0000000012"
    "000000129\"";
static_assert(kLongId.size() == 129 + 2);

constexpr BadKind kKinds[] = {
    {"empty value", "empty_value", How::whole, "", ""},
    {"cut short", "malformed_json", How::cut_short, "", ""},
    {"text behind the object", "malformed_json", How::append, "", "}"},
    {"no JSON at all", "malformed_json", How::whole, "", "GET /health HTTP/1.1"},
    {"Python's spelling", "malformed_json", How::whole, "", "{'event_id': 'evt_1', 'price': None}"},
    {"a value without quotes", "malformed_json", How::replace, "event_type", "purchase"},
    {"an array", "not_an_object", How::whole, "", "[1,2,3]"},
    {"a string", "not_an_object", How::whole, "", "\"hello\""},
    {"a number", "not_an_object", How::whole, "", "42"},
    {"null", "not_an_object", How::whole, "", "null"},
    {"Latin-1 in the page", "invalid_utf8", How::replace, "page_url", "\"/caf\xe9\""},
    {"half a character", "invalid_utf8", How::replace, "page_url", "\"/\xe2\x82\""},
    {"nested beyond reason", "too_deep", How::add_deep_field, "", ""},
    {"no event_id", "missing_event_id", How::drop, "event_id", ""},
    {"no user_id", "missing_user_id", How::drop, "user_id", ""},
    {"no product_id", "missing_product_id", How::drop, "product_id", ""},
    {"no event_type", "missing_event_type", How::drop, "event_type", ""},
    {"no timestamp", "missing_timestamp", How::drop, "timestamp", ""},
    {"no price", "missing_price", How::drop, "price", ""},
    {"unknown type", "unknown_event_type", How::replace, "event_type", "\"purchased\""},
    {"a word as time", "invalid_timestamp", How::replace, "timestamp", "\"yesterday\""},
    {"a day that is none", "invalid_timestamp", How::replace, "timestamp", "\"2025-02-30T10:00:00Z\""},
    {"an hour that is none", "invalid_timestamp", How::replace, "timestamp", "\"2025-01-01T25:00:00Z\""},
    {"a clock years ahead", "future_timestamp", How::from_the_future, "timestamp", ""},
    {"a word as price", "invalid_price", How::replace, "price", "\"free\""},
    {"a decimal comma", "invalid_price", How::replace, "price", "\"12,50\""},
    {"too many decimals", "invalid_price", How::replace, "price", "12.345678"},
    {"price zero", "non_positive_price", How::replace, "price", "0"},
    {"negative price", "non_positive_price", How::replace, "price", "-19.99"},
    {"quantity zero", "invalid_quantity", How::replace, "quantity", "0"},
    {"negative quantity", "invalid_quantity", How::replace, "quantity", "-2"},
    {"no such currency", "invalid_currency", How::replace, "currency", "\"DOLLAR\""},
    {"an object as user", "wrong_type", How::replace, "user_id", "{\"id\":7}"},
    {"a list as type", "wrong_type", How::replace, "event_type", "[\"view\"]"},
    {"an id of 129 bytes", "field_too_long", How::replace, "event_id", kLongId},
};

constexpr size_t kDeep = 2'000;  // beyond what any decoder here follows (simdjson's own default is 1,024)

struct Span {
  size_t begin, end;
};

// Where `"field":value` stands in a record. The shop writes no quote or comma inside its values.
Span field_at(const std::string& record, std::string_view field) {
  const std::string name = "\"" + std::string(field) + "\":";
  const size_t begin = record.find(name);
  PACTOLUS_CHECK(begin != std::string::npos, "there is no field to break");
  const size_t value = begin + name.size();
  const size_t end = record[value] == '"' ? record.find('"', value + 1) + 1 : record.find_first_of(",}", value);
  return {begin, end};
}

void replace_value(std::string& record, std::string_view field, std::string_view value) {
  const Span at = field_at(record, field);
  const size_t value_at = at.begin + field.size() + 3;
  record.replace(value_at, at.end - value_at, value);
}

}  // namespace

std::span<const BadKind> bad_kinds() { return kKinds; }

void break_record(const BadKind& kind, int64_t time_us, std::string& record) {
  switch (kind.how) {
    case How::whole: record = kind.text; break;
    case How::replace: replace_value(record, kind.field, kind.text); break;
    case How::drop: {
      Span at = field_at(record, kind.field);
      if (record[at.end] == ',')
        ++at.end;
      else
        --at.begin;  // the last field takes the comma before it along
      record.erase(at.begin, at.end - at.begin);
      break;
    }
    case How::cut_short: record.resize(record.size() / 2); break;
    case How::append: record += kind.text; break;
    case How::add_deep_field:
      record.back() = ',';
      record += "\"deep\":" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}";
      break;
    // Ten years: also when the file is read long after it was made, its clock is ahead.
    case How::from_the_future:
      replace_value(record, kind.field, "\"" + iso_time(time_us + 3653 * kMicrosPerDay) + "\"");
      break;
  }
}

}  // namespace pactolus
