#include "event/decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "base/time_text.h"
#include "event/json_syntax.h"
#include "event/plain_json.h"

namespace pactolus {
namespace {

using simdjson::error_code;
using simdjson::ondemand::json_type;
using simdjson::ondemand::value;

// The known fields, and what has been found of each in the record at hand.
enum Field : int {
  kEventId,
  kUserId,
  kProductId,
  kEventType,
  kTimestamp,
  kSessionId,
  kCategory,
  kDevice,
  kPageUrl,
  kPrice,
  kReferrer,
  kQuantity,
  kCurrency,
  kOrderId,
  kFieldCount,
  kUnknown = -1,
};
constexpr std::string_view kFieldNames[kFieldCount] = {
    "event_id",    "user_id",  "product_id", "event_type", "timestamp", "session_id", "product_category",
    "device_type", "page_url", "price",      "referrer",   "quantity",  "currency",   "order_id"};
// Bytes that a text field may have. Ids are keys in other systems, addresses are what browsers allow.
constexpr size_t kMaxText[kFieldCount] = {128, 256, 256, 64, 64, 256, 256, 64, 8192, 64, 8192, 64, 64, 256};

constexpr auto kQuotedNames = [] {
  std::array<QuotedName, kFieldCount> names;
  for (int f = 0; f < kFieldCount; ++f) names[size_t(f)] = QuotedName(kFieldNames[f]);
  return names;
}();

Field field_of(std::string_view key) noexcept {
  const auto is = [key](Field f) { return key == kFieldNames[f] ? f : kUnknown; };
  switch (key.size()) {
    case 5: return is(kPrice);
    case 7: return is(kUserId);
    case 8:
      return key[0] == 'e'   ? is(kEventId)
             : key[0] == 'p' ? is(kPageUrl)
             : key[0] == 'q' ? is(kQuantity)
             : key[0] == 'c' ? is(kCurrency)
             : key[0] == 'r' ? is(kReferrer)
                             : is(kOrderId);
    case 9: return is(kTimestamp);
    case 10: return key[0] == 'p' ? is(kProductId) : key[0] == 'e' ? is(kEventType) : is(kSessionId);
    case 11: return is(kDevice);
    case 16: return is(kCategory);
    default: return kUnknown;
  }
}

enum class Found : uint8_t { absent, text, number, wrong };

// A scalar that is only looked at is not consumed, and simdjson skips an unread text as if it were a key: {"a":"b":[1]}
// would pass. The character at which the next token begins, right behind this one, tells.
bool ends_field(std::string_view token) noexcept {
  const char next = token.data()[token.size()];  // within the record or its padding
  return next == ',' || next == '}';
}

std::string_view trimmed(std::string_view token) noexcept {
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

// At most 80 bytes, cut between characters, for a message.
std::string_view excerpt(std::string_view text) noexcept {
  size_t n = std::min<size_t>(text.size(), 80);
  while (n > 0 && n < text.size() && (text[n] & 0xC0) == 0x80) --n;
  return text.substr(0, n);
}

// What one record says. Texts are views into it.
struct Row {
  const RecordView* record;
  Found found[kFieldCount];
  std::string_view text[kFieldCount];
  bool unescaped;  // some text is not in the record, but in the parser's buffer until it reads another record
  uint8_t type;
  Money price;
  int32_t quantity;
  int64_t time;

  // A text without escapes, a number, true, false or null.
  void set(Field f, std::string_view token) {
    text[f] = token;
    switch (token[0]) {
      case '"':
        text[f] = token.substr(1, token.size() - 2);
        found[f] = text[f].empty() ? Found::absent : Found::text;
        break;
      case 'n': found[f] = Found::absent; break;
      case 't':
      case 'f': found[f] = Found::wrong; break;
      default: found[f] = f == kPrice || f == kQuantity || f == kTimestamp ? Found::number : Found::wrong;
    }
  }
  void reset() {
    std::fill(std::begin(found), std::end(found), Found::absent);
    unescaped = false;
  }
};

// Rows are appended to their columns this many at a time: few enough for the fastest cache.
constexpr size_t kGroup = 32;

struct Verdict {
  RejectReason reason;
  int field = kUnknown;
  std::string detail;
};

bool parse_epoch_into(std::string_view token, int64_t& out) noexcept {
  const auto time = parse_epoch(token);
  if (time) out = *time;
  return time.has_value();
}

// 0001-01-01 to 9999-12-31: what ISO text, Parquet readers and calendars agree on.
constexpr int64_t kFirstTime = -62'135'596'800'000'000, kLastTime = 253'402'300'799'999'999;

}  // namespace

std::string key_text(std::string_view key) {
  if (simdjson::validate_utf8(key.data(), key.size())) return std::string(key);
  std::string hex = "0x";
  for (const unsigned char c : key) fmt::format_to(std::back_inserter(hex), "{:02x}", c);
  return hex;
}

struct Decoder::Impl {
  explicit Impl(DecodeRules r) : rules(std::move(r)) {
    for (int k = 0; k < kBuiltInKinds; ++k) types.code(name_of(EventKind(k)));
    for (const auto& t : rules.extra_types) PACTOLUS_CHECK_EQ(types.code(t.name), types.size() - 1);
    PACTOLUS_CHECK_LE(types.size(), 255);
  }

