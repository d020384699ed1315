#include "silver/silver_rows.h"

#include <algorithm>
#include <map>

namespace pactolus {
namespace {

// A dictionary column of one file: only the values that its rows use, in order of first use. A dictionary shared with
// other files would be written whole into each of them.
ColumnData coded(const char* name, std::span<const uint32_t> rows, const CodedRows& column,
                 const TextDictionary& dictionary) {
  std::vector<int32_t> renumbered(size_t(dictionary.size()), -1);
  std::vector<int32_t> codes(rows.size());
  TextColumn values;
  int32_t next = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t code = column.codes[rows[i]];
    if (code < 0) {
      codes[i] = -1;
      continue;
    }
    int32_t& mine = renumbered[size_t(code)];
    if (mine < 0) {
      mine = next++;
      values.append(dictionary.value(code));
    }
    codes[i] = mine;
  }
  return dictionary_column(name, std::move(codes), values.finish(""));
}

// Text that few rows have: empty means null.
ColumnData sparse_text(const char* name, std::span<const uint32_t> rows, const TextRows& column) {
  TextColumn out;
  if (column.bytes.empty()) return dictionary_column(name, std::vector<int32_t>(rows.size(), -1), out.finish(""));
  for (const uint32_t r : rows) {
    const std::string_view v = column.at(r);
    v.empty() ? out.append_null() : out.append(v);
  }
  return out.finish(name);
}

template <class T, class Of>
ColumnData fixed(const char* name, const char* format, std::span<const uint32_t> rows, Of&& of) {
  std::vector<T> values(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) values[i] = of(rows[i]);
  const auto n = int64_t(rows.size());
  return {name, format, true, n, 0, {Buffer{}, Buffer::own(std::move(values))}, {}, {}};
}

template <class T>
ColumnData constant(const char* name, const char* format, size_t rows, T value) {
  std::vector<T> values(rows, value);
  return {name, format, true, int64_t(rows), 0, {Buffer{}, Buffer::own(std::move(values))}, {}, {}};
}

}  // namespace

std::vector<SilverPart> split_by_partition(const EventBatch& batch, std::span<const uint32_t> rows) {
  std::map<std::pair<int32_t, uint8_t>, SilverPart> parts;
  // Neighbours nearly always share their date, and types are few: remember the parts of the last date by type.
  int64_t day_begin = 1, day_end = 0;
  SilverPart* by_type[256] = {};
  for (const uint32_t r : rows) {
    const int64_t t = batch.event_time[r];
    if (t < day_begin || t >= day_end) {
      day_begin = floor_to(t, kMicrosPerDay);
      day_end = day_begin + kMicrosPerDay;
      std::fill(std::begin(by_type), std::end(by_type), nullptr);
    }
    SilverPart*& part = by_type[batch.event_type[r]];
    if (!part) {
      const auto date = int32_t(day_begin / kMicrosPerDay);
      part = &parts.try_emplace({date, batch.event_type[r]}, SilverPart{date, batch.event_type[r], {}}).first->second;
    }
    part->rows.push_back(r);
  }
  std::vector<SilverPart> out;
  for (auto& [key, part] : parts) out.push_back(std::move(part));
  return out;
}

