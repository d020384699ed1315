#include <fmt/format.h>

#include "base/columns.h"
#include "base/json.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/path_encoding.h"
#include "lake/delta/snapshot.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus::delta {
namespace {

// A text column for MapColumn whose values may be null.
struct NullableText {
  TextColumn column;
  void append(const std::optional<std::string>& v) { v ? column.append(*v) : column.append_null(); }
  ColumnData finish(std::string name, std::string format) { return column.finish(std::move(name), std::move(format)); }
};
using TextMap = MapColumn<NullableText>;

void append_map(TextMap& column, const PartitionValues& values) {
  for (const auto& [key, value] : values) column.append_entry<const std::optional<std::string>&>(key, value);
  column.end_row();
}

template <class... Columns>
void append_nulls(Columns&... columns) {
  (columns.append_null(), ...);
}

std::vector<ColumnData> list_of(auto&&... columns) {
  std::vector<ColumnData> out;
  (out.push_back(std::move(columns)), ...);
  return out;
}

// Each of these fills one struct column; every row of the checkpoint is an append or an append_null in each.
struct TxnRows {
  Validity valid;
  TextColumn app_id;
  FixedColumn<int64_t> version, last_updated;
  void append(const Txn& t) {
    valid.append(true);
    app_id.append(t.app_id);
    version.append(t.version);
    t.last_updated_ms ? last_updated.append(t.last_updated_ms) : last_updated.append_null();
  }
  void append_null() {
    valid.append(false);
    append_nulls(app_id, version, last_updated);
  }
  ColumnData finish() {
    return struct_column("txn", valid,
                         list_of(app_id.finish("appId"), version.finish("version", kFormatInt64),
                                 last_updated.finish("lastUpdated", kFormatInt64)));
  }
};

struct AddRows {
  Validity valid;
  TextColumn path, stats;
  TextMap partition_values, tags;
  FixedColumn<int64_t> size, modification_time;
  BoolColumn data_change;
  void append(const AddFile& a) {
    valid.append(true);
    path.append(encode_path(a.path));
    append_map(partition_values, a.partition_values);
    size.append(a.size);
    modification_time.append(a.modification_time_ms);
    data_change.append(false);  // a checkpoint changes nothing
    a.stats.empty() ? stats.append_null() : stats.append(a.stats);
    tags.append_null();
  }
  void append_null() {
    valid.append(false);
    append_nulls(path, partition_values, size, modification_time, data_change, stats, tags);
  }
  ColumnData finish() {
    return struct_column(
        "add", valid,
        list_of(path.finish("path"), partition_values.finish("partitionValues", kFormatText),
                size.finish("size", kFormatInt64), modification_time.finish("modificationTime", kFormatInt64),
                data_change.finish("dataChange"), stats.finish("stats"), tags.finish("tags", kFormatText)));
  }
};

struct RemoveRows {
  Validity valid;
  TextColumn path;
  FixedColumn<int64_t> deletion_time, size;
  BoolColumn data_change, extended;
  TextMap partition_values;
  void append(const RemoveFile& r) {
    valid.append(true);
    path.append(encode_path(r.path));
    deletion_time.append(r.deletion_time_ms);
    data_change.append(false);
    extended.append(r.size.has_value());
    if (r.size) {
      append_map(partition_values, r.partition_values);
      size.append(*r.size);
    } else {
      append_nulls(partition_values, size);
    }
  }
  void append_null() {
    valid.append(false);
    append_nulls(path, deletion_time, data_change, extended, partition_values, size);
  }
  ColumnData finish() {
    return struct_column(
        "remove", valid,
        list_of(path.finish("path"), deletion_time.finish("deletionTimestamp", kFormatInt64),
                data_change.finish("dataChange"), extended.finish("extendedFileMetadata"),
                partition_values.finish("partitionValues", kFormatText), size.finish("size", kFormatInt64)));
  }
};

struct MetadataRows {
  Validity valid, format_valid;
  TextColumn id, name, description, provider, schema_string;
  TextMap options, configuration;
  TextListColumn partition_columns;
  FixedColumn<int64_t> created_time;
  void append(const Metadata& m) {
    valid.append(true);
    id.append(m.id);
    m.name.empty() ? name.append_null() : name.append(m.name);
    description.append_null();
    format_valid.append(true);
    provider.append("parquet");
    options.end_row();
    schema_string.append(m.schema_string);
    for (const auto& column : m.partition_columns) partition_columns.append_item(column);
    partition_columns.end_row();
    for (const auto& [key, value] : m.configuration)
      configuration.append_entry<const std::optional<std::string>&>(key, std::optional(value));
    configuration.end_row();
    created_time.append(m.created_time_ms);
  }
  void append_null() {
    valid.append(false);
    format_valid.append(false);
    append_nulls(id, name, description, provider, options, schema_string, partition_columns, configuration,
                 created_time);
  }
  ColumnData finish() {
    ColumnData format = struct_column("format", format_valid,
                                      list_of(provider.finish("provider"), options.finish("options", kFormatText)));
    return struct_column(
        "metaData", valid,
        list_of(id.finish("id"), name.finish("name"), description.finish("description"), format,
                schema_string.finish("schemaString"), partition_columns.finish("partitionColumns"),
                configuration.finish("configuration", kFormatText), created_time.finish("createdTime", kFormatInt64)));
  }
};

struct ProtocolRows {
  Validity valid;
  FixedColumn<int32_t> reader, writer;  // 32 bits: DuckDB and delta-rs refuse others
  void append(const Protocol& p) {
    valid.append(true);
    reader.append(p.min_reader_version);
    writer.append(p.min_writer_version);
  }
  void append_null() {
    valid.append(false);
    append_nulls(reader, writer);
  }
  ColumnData finish() {
    return struct_column(
        "protocol", valid,
        list_of(reader.finish("minReaderVersion", kFormatInt32), writer.finish("minWriterVersion", kFormatInt32)));
  }
};

struct CheckpointRows {
  TxnRows txn;
  AddRows add;
  RemoveRows remove;
  MetadataRows metadata;
  ProtocolRows protocol;
  int64_t rows = 0;

