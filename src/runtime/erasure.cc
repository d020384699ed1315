#include "runtime/erasure.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "base/fault.h"
#include "lake/delta/log_cleanup.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_merge.h"
#include "runtime/id_run.h"
#include "runtime/lake_tables.h"
#include "runtime/silver_reader.h"

namespace pactolus {
namespace {

using Sources = std::map<std::tuple<int64_t, std::string, int32_t, int64_t>, ErasedSource>;

void widen(int64_t& low, int64_t& high, int64_t value) {
  low = low == kNoTime ? value : std::min(low, value);
  high = high == kNoTime ? value : std::max(high, value);
}

// Of a Gold table whose rows are about single users; a model may write it in capitals.
constexpr const char* kPersonColumn = "user_id";

// One table, file after file.
class TableEraser {
 public:
  TableEraser(const delta::Snapshot& table, std::vector<std::string> columns, ParquetOptions encoding,
              const EraseRewrite* rewrite)
      : table_(table), columns_(std::move(columns)), encoding_(std::move(encoding)), rewrite_(rewrite) {}
  virtual ~TableEraser() = default;

  Result<TableErasure> run() {
    const auto done = each_file();
    if (!done) {
      TRY(discard(table_.table_folder(), out_));
      return std::unexpected(done.error());
    }
    for (auto& [key, source] : sources_) out_.sources.push_back(std::move(source));
    return std::move(out_);
  }

 protected:
  virtual bool is_theirs(const ColumnView& rows, int64_t row) = 0;
  // Files without this column are nobody's: it was added to the table later.
  virtual bool may_lack(const std::string&) const { return false; }
  virtual void count(const ColumnView&, int64_t, ErasedSource&) {}
  virtual int64_t stretch_of(const ColumnView&, int64_t) { return 0; }
  virtual Result<> left_out(const delta::AddFile&, std::span<const int64_t>) { return {}; }
  const delta::Snapshot& table_;

 private:
  Result<> each_file() {
    std::set<fs::path> folders;
    for (const auto& [path, file] : table_.files()) {
      if (rewrite_ && sources_.size() >= rewrite_->most_sources) {
        out_.more = true;
        break;
      }
      const ColumnBatch batch = TRY(read_parquet(table_.table_folder() / path, columns_));
      const ColumnView v = ColumnView::of(batch);
      const auto missing = std::ranges::find_if(columns_, [&](const std::string& name) { return !v.has_child(name); });
      if (missing != columns_.end() && may_lack(*missing)) continue;
      if (missing != columns_.end())
        return fail(ErrorCode::corrupt, fmt::format("{} lacks the column {}", path, *missing));
      std::vector<int64_t> gone;
      for (int64_t row = 0; row < v.length(); ++row)
        if (is_theirs(v, row)) gone.push_back(row);
      if (gone.empty()) continue;
      out_.rows += int64_t(gone.size());
      for (const int64_t row : gone) {
        if (!v.has_child("topic")) break;  // Gold is in no account
        const int64_t batch_id = v.child("batch_id").int_at(row);
        const std::string topic(v.child("topic").text_at(row));
        const auto partition = int32_t(v.child("partition").int_at(row));
        ErasedSource& source = sources_[{batch_id, topic, partition, stretch_of(v, row)}];
        source.batch = batch_id, source.topic = topic, source.partition = partition;
        count(v, row, source);
      }
      if (!rewrite_) continue;
      TRY(left_out(file, gone));
      out_.removes.push_back({path, rewrite_->names.time_ms, true, file.partition_values, file.size});
      if (int64_t(gone.size()) < v.length()) {
        TRY(rewrite(file, v, std::move(gone)));
        folders.insert((table_.table_folder() / path).parent_path());
      }
    }
    for (const fs::path& folder : folders) TRY(sync_folder(folder));
    return {};
  }

  Result<> rewrite(const delta::AddFile& file, const ColumnView& v, std::vector<int64_t> gone) {
    const int64_t kept = v.length() - int64_t(gone.size());
    delta::FileStats stats(kept);
    int64_t first_batch = kNoTime, last_batch = kNoTime, first_time = kNoTime, last_time = kNoTime;
    const bool has_time = v.has_child("event_timestamp"), has_batch = v.has_child("batch_id");
    auto next = gone.begin();
    for (int64_t row = 0; row < v.length(); ++row) {
      if (next != gone.end() && *next == row) {
        ++next;
        continue;
      }
      if (has_batch) widen(first_batch, last_batch, v.child("batch_id").int_at(row));
      if (has_time) widen(first_time, last_time, v.child("event_timestamp").int_at(row));
    }
    if (has_time) stats.add_timestamp("event_timestamp", first_time, last_time, 0);
    if (has_batch) stats.add_number("batch_id", first_batch, last_batch, 0);
    BatchNames names = rewrite_->names;
    const auto name = parse_part_name(fs::path(file.path).filename().native());
    names.batch = has_batch ? last_batch : name.value_or(PartName{}).batch;
    delta::AddFile add{(fs::path(file.path).parent_path() / part_name(names, rewrite_->random)).native(),
                       file.partition_values,
                       0,
                       names.time_ms,
                       true,
                       stats.json()};
    const MergeInput input{table_.table_folder() / file.path, {}, std::move(gone)};
    const MergedParquet written = TRY(merge_parquet({&input, 1}, table_.table_folder() / add.path, encoding_));
    add.size = written.size;
    out_.adds.push_back(std::move(add));
    fault_point("erase.file_written");
    if (written.rows != kept)
      return fail(ErrorCode::corrupt,
                  fmt::format("{} was written anew with {} rows for {}", file.path, written.rows, kept));
    return {};
  }

