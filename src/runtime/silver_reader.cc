#include "runtime/silver_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus {
namespace {

constexpr std::array kAlwaysTexts = {EventColumn::user_id, EventColumn::product_id, EventColumn::currency};
const std::vector<std::string> kNumbers = {"price", "quantity", "event_timestamp", "partition", "offset", "batch_id"};

// A column of text of a file, as codes of a batch's dictionary.
class FileText {
 public:
  FileText(const ColumnView& column, MutableColumn to)
      : column_(column), texts_(column.dictionary()), to_(to), codes_(size_t(texts_.length()), -1) {}
  void append(int64_t row) {
    if (column_.is_null(row)) return to_.codes->push_back(-1);
    int32_t& code = codes_[size_t(column_.code_at(row))];
    if (code < 0) code = to_.values->code(texts_.text_at(column_.code_at(row)));
    to_.codes->push_back(code);
  }

 private:
  ColumnView column_, texts_;
  MutableColumn to_;
  std::vector<int32_t> codes_;  // by code of the file; -1: not met yet
};

// Of a file by its statistics. Without them its batches are as wide as can be, and nothing is known of its rows.
struct FileBatches {
  int64_t first = INT64_MIN, last = INT64_MAX, rows = 0;
};
FileBatches batches_of(const delta::AddFile& file) {
  const auto stats = Json::parse(file.stats);
  if (!stats) return {};
  return {(*stats)["minValues"]["batch_id"].as_int(INT64_MIN), (*stats)["maxValues"]["batch_id"].as_int(INT64_MAX),
          (*stats)["numRecords"].as_int(0)};
}

// The last batches of parts that have about so many rows each, if those of a file are spread evenly over its batches;
// INT64_MAX at the end.
std::vector<int64_t> parts_of(std::span<const FileBatches> files, int64_t rows) {
  std::map<int64_t, double> change;  // of rows a batch, from that batch on
  for (const FileBatches& f : files) {
    if (f.first == INT64_MIN || f.last == INT64_MAX || f.last < f.first) continue;
    const double density = double(f.rows) / double(f.last - f.first + 1);
    change[f.first] += density;
    change[f.last + 1] -= density;
  }
  std::vector<int64_t> last;
  double density = 0, held = 0;
  for (auto at = change.begin(); at != change.end(); ++at) {
    density += at->second;
    const auto next = std::next(at);
    if (next == change.end()) break;
    for (int64_t from = at->first; from < next->first;) {
      const double room = (double(rows) - held) / std::max(density, 1e-9);
      const auto batches = std::clamp<int64_t>(room < 1e15 ? int64_t(room) : INT64_MAX, 1, next->first - from);
      from += batches;
      held += density * double(batches);
      if (held + density <= double(rows)) continue;
      last.push_back(from - 1);
      held = 0;
    }
  }
  last.push_back(INT64_MAX);
  return last;
}

// Smallest event time by the file's statistics; INT64_MIN when they do not say.
int64_t first_time(const delta::AddFile& file) {
  const auto stats = Json::parse(file.stats);
  if (!stats) return INT64_MIN;
  return parse_iso_time((*stats)["minValues"]["event_timestamp"].as_string()).value_or(INT64_MIN);
}

}  // namespace

bool is_history_topic(std::string_view topic) noexcept {
  return topic.starts_with(kIngestPrefix) || topic.starts_with(kReplayPrefix);
}

