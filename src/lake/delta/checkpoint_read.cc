#include <fmt/format.h>

#include "base/check.h"
#include "base/columns.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/path_encoding.h"
#include "lake/delta/snapshot.h"
#include "lake/parquet/parquet_file.h"

namespace pactolus::delta {
namespace {

// A field of a struct column that may be missing or null; of another type it counts as missing, because other writers
// differ in what they leave out and a checkpoint is checked as a whole afterwards.
class Field {
 public:
  Field(const ColumnView& parent, std::string_view name, std::string_view formats) {
    if (!parent.has_child(name)) return;
    const ColumnView child = parent.child(name);
    if (("," + std::string(formats) + ",").find("," + std::string(child.format().substr(0, 3)) + ",") !=
        std::string::npos)
      view_ = child;
  }
  bool has(int64_t row) const { return view_ && !view_->is_null(row); }
  const ColumnView& view() const { return *view_; }
  int64_t number(int64_t row, int64_t fallback = 0) const { return has(row) ? view_->int_at(row) : fallback; }
  std::string text(int64_t row) const { return has(row) ? std::string(view_->text_at(row)) : std::string(); }

 private:
  std::optional<ColumnView> view_;
};
constexpr std::string_view kTexts = "u,U", kNumbers = "i,l,tsm,tsu", kMaps = "+m", kLists = "+l";

// Map columns of text to text.
class MapField {
 public:
  MapField(const ColumnView& parent, std::string_view name) : map_(parent, name, kMaps) {}
  template <class Visit>
  void each(int64_t row, Visit visit) const {
    if (!map_.has(row)) return;
    const ColumnView entries = map_.view().entries();
    if (entries.children() < 2) return;
    const ColumnView keys = entries.child(0), values = entries.child(1);
    if (keys.format() != kFormatText || values.format() != kFormatText) return;
    const auto [from, to] = map_.view().range_at(row);
    for (int64_t i = from; i < to; ++i)
      visit(std::string(keys.text_at(i)),
            values.is_null(i) ? std::optional<std::string>() : std::optional(std::string(values.text_at(i))));
  }
  PartitionValues partition_values(int64_t row) const {
    PartitionValues out;
    each(row, [&](std::string key, std::optional<std::string> value) {
      out.insert_or_assign(std::move(key), std::move(value));
    });
    return out;
  }