  template <class Action>
  void append(auto& own, const Action& action) {
    const auto put = [&](auto& column) {
      if constexpr (std::is_same_v<std::decay_t<decltype(column)>, std::decay_t<decltype(own)>>)
        column.append(action);
      else
        column.append_null();
    };
    put(txn), put(add), put(remove), put(metadata), put(protocol);
    ++rows;
  }
};

}  // namespace

Result<> write_checkpoint(const Snapshot& snapshot) {
  CheckpointRows out;
  out.append(out.protocol, snapshot.protocol());
  out.append(out.metadata, snapshot.metadata());
  for (const auto& [app_id, txn] : snapshot.txns()) out.append(out.txn, txn);
  for (const auto& [path, remove] : snapshot.tombstones()) out.append(out.remove, remove);
  for (const auto& [path, add] : snapshot.files()) out.append(out.add, add);
  ColumnBatch batch(out.rows, list_of(out.txn.finish(), out.add.finish(), out.remove.finish(), out.metadata.finish(),
                                      out.protocol.finish()));

  const fs::path path = checkpoint_path(snapshot.table_folder(), snapshot.version());
  const fs::path temporary = temporary_beside(path);
  ParquetOptions options;
  options.data_page_v2 = false;  // what every reader of checkpoints has seen
  auto size = write_parquet(temporary, std::move(batch), options);
  if (!size) {
    (void)remove_file(temporary);
    return std::unexpected(size.error());
  }
  TRY(rename_file(temporary, path));
  TRY(sync_folder(path.parent_path()));
  const Json hint(Json::Object{{"version", snapshot.version().value},
                               {"size", out.rows},
                               {"sizeInBytes", *size},
                               {"numOfAddFiles", int64_t(snapshot.files().size())}});
  return replace_file(path.parent_path() / "_last_checkpoint", hint.dump());
}

}  // namespace pactolus::delta