Result<> read_silver_file(const fs::path& table, const delta::AddFile& file, const Decoder& decoder,
                          const SilverFilter& filter, SilverRows& out, const SilverColumns& columns) {
  std::vector<EventColumn> texts(kAlwaysTexts.begin(), kAlwaysTexts.end());
  for (const EventColumn c : columns.texts)
    if (std::ranges::find(texts, c) == texts.end()) texts.push_back(c);
  std::vector<std::string> coded = {"topic"}, names = kNumbers;
  for (const EventColumn c : texts) coded.emplace_back(name_of(c));
  names.insert(names.end(), coded.begin(), coded.end());
  if (columns.ids) names.emplace_back("event_id");
  const ParquetRange within[] = {
      {"event_timestamp", filter.from_time, filter.to_time == INT64_MAX ? INT64_MAX : filter.to_time - 1},
      {"batch_id", filter.after_batch == INT64_MIN ? INT64_MIN : filter.after_batch + 1, filter.last_batch}};
  const ColumnBatch batch = TRY(read_parquet(table / file.path, names, coded, within));
  const ColumnView v = ColumnView::of(batch);
  for (const auto& name : names)
    if (!v.has_child(name))
      return fail(ErrorCode::corrupt, fmt::format("Silver file {} lacks the column {}", file.path, name));
  for (const auto& name : coded)
    if (const ColumnView column = v.child(name); !column.has_dictionary() || column.format() != kFormatInt32)
      return fail(ErrorCode::corrupt, fmt::format("Silver file {} has the column {} as no text", file.path, name));
  const auto type_value = file.partition_values.find("event_type");
  uint8_t type = decoder.other_type();
  if (type_value != file.partition_values.end() && type_value->second)
    for (int code = 0; code < decoder.type_count(); ++code)
      if (decoder.type_name(uint8_t(code)) == *type_value->second) type = uint8_t(code);

  const ColumnView user = v.child("user_id"), price = v.child("price"), quantity = v.child("quantity"),
                   time = v.child("event_timestamp"), topic = v.child("topic"), partition = v.child("partition"),
                   offset = v.child("offset"), batch_id = v.child("batch_id");
  const std::optional<ColumnView> id = columns.ids ? std::optional(v.child("event_id")) : std::nullopt;
  std::vector<bool> is_history;  // by code of the topic
  for (int64_t t = 0; t < topic.dictionary().length(); ++t)
    is_history.push_back(is_history_topic(topic.dictionary().text_at(t)));
  EventBatch& e = out.events;
  std::vector<FileText> text_columns;
  for (const EventColumn c : texts) text_columns.emplace_back(v.child(name_of(c)), column_of(e, c));
  for (int64_t i = 0; i < v.length(); ++i) {
    const int64_t t = time.int_at(i), b = batch_id.int_at(i);
    if (t < filter.from_time || t >= filter.to_time || b <= filter.after_batch || b > filter.last_batch) continue;
    const bool history = !topic.is_null(i) && is_history[size_t(topic.code_at(i))];
    if (history && filter.live_only) continue;
    if (user.is_null(i))
      return fail(ErrorCode::corrupt, fmt::format("Silver file {} has a row without user_id", file.path));
    e.fingerprint.push_back(id ? hash64(id->text_at(i)) : 0);
    for (FileText& text : text_columns) text.append(i);
    e.event_type.push_back(type);
    e.price.push_back(price.is_null(i) ? kNoMoney : Money(price.decimal_at(i)));
    e.quantity.push_back(int32_t(quantity.int_at(i)));
    e.event_time.push_back(t);
    e.source.push_back(uint16_t(partition.int_at(i)));
    e.offset.push_back(offset.int_at(i));
    out.batch_id.push_back(b);
    out.history.push_back(history);
  }
  return {};
}

std::vector<const delta::AddFile*> silver_files(const delta::Snapshot& silver, const SilverFilter& filter) {
  std::vector<const delta::AddFile*> out;
  const std::string first_date =
      filter.from_time == INT64_MIN ? "" : date_text(int32_t(floor_div(filter.from_time, kMicrosPerDay)));
  const std::string last_date =
      filter.to_time == INT64_MAX ? "" : date_text(int32_t(floor_div(filter.to_time - 1, kMicrosPerDay)));
  for (const auto& [path, file] : silver.files()) {
    const auto date = file.partition_values.find("event_date");
    if (date != file.partition_values.end() && date->second && *date->second < first_date) continue;
    if (!last_date.empty() && date != file.partition_values.end() && date->second && *date->second > last_date)
      continue;
    if (filter.to_time != INT64_MAX && first_time(file) >= filter.to_time) continue;
    if (filter.after_batch != INT64_MIN || filter.last_batch != INT64_MAX) {
      const FileBatches batches = batches_of(file);
      if (batches.last <= filter.after_batch || batches.first > filter.last_batch) continue;
    }
    out.push_back(&file);
  }
  return out;
}

Result<> each_silver_batch(const delta::Snapshot& silver, const Decoder& decoder, const SilverFilter& filter,
                           const SilverColumns& columns, const VisitBatch& visit, int64_t rows_at_once) {
  const std::vector<const delta::AddFile*> files = silver_files(silver, filter);
  std::vector<FileBatches> batches;
  for (const delta::AddFile* file : files) {
    FileBatches& of = batches.emplace_back(batches_of(*file));
    of.first = std::max(of.first, filter.after_batch == INT64_MIN ? INT64_MIN : filter.after_batch + 1);
    of.last = std::min(of.last, filter.last_batch);
  }
  SilverRows part;
  std::map<int64_t, std::vector<uint32_t>> by_batch;
  SilverFilter of_part = filter;
  for (const int64_t last : parts_of(batches, rows_at_once)) {
    of_part.last_batch = std::min(last, filter.last_batch);
    if (of_part.last_batch <= of_part.after_batch) break;
    part.clear();
    by_batch.clear();
    for (size_t f = 0; f < files.size(); ++f)
      if (batches[f].last > of_part.after_batch && batches[f].first <= of_part.last_batch)
        TRY(read_silver_file(silver.table_folder(), *files[f], decoder, of_part, part, columns));
    for (uint32_t row = 0; row < part.events.rows(); ++row) by_batch[part.batch_id[row]].push_back(row);
    for (const auto& [batch, rows] : by_batch) TRY(visit(batch, part.events, rows));
    of_part.after_batch = of_part.last_batch;
  }
  return {};
}

}  // namespace pactolus