  std::vector<std::string> columns_;
  ParquetOptions encoding_;
  const EraseRewrite* rewrite_;
  TableErasure out_;
  Sources sources_;
};

class SilverEraser final : public TableEraser {
 public:
  SilverEraser(const delta::Snapshot& table, Persons& persons, const Decoder& decoder, const EraseRewrite* rewrite)
      : TableEraser(table, {"user_id", "kafka_key", "batch_id", "topic", "partition", "event_timestamp"},
                    silver_encoding(), rewrite),
        persons_(persons),
        decoder_(decoder),
        rewrite_(rewrite) {}

 private:
  bool is_theirs(const ColumnView& rows, int64_t row) override {
    const ColumnView key = rows.child("kafka_key");
    return persons_.has(rows.child("user_id").text_at(row)) || (!key.is_null(row) && persons_.has(key.text_at(row)));
  }
  void count(const ColumnView& rows, int64_t row, ErasedSource& source) override {
    ++source.silver;
    source.min_event_time = stretch_of(rows, row) * kErasedStretch_us;
    source.max_event_time = source.min_event_time + kErasedStretch_us - 1;
  }
  int64_t stretch_of(const ColumnView& rows, int64_t row) override {
    return floor_div(rows.child("event_timestamp").int_at(row), kErasedStretch_us);
  }
  Result<> left_out(const delta::AddFile& file, std::span<const int64_t> gone) override {
    if (!rewrite_->event) return {};
    SilverRows rows;
    TRY(read_silver_file(table_.table_folder(), file, decoder_, {}, rows));  // all of them, in the file's order
    for (const int64_t i : gone)
      TRY(rewrite_->event(rows.events.fingerprint[size_t(i)], content_byte(rows.events, size_t(i)),
                          rows.events.event_time[size_t(i)]));
    return {};
  }
  Persons& persons_;
  const Decoder& decoder_;
  const EraseRewrite* rewrite_;
};

class QuarantineEraser final : public TableEraser {
 public:
  QuarantineEraser(const delta::Snapshot& table, Persons& persons, const EraseRewrite* rewrite)
      : TableEraser(table, {"kafka_key", "value", "batch_id", "topic", "partition", "reason"}, quarantine_encoding(),
                    rewrite),
        persons_(persons) {}

 private:
  bool is_theirs(const ColumnView& rows, int64_t row) override {
    const auto text = [&](const char* column) -> std::optional<std::string_view> {
      const ColumnView v = rows.child(column);
      return v.is_null(row) ? std::nullopt : std::optional(v.text_at(row));
    };
    return persons_.own(text("kafka_key"), text("value"));
  }
  void count(const ColumnView& rows, int64_t row, ErasedSource& source) override {
    ++source.quarantined[std::string(rows.child("reason").text_at(row))];
  }
  Persons& persons_;
};

// Of `columns` the first says who. Views have a batch in each row, daily models have none.
class GoldEraser final : public TableEraser {
 public:
  GoldEraser(const delta::Snapshot& table, std::vector<std::string> columns, Persons& persons,
             const EraseRewrite* rewrite)
      : TableEraser(table, columns, gold_encoding(), rewrite), person_column_(columns.front()), persons_(persons) {}

