#include "runtime/batch_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "base/parallel.h"
#include "base/time_text.h"
#include "lake/delta/path_encoding.h"
#include "lake/delta/stats.h"

namespace pactolus {
namespace {

// The files of one attempt to write a batch. Without keep() they are removed again: what an attempt has written in vain
// would keep the space that the next one waits for.
class Attempt {
 public:
  explicit Attempt(fs::path table) : table_(std::move(table)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    for (const fs::path& f : files_) (void)remove_file(f);
  }
  const fs::path& table() const { return table_; }
  void add(const fs::path& path) {
    files_.push_back(table_ / path);
    names_.add(files_.back());
  }
  Result<> make_folder_of(const fs::path& path) { return names_.make_folders((table_ / path).parent_path()); }
  Result<> keep(int32_t threads) {
    TRY(names_.sync(threads));
    files_.clear();
    return {};
  }

 private:
  fs::path table_;
  std::vector<fs::path> files_;
  NewNames names_;
};

// One file that is to be written, and what the log will say about it.
struct Part {
  delta::AddFile add;
  std::function<ColumnBatch()> columns;
};

// Takes the part's name into the attempt.
Part prepare_part(Attempt& attempt, std::span<const std::string> partition_columns, delta::PartitionValues values,
                  const std::string& name, delta::FileStats&& stats, int64_t time_ms,
                  std::function<ColumnBatch()> columns) {
  const std::string folder = delta::partition_folder(partition_columns, values);
  const std::string path = folder.empty() ? name : folder + "/" + name;
  attempt.add(path);
  return Part{{path, std::move(values), 0, time_ms, true, stats.json()}, std::move(columns)};
}

// Makes folders, encodes and writes, with up to `threads` threads; which of them writes a file leaves no trace in it.
Result<std::vector<WrittenFile>> write_parts(Attempt& attempt, std::vector<Part> parts, const ParquetOptions& encoding,
                                             int32_t threads) {
  std::vector<std::shared_ptr<const KeptRows>> kept(parts.size());
  TRY(in_parallel(parts.size(), threads, [&](size_t i) -> Result<> {
    delta::AddFile& add = parts[i].add;
    TRY(attempt.make_folder_of(add.path));
    add.size = TRY(write_parquet(attempt.table() / add.path, parts[i].columns(), encoding, &kept[i]));
    return {};
  }));
  std::vector<WrittenFile> written;
  for (size_t i = 0; i < parts.size(); ++i) written.push_back({std::move(parts[i].add), std::move(kept[i])});
  TRY(attempt.keep(threads));
  return written;
}

}  // namespace

std::string part_name(const BatchNames& names, Random& random) {
  return fmt::format("part-{:010d}-{}-{}.parquet", names.batch, names.epoch, random.uuid());
}

std::optional<PartName> parse_part_name(std::string_view name) {
  constexpr std::string_view kStart = "part-";
  if (!name.starts_with(kStart)) return std::nullopt;
  name.remove_prefix(kStart.size());
  PartName out;
  for (int64_t* number : {&out.batch, &out.epoch}) {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), *number);
    if (error != std::errc() || end == name.data() + name.size() || *end != '-') return std::nullopt;
    name.remove_prefix(size_t(end - name.data()) + 1);
  }
  return out;
}

Result<std::vector<WrittenFile>> write_silver_files(const LakePaths& lake, const EventBatch& batch,
                                                    std::span<const uint32_t> rows, const SilverFacts& facts,
                                                    const Decoder& decoder, const BatchNames& names, Random& random,
                                                    int32_t threads) {
  static const std::vector<std::string> kPartitionColumns = silver_schema().partition_columns;
  static const ParquetOptions kEncoding = silver_encoding();
  const std::vector<SilverPart> split = split_by_partition(batch, rows);
  std::vector<Part> parts;
  Attempt attempt(lake.silver());
  for (const SilverPart& part : split) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (const uint32_t r : part.rows) {
      first = std::min(first, batch.event_time[r]);
      last = std::max(last, batch.event_time[r]);
    }
    delta::FileStats stats(int64_t(part.rows.size()));
    stats.add_timestamp("event_timestamp", first, last, 0);
    stats.add_number("batch_id", facts.batch_id, facts.batch_id, 0);
    delta::PartitionValues values{{"event_date", date_text(part.event_date)},
                                  {"event_type", std::string(decoder.type_name(part.event_type))}};
    parts.push_back(prepare_part(attempt, kPartitionColumns, std::move(values), part_name(names, random),
                                 std::move(stats), names.time_ms,
                                 [&batch, &part, &facts] { return silver_columns(batch, part.rows, facts); }));
  }
  // Threads pay where there is much to encode; a small batch would only pay for starting them.
  constexpr size_t kRowsWorthAThread = 20'000;
  return write_parts(attempt, std::move(parts), kEncoding, rows.size() < kRowsWorthAThread ? 1 : threads);
}