ColumnBatch silver_columns(const EventBatch& b, std::span<const uint32_t> rows, const SilverFacts& facts) {
  const size_t n = rows.size();
  std::vector<ColumnData> c;
  c.reserve(24);

  std::vector<int32_t> ends(n + 1);
  size_t id_bytes = 0;
  for (const uint32_t r : rows) id_bytes += b.event_id.at(r).size();
  std::string ids;
  ids.reserve(id_bytes);
  for (size_t i = 0; i < n; ++i) {
    ids.append(b.event_id.at(rows[i]));
    ends[i + 1] = int32_t(ids.size());
  }
  c.push_back({"event_id",
               kFormatText,
               true,
               int64_t(n),
               0,
               {Buffer{}, Buffer::own(std::move(ends)), Buffer::own(std::move(ids))},
               {},
               {}});
  c.push_back(coded("user_id", rows, b.user_id, b.users));
  c.push_back(coded("product_id", rows, b.product_id, b.products));
  c.push_back(coded("session_id", rows, b.session_id, b.sessions));
  c.push_back(coded("product_category", rows, b.product_category, b.categories));
  c.push_back(coded("device_type", rows, b.device_type, b.devices));
  c.push_back(coded("page_url", rows, b.page_url, b.pages));
  c.push_back(coded("referrer", rows, b.referrer, b.referrers));

  std::vector<__int128> prices(n);
  Validity price_known;
  BoolColumn high;
  for (size_t i = 0; i < n; ++i) {
    const Money p = b.price[rows[i]];
    const bool known = p != kNoMoney;
    prices[i] = known ? p : 0;
    price_known.append(known);
    high.append(known && p > facts.high_value_above);
  }
  const int64_t unknown_prices = price_known.nulls();
  c.push_back({"price",
               kFormatMoney,
               true,
               int64_t(n),
               unknown_prices,
               {price_known.finish(), Buffer::own(std::move(prices))},
               {},
               {}});
  c.push_back(fixed<int32_t>("quantity", kFormatInt32, rows, [&](uint32_t r) { return b.quantity[r]; }));
  c.push_back(coded("currency", rows, b.currency, b.currencies));
  c.push_back(coded("order_id", rows, b.order_id, b.orders));
  c.push_back(fixed<int64_t>("event_timestamp", kFormatTimestamp, rows, [&](uint32_t r) { return b.event_time[r]; }));
  c.push_back(high.finish("is_high_value"));
  c.push_back(fixed<int32_t>("event_hour", kFormatInt32, rows, [&](uint32_t r) {
    const int64_t t = b.event_time[r];
    return int32_t((t - floor_to(t, kMicrosPerDay)) / kMicrosPerHour);
  }));
  c.push_back(coded("kafka_key", rows, b.kafka_key, b.users));

  // Topics are few: codes by source.
  std::vector<int32_t> topic_of_source;
  TextColumn topics;
  TextDictionary topic_codes;
  for (const SourceName& s : facts.sources) {
    const int32_t before = topic_codes.size();
    const int32_t code = topic_codes.code(s.topic);
    if (code == before) topics.append(s.topic);
    topic_of_source.push_back(code);
  }
  std::vector<int32_t> topic(n);
  for (size_t i = 0; i < n; ++i) topic[i] = topic_of_source[b.source[rows[i]]];
  c.push_back(dictionary_column("topic", std::move(topic), topics.finish("")));
  c.push_back(fixed<int32_t>("partition", kFormatInt32, rows,
                             [&](uint32_t r) { return facts.sources[b.source[r]].partition; }));
  c.push_back(fixed<int64_t>("offset", kFormatInt64, rows, [&](uint32_t r) { return b.offset[r]; }));
  FixedColumn<int64_t> record_time;
  for (const uint32_t r : rows)
    b.record_time[r] == kNoTime ? record_time.append_null() : record_time.append(b.record_time[r]);
  c.push_back(record_time.finish("kafka_timestamp", kFormatTimestamp));
  c.push_back(constant<int64_t>("processing_timestamp", kFormatTimestamp, n, facts.batch_time));
  c.push_back(constant<int64_t>("batch_id", kFormatInt64, n, facts.batch_id));
  c.push_back(sparse_text("origin", rows, b.origin));
  c.push_back(sparse_text("extra", rows, b.extra));
  // A column without nulls is written as required: no levels to encode. The table's schema says nullable all the same.
  for (ColumnData& column : c) column.nullable = column.null_count > 0;
  return ColumnBatch(int64_t(n), std::move(c));
}

}  // namespace pactolus