 private:
  Field map_;
};

struct StructColumn {
  std::optional<ColumnView> view;
  StructColumn(const ColumnView& root, std::string_view name) {
    if (root.has_child(name) && root.child(name).format() == "+s") view = root.child(name);
  }
  template <class Visit>
  Result<> each(Visit visit) const {
    for (int64_t row = 0; view && row < view->length(); ++row)
      if (!view->is_null(row)) TRY(visit(row));
    return {};
  }
};

Result<std::string> path_at(const Field& path, const ColumnView& parent, int64_t row) {
  if (parent.has_child("deletionVector") && parent.child("deletionVector").format() == "+s" &&
      !parent.child("deletionVector").is_null(row))
    return fail(ErrorCode::unsupported, "the table uses deletion vectors, which need reader version 3");
  return decode_path(path.text(row));
}

Result<> read_files(const ColumnView& root, CommitActions& out) {
  const StructColumn adds(root, "add"), removes(root, "remove");
  if (adds.view) {
    const ColumnView& view = *adds.view;
    const Field path(view, "path", kTexts), size(view, "size", kNumbers), modified(view, "modificationTime", kNumbers);
    const Field stats(view, "stats", kTexts);
    const MapField values(view, "partitionValues");
    const auto read_add = [&](int64_t row) -> Result<> {
      AddFile add{TRY(path_at(path, view, row)),
                  values.partition_values(row),
                  size.number(row, -1),
                  modified.number(row),
                  false,
                  stats.text(row)};
      if (add.size < 0) return fail(ErrorCode::corrupt, fmt::format("a data file has no size: {}", add.path));
      out.adds.push_back(std::move(add));
      return {};
    };
    TRY(adds.each(read_add));
  }
  if (removes.view) {
    const ColumnView& view = *removes.view;
    const Field path(view, "path", kTexts), size(view, "size", kNumbers), deleted(view, "deletionTimestamp", kNumbers);
    const MapField values(view, "partitionValues");
    const auto read_remove = [&](int64_t row) -> Result<> {
      RemoveFile remove{TRY(path_at(path, view, row)), deleted.number(row), false, values.partition_values(row), {}};
      if (size.has(row)) remove.size = size.number(row);
      out.removes.push_back(std::move(remove));
      return {};
    };
    TRY(removes.each(read_remove));
  }
  return {};
}

Result<> read_table(const ColumnView& root, CommitActions& out) {
  const StructColumn txns(root, "txn"), metadata(root, "metaData"), protocol(root, "protocol");
  if (txns.view) {
    const Field app_id(*txns.view, "appId", kTexts), version(*txns.view, "version", kNumbers);
    const Field updated(*txns.view, "lastUpdated", kNumbers);
    TRY(txns.each([&](int64_t row) -> Result<> {
      if (!app_id.has(row) || !version.has(row)) return fail(ErrorCode::corrupt, "a txn has no appId or version");
      out.txns.push_back({app_id.text(row), version.number(row), updated.number(row)});
      return {};
    }));
  }
  if (metadata.view) {
    const ColumnView& view = *metadata.view;
    const Field id(view, "id", kTexts), name(view, "name", kTexts), schema(view, "schemaString", kTexts);
    const Field columns(view, "partitionColumns", kLists), created(view, "createdTime", kNumbers);
    const MapField configuration(view, "configuration");
    TRY(metadata.each([&](int64_t row) -> Result<> {
      Metadata m{id.text(row), name.text(row), schema.text(row), {}, {}, created.number(row)};
      if (columns.has(row) && columns.view().entries().format() == kFormatText) {
        const auto [from, to] = columns.view().range_at(row);
        for (int64_t i = from; i < to; ++i) m.partition_columns.emplace_back(columns.view().entries().text_at(i));
      }
      configuration.each(row, [&](std::string key, const std::optional<std::string>& value) {
        m.configuration.insert_or_assign(std::move(key), value.value_or(""));
      });
      out.metadata = std::move(m);
      return {};
    }));
  }
  if (protocol.view) {
    const Field reader(*protocol.view, "minReaderVersion", kNumbers),
        writer(*protocol.view, "minWriterVersion", kNumbers);
    TRY(protocol.each([&](int64_t row) -> Result<> {
      if (!reader.has(row) || !writer.has(row)) return fail(ErrorCode::corrupt, "the protocol has no versions");
      out.protocol = Protocol{int32_t(reader.number(row)), int32_t(writer.number(row))};
      return {};
    }));
  }
  return {};
}

// The commit of the checkpoint's version says when it was; when another program has cleaned that one away, the file
// does.
int64_t timestamp_of(const fs::path& table_folder, Version version, const fs::path& checkpoint) {
  if (auto actions = read_commit(table_folder, version); actions && actions->commit_info)
    return actions->commit_info->timestamp_ms;
  std::error_code error;
  const auto written = fs::last_write_time(checkpoint, error);
  if (error) return 0;
  const auto since = std::chrono::file_clock::to_sys(written).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

const std::string kColumns[] = {"txn", "add", "remove", "metaData", "protocol"};

}  // namespace

Result<Snapshot> read_checkpoint(const fs::path& table_folder, const CheckpointFiles& checkpoint) {
  Snapshot snapshot;
  snapshot.table_folder_ = table_folder;
  for (const std::string& name : checkpoint.names) {
    const fs::path path = log_folder(table_folder) / name;
    const ColumnBatch batch = TRY(read_parquet(path, kColumns));
    CommitActions actions;
    const ColumnView root = ColumnView::of(batch);
    auto read = read_table(root, actions);
    if (read) read = read_files(root, actions);
    if (!read) return fail(read.error().code, fmt::format("{}: {}", read.error().message, path.native()));
    snapshot.version_ = checkpoint.version + (-1);
    TRY(snapshot.apply(checkpoint.version, std::move(actions)));
  }
  TRY(snapshot.check_complete());
  snapshot.timestamp_ms_ =
      timestamp_of(table_folder, checkpoint.version, log_folder(table_folder) / checkpoint.names.front());
  snapshot.checkpoint_version_ = checkpoint.version;
  return snapshot;
}

}  // namespace pactolus::delta