Result<std::vector<NamedFile>> write_quarantine_file(const LakePaths& lake, std::span<const Reject> rejects,
                                                     const SilverFacts& facts, const BatchNames& names,
                                                     Random& random) {
  if (rejects.empty()) return std::vector<NamedFile>();
  TextColumn topic, key, value, reason, detail, field, origin;
  FixedColumn<int32_t> partition;
  FixedColumn<int64_t> offset, record_time, batch_id, processed;
  const auto maybe = [](TextColumn& c, bool there, std::string_view v) { there ? c.append(v) : c.append_null(); };
  for (const Reject& r : rejects) {
    const SourceName& source = facts.sources[r.source];
    topic.append(source.topic), partition.append(source.partition), offset.append(r.offset);
    maybe(key, r.has_key, key_text(r.key));
    r.record_time == kNoTime ? record_time.append_null() : record_time.append(r.record_time);
    maybe(value, r.has_value, r.value);
    reason.append(name_of(r.reason)), detail.append(r.detail);
    maybe(field, !r.field.empty(), r.field);
    maybe(origin, !r.origin.empty(), r.origin);
    batch_id.append(facts.batch_id), processed.append(facts.batch_time);
  }
  std::vector<ColumnData> c;
  c.push_back(topic.finish("topic"));
  c.push_back(partition.finish("partition", kFormatInt32));
  c.push_back(offset.finish("offset", kFormatInt64));
  c.push_back(key.finish("kafka_key"));
  c.push_back(record_time.finish("kafka_timestamp", kFormatTimestamp));
  c.push_back(value.finish("value", kFormatBinary));
  c.push_back(reason.finish("reason"));
  c.push_back(detail.finish("detail"));
  c.push_back(field.finish("field"));
  c.push_back(origin.finish("origin"));
  c.push_back(batch_id.finish("batch_id", kFormatInt64));
  c.push_back(processed.finish("processing_timestamp", kFormatTimestamp));
  const auto rows = int64_t(rejects.size());
  const std::string name = part_name(names, random);
  TRY(make_folders(lake.quarantine()));
  const int64_t size =
      TRY(write_parquet(lake.quarantine() / name, ColumnBatch(rows, std::move(c)), quarantine_encoding()));
  TRY(sync_folder(lake.quarantine()));
  return std::vector<NamedFile>{{name, size, rows}};
}

delta::AddFile quarantine_add(const NamedFile& file, int64_t time_ms) {
  return {file.path, {}, file.size, time_ms, true, delta::FileStats(file.rows).json()};
}

Result<std::vector<delta::AddFile>> write_view_files(const LakePaths& lake, const ViewRows& rows, ViewBasis basis,
                                                     const BatchNames& names, Random& random) {
  std::vector<DatedRows> parts;
  for (size_t first = 0, last; first < rows.size(); first = last) {
    for (last = first; last < rows.size() && rows.window_date(last) == rows.window_date(first);) ++last;
    parts.push_back({rows.window_date(first), int64_t(last - first),
                     [&rows, first, last, basis, &names] { return rows.columns(first, last, basis, names.batch); },
                     std::string(name_of(basis))});
  }
  return write_dated_files(lake.gold(rows.view().name), parts, names, random);
}

Result<std::vector<delta::AddFile>> write_dated_files(const fs::path& table, std::span<const DatedRows> dates,
                                                      const BatchNames& names, Random& random) {
  static const std::vector<std::string> kPartitionColumns = {"window_date"};
  std::vector<Part> parts;
  Attempt attempt(table);
  for (const DatedRows& of : dates) {
    delta::FileStats stats(of.rows);
    stats.add_number("batch_id", names.batch, names.batch, 0);
    if (!of.basis.empty()) stats.add_text("basis", of.basis, of.basis, 0);
    parts.push_back(prepare_part(attempt, kPartitionColumns, {{"window_date", date_text(of.date)}},
                                 part_name(names, random), std::move(stats), names.time_ms, of.columns));
  }
  std::vector<delta::AddFile> adds;
  for (WrittenFile& file : TRY(write_parts(attempt, std::move(parts), gold_encoding(), 1)))
    adds.push_back(std::move(file.add));
  return adds;
}

}  // namespace pactolus