  DecodeRules rules;
  TextDictionary types;
  simdjson::ondemand::parser parser;
  Row rows[kGroup];
  size_t waiting = 0;  // rows that have been judged; the next one is the record at hand
  std::string extra;   // of the record at hand
  // A producer writes its fields in one order: the field that came first, and after each, in the record before.
  Field leader = kEventId, follower[kFieldCount] = {};
  // Days of the last date seen: nearly every event has the date of the one before.
  char last_date[10] = {};
  int64_t last_day_us = 0;

  bool needs_product(uint8_t type) const {
    return pactolus::needs_product(type < kBuiltInKinds ? EventKind(type)
                                                        : rules.extra_types[size_t(type - kBuiltInKinds)].like);
  }

  bool read_plain(std::string_view json, Row& row);
  std::optional<Verdict> read(std::string_view json, RejectReason malformed, Row& row);
  std::optional<Verdict> read_field(value v, Field f, RejectReason malformed, Row& row);
  std::optional<Verdict> keep_extra(std::string_view key, value v, RejectReason malformed);
  void add_extra(std::string_view key, std::string_view token);
  std::optional<Verdict> check(std::string_view json, RejectReason malformed) const;
  Verdict syntax(error_code e, RejectReason malformed) const;
  bool parse_time(std::string_view iso, int64_t& out) noexcept;
  std::optional<Verdict> judge(const BatchTimes& times, Row& row);
  void append_rows(uint16_t source, EventBatch& out);
};

Verdict Decoder::Impl::syntax(error_code e, RejectReason malformed) const {
  if (e == simdjson::UTF8_ERROR) return {RejectReason::invalid_utf8, kUnknown, "the bytes are not UTF-8"};
  return {malformed, kUnknown, simdjson::error_message(e)};
}

std::optional<Verdict> Decoder::Impl::check(std::string_view json, RejectReason malformed) const {
  switch (check_json(json, rules.max_depth)) {
    case JsonSyntax::ok: return std::nullopt;
    case JsonSyntax::malformed:
      return Verdict{malformed, kUnknown,
                     malformed == RejectReason::malformed_row ? "no row of the file's columns: their number, or a quote"
                                                              : "a value is no JSON"};
    case JsonSyntax::too_deep:
      return Verdict{RejectReason::too_deep, kUnknown, fmt::format("more than {} levels", rules.max_depth)};
    case JsonSyntax::lone_surrogate: return Verdict{RejectReason::invalid_utf8, kUnknown, "half of a surrogate pair"};
  }
  return std::nullopt;
}

std::optional<Verdict> Decoder::Impl::keep_extra(std::string_view key, value v, RejectReason malformed) {
  json_type type;
  if (auto e = v.type().get(type)) return syntax(e, malformed);
  std::string_view raw;
  if (type == json_type::object || type == json_type::array) {
    if (auto e = v.raw_json().get(raw)) return syntax(e, malformed);
  } else {
    raw = v.raw_json_token();
    if (!ends_field(raw)) return syntax(simdjson::TAPE_ERROR, malformed);
  }
  raw = trimmed(raw);
  if (auto bad = check(raw, malformed)) return bad;
  add_extra(key, raw);
  return std::nullopt;
}

void Decoder::Impl::add_extra(std::string_view key, std::string_view token) {
  extra.push_back(extra.empty() ? '{' : ',');
  extra.push_back('"');
  extra.append(key);
  extra.append("\":");
  extra.append(token);
}

std::optional<Verdict> Decoder::Impl::read_field(value v, Field f, RejectReason malformed, Row& row) {
  Found& found = row.found[f];
  std::string_view& text = row.text[f];
  const std::string_view raw_token = v.raw_json_token();
  const std::string_view token = trimmed(raw_token);
  const char first = token.empty() ? '\0' : token[0];
  if (first != '{' && first != '[' && !ends_field(raw_token)) return syntax(simdjson::TAPE_ERROR, malformed);
  switch (first) {
    case '"':
      // Unescaped control characters and the closing quote were checked by the first stage of the parser.
      if (std::memchr(token.data(), '\\', token.size())) {
        if (auto bad = check(token, malformed)) return bad;
        if (auto e = v.get_string().get(text)) return syntax(e, malformed);
        row.unescaped = true;
        found = text.empty() ? Found::absent : Found::text;
      } else {
        row.set(f, token);
      }
      return std::nullopt;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      if (!is_json_number(token)) return syntax(simdjson::NUMBER_ERROR, malformed);
      row.set(f, token);
      return std::nullopt;
    case 'n':
      if (token != "null") return syntax(simdjson::N_ATOM_ERROR, malformed);
      row.set(f, token);
      return std::nullopt;
    default: {
      std::string_view raw = token;
      if (first == '{' || first == '[')
        if (auto e = v.raw_json().get(raw)) return syntax(e, malformed);
      if (auto bad = check(raw, malformed)) return bad;
    }
  }
  found = Found::wrong;
  text = token;
  return std::nullopt;
}

// Reads what nearly every record is. False: the record is something else, and what has been read means nothing.
bool Decoder::Impl::read_plain(std::string_view json, Row& row) {
  row.reset();
  extra.clear();
  PlainScanner scan(json);
  if (!scan.take('{')) return false;
  if (scan.take('}')) return scan.at_end();
  Field* next = &leader;
  do {
    Field f = *next;
    std::string_view name, token;
    if (!scan.take(kQuotedNames[size_t(f)])) {
      if (!scan.take_text(name) || !scan.take(':')) return false;
      name = name.substr(1, name.size() - 2);
      f = field_of(name);
    }
    if (!scan.take_scalar(token)) return false;
    if (f == kUnknown) {
      add_extra(name, token);
      continue;
    }
    row.set(f, token);
    *next = f;
    next = &follower[f];
  } while (scan.take(','));
  if (!extra.empty()) extra.push_back('}');
  return scan.take('}') && scan.at_end() && (scan.ascii() || simdjson::validate_utf8(json.data(), json.size()));
}

// Reads any record, and says what is wrong with one that is no JSON object.
std::optional<Verdict> Decoder::Impl::read(std::string_view json, RejectReason malformed, Row& row) {
  row.reset();
  extra.clear();
  simdjson::ondemand::document doc;
  if (auto e = parser.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING).get(doc))
    return syntax(e, malformed);
  simdjson::ondemand::object object;
  if (doc.get_object().get(object)) {
    if (auto bad = check(json, malformed)) return bad;
    return Verdict{RejectReason::not_an_object, kUnknown, "the record is JSON, but not an object"};
  }
  for (auto item : object) {
    simdjson::ondemand::field field;
    if (auto e = std::move(item).get(field)) return syntax(e, malformed);
    std::string_view key = field.escaped_key();
    Field f = field_of(key);
    if (f == kUnknown && std::memchr(key.data(), '\\', key.size())) {
      if (auto bad = check(std::string_view(key.data() - 1, key.size() + 2), malformed)) return bad;
      std::string_view plain;
      if (auto e = field.unescaped_key(true).get(plain)) return syntax(e, malformed);
      f = field_of(plain);
    }
    auto bad = f == kUnknown ? keep_extra(key, field.value(), malformed) : read_field(field.value(), f, malformed, row);
    if (bad) return bad;
  }
  if (!doc.at_end()) return Verdict{malformed, kUnknown, "something follows the object"};
  if (!extra.empty()) extra.push_back('}');
  return std::nullopt;
}

bool Decoder::Impl::parse_time(std::string_view iso, int64_t& out) noexcept {
  // The usual form, 2025-11-29T10:15:30.123456Z, on the date of the event before.
  if (iso.size() == 27 && iso[26] == 'Z' && std::memcmp(iso.data(), last_date, 10) == 0) {
    const auto digit = [&](int i) { return unsigned(iso[size_t(i)]) - '0'; };
    const auto two = [&](int i) { return digit(i) * 10 + digit(i + 1); };
    unsigned bad = 0;
    for (const int i : {11, 12, 14, 15, 17, 18, 20, 21, 22, 23, 24, 25}) bad |= unsigned(digit(i) > 9);
    const unsigned h = two(11), m = two(14), s = two(17);
    if (!bad && iso[10] == 'T' && iso[13] == ':' && iso[16] == ':' && iso[19] == '.' && h < 24 && m < 60 && s < 60) {
      out = last_day_us + ((h * 60 + m) * 60 + s) * kMicrosPerSecond + two(20) * 10000 + two(22) * 100 + two(24);
      return true;
    }
  }
  const auto t = parse_iso_time(iso);
  if (!t) return false;
  out = *t;
  if (const auto day = parse_date(iso.substr(0, 10))) {
    std::memcpy(last_date, iso.data(), 10);
    last_day_us = int64_t(*day) * kMicrosPerDay;
  }
  return true;
}

std::optional<Verdict> Decoder::Impl::judge(const BatchTimes& times, Row& row) {
  using R = RejectReason;
  const auto& found = row.found;
  const auto& text = row.text;
  const auto bad = [](R reason, int field, std::string detail) { return Verdict{reason, field, std::move(detail)}; };
  const auto quoted = [&row](Field f) { return fmt::format("\"{}\"", excerpt(row.text[f])); };

  // In the order of the contract's list, so that a record with two faults always gets the same reason. A wrong type
  // and a text that is too long come last there, but hide the field, so they stand for its absence.
  for (const auto& [f, missing] : {std::pair{kEventId, R::missing_event_id}, {kUserId, R::missing_user_id}})
    if (found[f] == Found::absent) return bad(missing, f, "not there, null or empty");
  uint8_t type = 0;
  bool product_event = false;
  if (found[kEventType] == Found::text) {
    const int32_t code = types.find(text[kEventType]);
    if (code >= 0) {
      type = uint8_t(code);
      product_event = needs_product(type);
      if (product_event && found[kProductId] == Found::absent)
        return bad(R::missing_product_id, kProductId, "not there, null or empty");
    } else {
      return bad(R::unknown_event_type, kEventType, quoted(kEventType));
    }
  } else if (found[kEventType] == Found::absent) {
    return bad(R::missing_event_type, kEventType, "not there, null or empty");
  }
  int64_t time = kNoTime;
  if (found[kTimestamp] == Found::absent) return bad(R::missing_timestamp, kTimestamp, "not there, null or empty");
  if (found[kTimestamp] != Found::wrong) {
    const bool read = found[kTimestamp] == Found::number ? parse_epoch_into(text[kTimestamp], time)
                                                         : parse_time(text[kTimestamp], time);
    if (!read) return bad(R::invalid_timestamp, kTimestamp, quoted(kTimestamp));
    if (time < kFirstTime || time > kLastTime)
      return bad(R::invalid_timestamp, kTimestamp, quoted(kTimestamp) + " is outside the years 1 to 9999");
    const int64_t sent = row.record->timestamp_us;
    const int64_t now = sent == kNoTime ? times.batch_time : std::min(sent, times.batch_time);
    if (time > now + rules.max_ahead_us)
      return bad(R::future_timestamp, kTimestamp,
                 fmt::format("{} is {} ahead of {}", iso_time(time), duration_text(time - now), iso_time(now)));
    if (times.too_late_before != kNoTime && time < times.too_late_before)
      return bad(R::too_late, kTimestamp,
                 fmt::format("{} is before {}", iso_time(time), iso_time(times.too_late_before)));
  }
  Money price = kNoMoney;
  if (found[kPrice] == Found::absent) {
    if (product_event) return bad(R::missing_price, kPrice, "not there, null or empty");
  } else if (found[kPrice] != Found::wrong) {
    switch (parse_money(text[kPrice], price)) {
      case DecimalError::none: break;
      case DecimalError::not_a_number: return bad(R::invalid_price, kPrice, quoted(kPrice) + " is no decimal number");
      case DecimalError::too_many_decimals:
        return bad(R::invalid_price, kPrice, quoted(kPrice) + " has more than 4 decimals");
      case DecimalError::too_large:
        return bad(R::invalid_price, kPrice, quoted(kPrice) + " has more than 14 integer digits");
    }
    if (product_event && price <= 0) return bad(R::non_positive_price, kPrice, quoted(kPrice));
  }
  Money quantity = kMoneyOne;
  if (found[kQuantity] == Found::number) {
    if (parse_money(text[kQuantity], quantity) != DecimalError::none || quantity <= 0 || quantity % kMoneyOne != 0 ||
        quantity / kMoneyOne > INT32_MAX)
      return bad(R::invalid_quantity, kQuantity, quoted(kQuantity) + " is no whole number from 1 to 2147483647");
  } else if (found[kQuantity] != Found::absent) {
    return bad(R::wrong_type, kQuantity, "expected an integer");
  }
  if (found[kCurrency] == Found::text) {
    const std::string_view c = text[kCurrency];
    bool letters = c.size() == 3;
    for (const char x : c) letters &= x >= 'A' && x <= 'Z';
    if (!letters) return bad(R::invalid_currency, kCurrency, quoted(kCurrency) + " is no ISO 4217 code");
  }
  for (int f = 0; f < kFieldCount; ++f) {
    if (found[f] == Found::wrong)
      return bad(R::wrong_type, f, f == kPrice || f == kTimestamp ? "expected text or a number" : "expected text");
    if (found[f] == Found::text && text[f].size() > kMaxText[f])
      return bad(R::field_too_long, f, fmt::format("{} bytes, at most {}", text[f].size(), kMaxText[f]));
  }

  row.type = type;
  row.time = time;
  row.price = price;
  row.quantity = int32_t(quantity / kMoneyOne);
  return std::nullopt;
}

// Column by column, so that look-ups in one dictionary follow each other and overlap.
void Decoder::Impl::append_rows(uint16_t source, EventBatch& out) {
  const std::span<const Row> group(rows, waiting);
  const auto append_codes = [group](Field f, TextDictionary& values, CodedRows& column) {
    std::string_view texts[kGroup];
    for (size_t i = 0; i < group.size(); ++i)
      if (group[i].found[f] == Found::text) texts[i] = group[i].text[f];
    values.append_codes({texts, group.size()}, column.codes);
  };
  const auto append = [group](auto& column, auto of) {
    const size_t at = column.size();
    column.resize(at + group.size());
    for (size_t i = 0; i < group.size(); ++i) column[at + i] = of(group[i]);
  };
  append_codes(kUserId, out.users, out.user_id);
  append_codes(kProductId, out.products, out.product_id);
  append_codes(kSessionId, out.sessions, out.session_id);
  append_codes(kCategory, out.categories, out.product_category);
  append_codes(kDevice, out.devices, out.device_type);
  append_codes(kPageUrl, out.pages, out.page_url);
  append_codes(kReferrer, out.referrers, out.referrer);
  append_codes(kCurrency, out.currencies, out.currency);
  append_codes(kOrderId, out.orders, out.order_id);
  const int32_t* user = out.user_id.codes.data() + out.kafka_key.codes.size();
  append(out.kafka_key.codes, [&](const Row& r) {
    const auto& key = r.record->key;
    const int32_t mine = *user++;
    return !key ? -1 : *key == r.text[kUserId] ? mine : out.users.code(key_text(*key));
  });
  append(out.fingerprint, [](const Row& r) { return hash64(r.text[kEventId]); });
  append(out.event_type, [](const Row& r) { return r.type; });
  append(out.price, [](const Row& r) { return r.price; });
  append(out.quantity, [](const Row& r) { return r.quantity; });
  append(out.event_time, [](const Row& r) { return r.time; });
  append(out.source, [source](const Row&) { return source; });
  append(out.offset, [](const Row& r) { return r.record->offset.value; });
  append(out.record_time, [](const Row& r) { return r.record->timestamp_us; });
  for (const Row& r : group) out.event_id.append(r.text[kEventId]);
  for (const Row& r : group) out.origin.append(r.record->origin);
  waiting = 0;
}

Decoder::Decoder(DecodeRules rules) : impl_(std::make_unique<Impl>(std::move(rules))) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;

std::string_view Decoder::type_name(uint8_t code) const { return impl_->types.value(code); }
int Decoder::type_count() const { return impl_->types.size(); }

void Decoder::decode(std::span<const RecordView> records, uint16_t source, const BatchTimes& times, EventBatch& out,
                     std::vector<Reject>& rejects, RejectReason malformed) {
  for (const RecordView& record : records) {
    Row& row = impl_->rows[impl_->waiting];
    row.record = &record;
    std::optional<Verdict> bad;
    std::string_view json = record.value.value_or(std::string_view());
    if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);
    if (trimmed(json).empty())
      bad = Verdict{RejectReason::empty_value, kUnknown, record.value ? "no bytes" : "a tombstone"};
    else if (json.size() > impl_->rules.max_record_bytes)
      bad = Verdict{RejectReason::too_large, kUnknown,
                    fmt::format("{} bytes, at most {}", json.size(), impl_->rules.max_record_bytes)};
    else if (!impl_->read_plain(json, row))
      bad = impl_->read(json, malformed, row);
    if (!bad) bad = impl_->judge(times, row);
    if (!bad) {
      out.extra.append(impl_->extra);
      if (++impl_->waiting == kGroup || row.unescaped) impl_->append_rows(source, out);
      continue;
    }
    Reject r{bad->reason,
             bad->field < 0 ? std::string() : std::string(kFieldNames[bad->field]),
             std::move(bad->detail),
             source,
             record.offset.value,
             record.timestamp_us,
             record.key.has_value(),
             record.value.has_value(),
             {},
             {},
             {}};
    r.key = record.key.value_or(std::string_view());
    r.value = record.value.value_or(std::string_view());
    r.origin = record.origin;
    rejects.push_back(std::move(r));
  }
  impl_->append_rows(source, out);
}

}  // namespace pactolus