 private:
  bool may_lack(const std::string& column) const override { return column == person_column_; }
  bool is_theirs(const ColumnView& rows, int64_t row) override {
    const ColumnView user = rows.child(person_column_);
    return !user.is_null(row) && persons_.has(user.text_at(row));
  }
  const std::string person_column_;
  Persons& persons_;
};

constexpr std::string_view kSuffix = ".ids";
constexpr size_t kNumberDigits = 10;

}  // namespace

Result<TableErasure> erase_from_silver(const delta::Snapshot& silver, Persons& persons, const Decoder& decoder,
                                       const EraseRewrite* rewrite) {
  return SilverEraser(silver, persons, decoder, rewrite).run();
}
Result<TableErasure> erase_from_quarantine(const delta::Snapshot& quarantine, Persons& persons,
                                           const EraseRewrite* rewrite) {
  return QuarantineEraser(quarantine, persons, rewrite).run();
}
namespace {
// None where the column holds no names: a model may count users in it, or hash them.
const delta::SchemaField* person_column(const delta::TableSchema& schema) {
  const delta::SchemaField* field = schema.find_any_case(kPersonColumn);
  return field && field->type == delta::FieldType::string() ? field : nullptr;
}
}  // namespace

Result<bool> holds_persons(const delta::Snapshot& view) {
  const auto schema = TRY(delta::parse_schema(view.metadata().schema_string, view.metadata().partition_columns));
  return person_column(schema) != nullptr;
}

Result<TableErasure> erase_from_gold(const delta::Snapshot& view, Persons& persons, const EraseRewrite* rewrite) {
  const auto schema = TRY(delta::parse_schema(view.metadata().schema_string, view.metadata().partition_columns));
  const delta::SchemaField* person = person_column(schema);
  PACTOLUS_CHECK(person, "a table of persons without their column");
  std::vector<std::string> columns = {person->name};
  if (schema.find("batch_id")) columns.emplace_back("batch_id");
  return GoldEraser(view, std::move(columns), persons, rewrite).run();
}

Result<> discard(const fs::path& table, const TableErasure& erasure) {
  for (const delta::AddFile& file : erasure.adds) TRY(remove_file(table / file.path));
  return {};
}

Result<int64_t> forget_past(delta::DeltaTable& table, Version keep_from, int64_t epoch) {
  TRY(table.refresh());
  delta::VacuumRules rules{.tombstones_before_ms = INT64_MAX, .unreferenced_before_ms = INT64_MAX};
  rules.keep = [epoch](const std::string& path) {
    const auto name = parse_part_name(fs::path(path).filename().native());
    return name && name->epoch > epoch;
  };
  const auto removed = TRY(delta::vacuum(table.snapshot(), rules));
  fault_point("erase.vacuumed");
  TRY(table.checkpoint(keep_from, INT64_MAX));
  TRY(delta::clean_log(table.folder(), keep_from));
  fault_point("erase.log_cleaned");
  return removed.tombstoned + removed.unreferenced;
}

Result<std::vector<std::string>> unfinished_erasure(const fs::path& file) {
  const auto text = read_file(file);
  if (!text && text.error().code == ErrorCode::not_found) return std::vector<std::string>();
  if (!text) return std::unexpected(text.error());
  const auto json = Json::parse(*text);
  if (!json || (*json)["format"].as_int() != 1)
    return fail(ErrorCode::corrupt, fmt::format("not the names of an erasure: {}", file.native()));
  std::vector<std::string> users;
  for (const Json& user : (*json)["users"].as_array()) users.emplace_back(user.as_string());
  return users;
}

Result<> note_erasure(const fs::path& file, std::span<const std::string> users) {
  Json names = Json::array();
  for (const std::string& user : users) names.push(user);
  return replace_file(file, Json::object().set("format", 1).set("users", std::move(names)).dump() + "\n");
}

// Name: number of the erasure and how many ids, so that a file that was cut short is known.
Result<> ErasedIds::save(int64_t number, std::span<const DedupeIndex::Entry> ids) const {
  const std::string start = fmt::format("{:0{}d}-", number, kNumberDigits);
  for (const std::string& name : TRY(list_folder(folder_)))
    if (name.starts_with(start)) TRY(remove_file(folder_ / name));
  if (ids.empty()) return {};
  TRY(make_folders(folder_));
  const fs::path path = folder_ / fmt::format("{}{}{}", start, ids.size(), kSuffix);
  auto run = TRY(IdRunWriter::create(path));
  for (const DedupeIndex::Entry& id : ids) TRY(run.add(id));
  return run.finish();
}

Result<> ErasedIds::load(int64_t last, int64_t oldest_time, const std::function<void(const DedupeIndex::Entry&)>& each,
                         const std::function<void(const std::string&)>& say) const {
  for (const std::string& name : TRY(list_folder(folder_))) {
    int64_t ids = 0, number = 0;
    if (name.size() <= kNumberDigits + 1 + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    std::from_chars(name.data(), name.data() + kNumberDigits, number);
    if (number > last) continue;  // Silver has these events still
    std::from_chars(name.data() + kNumberDigits + 1, name.data() + name.size(), ids);
    bool in_use = false;
    const auto read = read_id_run(folder_ / name, ids, [&](const IdBlock& block) -> Result<> {
      if (block.bucket_start < oldest_time) return {};
      in_use = true;
      for (size_t i = 0; i < block.size(); ++i) each({block.fingerprint(i), block.bucket_start, block.content(i)});
      return {};
    });
    if (!read) {
      if (say) say(fmt::format("copies of erased events may come in again: {}", read.error().message));
    } else if (!in_use) {
      TRY(remove_file(folder_ / name));
    }
  }
  return {};
}

}  // namespace pactolus
