// Makes and shows Delta tables for tests/oracles/delta_oracle.py, which lets other readers judge them.
//   delta_tool build FOLDER        15 commits: appends, compactions, a wider schema, a checkpoint, a cleaned log
//   delta_tool show FOLDER [VERSION|@MILLISECONDS]   what this release reads, as one JSON object
//   delta_tool append FOLDER       one commit on top of a table that another writer has made
//   delta_tool checkpoint FOLDER
#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "base/columns.h"
#include "base/time_text.h"
#include "lake/delta/delta_table.h"
#include "lake/delta/log_cleanup.h"
#include "lake/delta/path_encoding.h"
#include "lake/delta/stats.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus::delta {
namespace {

constexpr int64_t kStart_us = 1'772'323'200'000'000;  // 2026-03-01T00:00:00Z
constexpr int64_t kMinute_ms = 60'000;
// The third needs both encodings: as a folder and in the log; the last is null.
const std::optional<std::string> kKinds[] = {"page_view", "click", "add to cart/50%", "na\xC3\xAFve \xE2\x98\x95=%41",
                                             std::nullopt};

struct Rows {
  int32_t partition;
  int64_t first, count;
};

TableSchema schema(bool wide) {
  TableSchema s{{{"event_id", FieldType::string()},
                 {"event_time", FieldType::timestamp()},
                 {"price", FieldType::decimal(18, 4)},
                 {"amount", FieldType::double_float()},
                 {"kafka_partition", FieldType::integer()},
                 {"kafka_offset", FieldType::long_integer()},
                 {"good", FieldType::boolean()},
                 {"raw", FieldType::binary()},
                 {"counts", FieldType::map_of(FieldType::long_integer())},
                 {"event_date", FieldType::date()},
                 {"event_type", FieldType::string()}},
                {"event_date", "event_type"}};
  if (wide) s.fields.push_back({"extra", FieldType::string()});
  return s;
}

ColumnBatch batch_of(const std::vector<Rows>& parts, bool wide, FileStats& stats, int64_t rows) {
  TextColumn id, raw, extra;
  FixedColumn<int64_t> time, offset;
  FixedColumn<__int128> price;
  FixedColumn<double> amount;
  FixedColumn<int32_t> partition;
  BoolColumn good;
  MapColumn<FixedColumn<int64_t>> counts;
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (const Rows& part : parts)
    for (int64_t i = part.first; i < part.first + part.count; ++i) {
      id.append(fmt::format("e-{}-{}", part.partition, i));
      time.append(kStart_us + i * 1'237'001);
      i % 10 == 0 ? price.append_null() : price.append(i * 12'345 + 1);
      amount.append(double(i) / 4);
      partition.append(part.partition);
      offset.append(i);
      good.append(i % 2 == 0);
      raw.append(std::string("\x00\xFF", 2));
      if (i % 3 == 0) {
        counts.append_null();
      } else {
        counts.append_entry("a", i);
        counts.end_row();
      }
      extra.append("{}");
      low = std::min(low, i), high = std::max(high, i);
    }
  stats.add_timestamp("event_time", kStart_us + low * 1'237'001, kStart_us + high * 1'237'001, 0);
  stats.add_number("kafka_offset", low, high, 0);
  std::vector<ColumnData> columns;
  columns.push_back(id.finish("event_id"));
  columns.push_back(time.finish("event_time", kFormatTimestamp));
  columns.push_back(price.finish("price", kFormatMoney));
  columns.push_back(amount.finish("amount", kFormatDouble));
  columns.push_back(partition.finish("kafka_partition", kFormatInt32));
  columns.push_back(offset.finish("kafka_offset", kFormatInt64));
  columns.push_back(good.finish("good"));
  columns.push_back(raw.finish("raw", kFormatBinary));
  columns.push_back(counts.finish("counts", kFormatInt64));
  if (wide) columns.push_back(extra.finish("extra"));
  return ColumnBatch(rows, std::move(columns));
}

class Builder {
 public:
  Builder(DeltaTable table) : table_(std::move(table)) {}

  Result<> append(int64_t batch) {
    Transaction t = transaction("WRITE", {{"mode", "Append"}, {"partitionBy", "[\"event_date\",\"event_type\"]"}});
    t.blind_append = true;
    t.info = Json(Json::Object{{"batch", batch}, {"ledger", Json::Array{Json(Json::Object{{"consumed", 500}})}}});
    for (int32_t partition = 0; partition < 2; ++partition) {
      for (const auto& kind : kKinds) {
        t.adds.push_back(TRY(file({{partition, next_[partition], kRows}}, kind, true)));
        next_[partition] += kRows;
      }
      t.txns.push_back({fmt::format("clickstream/events-{}", partition), next_[partition], 0});
    }
    t.txns.push_back({"clickstream/batch", batch, t.time_ms});
    return commit(t);
  }

  // Rewrites the files of one kind into one.
  Result<> compact(const std::optional<std::string>& kind) {
    Transaction t = transaction("OPTIMIZE", {{"predicate", "[]"}, {"zOrderBy", "[]"}});
    std::vector<Rows> all;
    for (const auto& [path, add] : table_.snapshot().files()) {
      if (add.partition_values.at("event_type") != kind) continue;
      t.removes.push_back({path, 0, false, add.partition_values, add.size});
      const auto& parts = rows_.at(path);
      all.insert(all.end(), parts.begin(), parts.end());
    }
    t.adds.push_back(TRY(file(all, kind, false)));
    return commit(t);
  }

  Result<> widen() {
    Transaction t = transaction("ADD COLUMNS", {});
    t.metadata = TRY(table_.metadata_for(schema(true)));
    wide_ = true;
    return commit(t);
  }

  DeltaTable& table() { return table_; }

 private:
  static constexpr int64_t kRows = 50;

  Transaction transaction(std::string operation, Json::Object parameters) {
    Transaction t;
    t.operation = std::move(operation);
    t.operation_parameters = std::move(parameters);
    const int64_t version = table_.snapshot().version().value + 1;
    t.time_ms = kStart_us / 1000 + version * kMinute_ms;
    t.commit_uuid = fmt::format("00000000-0000-4000-8000-{:012}", version);
    return t;
  }

  Result<AddFile> file(const std::vector<Rows>& parts, const std::optional<std::string>& kind, bool data_change) {
    AddFile add;
    add.partition_values = {{"event_date", "2026-03-01"}, {"event_type", kind}};
    const auto& columns = table_.snapshot().metadata().partition_columns;
    const std::string folder = partition_folder(columns, add.partition_values);
    add.path = fmt::format("{}/part-{}-1-{}.parquet", folder, table_.snapshot().version().value + 1, files_++);
    TRY(make_folders(table_.folder() / folder));
    int64_t rows = 0;
    for (const Rows& part : parts) rows += part.count;
    FileStats stats(rows);
    add.size = TRY(write_parquet(table_.folder() / add.path, batch_of(parts, wide_, stats, rows)));
    TRY(sync_folder(table_.folder() / folder));
    add.stats = stats.json();
    add.modification_time_ms = kStart_us / 1000;
    add.data_change = data_change;
    rows_[add.path] = parts;
    return add;
  }

  Result<> commit(const Transaction& t) {
    TRY(table_.commit(t));
    return {};
  }

  DeltaTable table_;
  bool wide_ = false;
  int64_t next_[2] = {0, 0};
  int files_ = 0;
  std::map<std::string, std::vector<Rows>> rows_;
};

Result<> build(const fs::path& folder) {
  NewTable made{schema(false), "5f0c6c1e-6a0b-4e8e-9c55-000000000001", kStart_us / 1000, "events"};
  Builder b(TRY(DeltaTable::create(folder, made)));                   // 0
  for (int64_t batch = 1; batch <= 3; ++batch) TRY(b.append(batch));  // 1-3
  TRY(b.table().checkpoint(0));
  for (int64_t batch = 4; batch <= 6; ++batch) TRY(b.append(batch));  // 4-6
  TRY(b.compact("click"));                                            // 7
  TRY(b.widen());                                                     // 8
  for (int64_t batch = 7; batch <= 8; ++batch) TRY(b.append(batch));  // 9-10
  TRY(b.table().checkpoint(0));
  TRY(b.compact("add to cart/50%"));                                   // 11
  TRY(b.compact(std::nullopt));                                        // 12
  for (int64_t batch = 9; batch <= 10; ++batch) TRY(b.append(batch));  // 13-14
  TRY(clean_log(folder, Version(10)));
  return {};
}

// Two rows more, by the columns that the oracle's own table has: id string, n long, partitioned by kind.
Result<> append_foreign(const fs::path& folder) {
  DeltaTable table = TRY(DeltaTable::open(folder));
  TextColumn id;
  FixedColumn<int64_t> n;
  for (int64_t i = 0; i < 2; ++i) id.append("ours"), n.append(1000 + i);
  std::vector<ColumnData> columns;
  columns.push_back(id.finish("id"));
  columns.push_back(n.finish("n", kFormatInt64));
  Transaction t;
  t.operation = "WRITE";
  t.operation_parameters = {{"mode", "Append"}};
  t.commit_uuid = "00000000-0000-4000-8000-00000000f00d";
  AddFile add;
  add.partition_values = {{"kind", "ours/%"}};
  const std::string partition = partition_folder(table.snapshot().metadata().partition_columns, add.partition_values);
  add.path = fmt::format("{}/ours-{}.parquet", partition, table.snapshot().version().value);
  TRY(make_folders(folder / partition));
  add.size = TRY(write_parquet(folder / add.path, ColumnBatch(2, std::move(columns))));
  add.stats = FileStats(2).json();
  t.adds = {add};
  t.txns = {{"ours", table.snapshot().version().value, 1}};
  TRY(table.commit(t));
  return {};
}

// `which` is nothing, a version, or "@" and a time in milliseconds.
Result<> show(const fs::path& folder, const std::string& which) {
  std::optional<Version> version;
  if (which.starts_with('@'))
    version = TRY(version_at(folder, std::stoll(which.substr(1))));
  else if (!which.empty())
    version = Version(std::stoll(which));
  const Snapshot s = TRY(Snapshot::load(folder, version));
  Json out = Json::object(), txns = Json::object(), files = Json::object(), past = Json::array();
  for (const auto& [app_id, txn] : s.txns()) txns.set(app_id, txn.version);
  for (const auto& [path, add] : s.files()) {
    if (TRY(size_of_file(folder / path)) != add.size) return fail(ErrorCode::corrupt, "size differs: " + path);
    Json values = Json::object();
    for (const auto& [column, value] : add.partition_values) values.set(column, value ? Json(*value) : Json());
    files.set(path, std::move(values));
  }
  for (const auto& record : TRY(history(folder)))
    past.push(Json::object()
                  .set("version", record.version.value)
                  .set("timestamp", record.timestamp_ms)
                  .set("operation", record.operation));
  out.set("version", s.version().value)
      .set("timestamp", s.timestamp_ms())
      .set("rows", s.rows())
      .set("bytes", s.bytes());
  out.set("checkpoint", s.checkpoint_version().value).set("tombstones", int64_t(s.tombstones().size()));
  out.set("txns", std::move(txns)).set("files", std::move(files)).set("history", std::move(past));
  std::puts(out.dump().c_str());
  return {};
}

Result<> run(int argc, char** argv) {
  const std::string_view verb = argc > 2 ? argv[1] : "";
  if (verb == "build") return build(argv[2]);
  if (verb == "append") return append_foreign(argv[2]);
  if (verb == "show") return show(argv[2], argc > 3 ? argv[3] : "");
  if (verb == "checkpoint") {
    DeltaTable table = TRY(DeltaTable::open(argv[2]));
    return table.checkpoint(0);
  }
  return fail(ErrorCode::usage, "delta_tool build|show|append|checkpoint FOLDER [VERSION|@MILLISECONDS]");
}

}  // namespace
}  // namespace pactolus::delta

int main(int argc, char** argv) {
  const auto done = pactolus::delta::run(argc, argv);
  if (!done) std::fprintf(stderr, "error: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
