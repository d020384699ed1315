#include "lake/parquet/parquet_file.h"

#include <arrow/c/bridge.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <fmt/core.h>
#include <parquet/api/reader.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/column_page.h>

#include <algorithm>
#include <numeric>

#include "base/fault.h"
#include "lake/parquet/parquet_properties.h"

namespace pactolus {
namespace {

std::unexpected<Error> failed(const arrow::Status& status, const char* what, const fs::path& path) {
  const ErrorCode code = status.IsIOError() ? ErrorCode::io : ErrorCode::corrupt;
  return fail(code, fmt::format("{} {}: {}", what, path.native(), status.ToString()));
}

arrow::Result<std::shared_ptr<arrow::Buffer>> encode(ColumnBatch& batch, const ParquetOptions& options,
                                                     std::shared_ptr<const KeptRows>* keep) {
  ArrowSchema c_schema;
  ArrowArray c_array;
  batch.move_out(&c_schema, &c_array);
  ARROW_ASSIGN_OR_RAISE(auto records, arrow::ImportRecordBatch(&c_array, &c_schema));
  ARROW_ASSIGN_OR_RAISE(auto sink,
                        arrow::io::BufferOutputStream::Create(records->num_rows() * 20 + 4096, writer_memory()));
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        parquet::arrow::FileWriter::Open(*records->schema(), writer_memory(), sink,
                                                         writer_properties(options), arrow_writer_properties()));
  // A row group that is buffered keeps the fast path of dictionary arrays (one dictionary, codes written as they are).
  ARROW_RETURN_NOT_OK(writer->NewBufferedRowGroup());
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*records));
  ARROW_RETURN_NOT_OK(writer->Close());
  if (keep) *keep = std::make_shared<const KeptRows>(std::move(records));
  return sink->Finish();
}

// The reader counts leaves, the caller top-level columns: a leaf belongs to the column its path begins with.
std::vector<int> leaves_of(const parquet::FileMetaData& file, std::span<const std::string> columns) {
  std::vector<int> leaves;
  for (int i = 0; i < file.schema()->num_columns(); ++i)
    if (std::ranges::find(columns, file.schema()->Column(i)->path()->ToDotVector().front()) != columns.end())
      leaves.push_back(i);
  return leaves;
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_reader(const fs::path& path,
                                                                       std::span<const std::string> coded = {}) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path.native()));
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(file, reader_properties()));
  parquet::ArrowReaderProperties properties(false);  // one thread
  for (const int leaf : leaves_of(*builder.raw_reader()->metadata(), coded)) properties.set_read_dictionary(leaf, true);
  builder.properties(properties);
  std::unique_ptr<parquet::arrow::FileReader> reader;
  ARROW_RETURN_NOT_OK(builder.Build(&reader));
  return reader;
}

// May a row of the group lie within? Without statistics it may.
bool may_be_within(const parquet::RowGroupMetaData& group, const ParquetRange& range) {
  for (int leaf = 0; leaf < group.num_columns(); ++leaf) {
    if (group.schema()->Column(leaf)->path()->ToDotString() != range.column) continue;
    const auto statistics = group.ColumnChunk(leaf)->statistics();
    if (!statistics || !statistics->HasMinMax() || statistics->physical_type() != parquet::Type::INT64) return true;
    const auto& bounds = static_cast<const parquet::Int64Statistics&>(*statistics);
    return bounds.max() >= range.min && bounds.min() <= range.max;
  }
  return true;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> read_records(const fs::path& path,
                                                                std::span<const std::string> columns,
                                                                std::span<const std::string> coded,
                                                                std::span<const ParquetRange> within) {
  ARROW_ASSIGN_OR_RAISE(auto reader, open_reader(path, coded));
  const auto metadata = reader->parquet_reader()->metadata();
  std::vector<int> groups, leaves;
  for (int g = 0; g < metadata->num_row_groups(); ++g)
    if (std::ranges::all_of(within, [&](const ParquetRange& r) { return may_be_within(*metadata->RowGroup(g), r); }))
      groups.push_back(g);
  if (columns.empty()) {
    leaves.resize(size_t(metadata->num_columns()));
    std::iota(leaves.begin(), leaves.end(), 0);
  } else {
    leaves = leaves_of(*metadata, columns);
  }
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadRowGroups(groups, leaves));
  // The library takes codes from the file as they are, and looks them up when it combines chunks.
  for (const auto& column : table->columns())
    if (column->type()->id() == arrow::Type::DICTIONARY) ARROW_RETURN_NOT_OK(column->ValidateFull());
  return table->CombineChunksToBatch();
}

Result<> write_content(File& file, std::string_view content) {
  const size_t half = content.size() / 2;
  TRY(file.write(content.substr(0, half)));
  fault_point("parquet.half_written");
  TRY(file.write(content.substr(half)));
  return file.sync();
}

}  // namespace

int64_t bytes_of(const KeptRows& rows) {
  constexpr int64_t kRow = 140;  // codes, numbers, times and an id
  return rows.batch()->num_rows() * kRow + rows.batch()->num_columns() * int64_t(256);
}

int64_t count_of(const KeptRows& rows) { return rows.batch()->num_rows(); }

Result<int64_t> write_parquet(const fs::path& path, ColumnBatch batch, const ParquetOptions& options,
                              std::shared_ptr<const KeptRows>* keep) try {
  auto encoded = encode(batch, options, keep);
  if (!encoded.ok()) return failed(encoded.status(), "cannot encode", path);
  const std::shared_ptr<arrow::Buffer>& bytes = *encoded;
  const std::string_view content(reinterpret_cast<const char*>(bytes->data()), size_t(bytes->size()));
  File file = TRY(File::create(path));
  if (auto written = write_content(file, content); !written) {
    (void)remove_file(path);  // half a file would keep the space that a full disk lacks
    return std::unexpected(written.error());
  }
  return file.size();
} catch (const std::exception& e) {
  return fail(ErrorCode::io, fmt::format("cannot write {}: {}", path.native(), e.what()));
}

Result<ColumnBatch> read_parquet(const fs::path& path, std::span<const std::string> columns,
                                 std::span<const std::string> coded, std::span<const ParquetRange> within) try {
  auto records = read_records(path, columns, coded, within);
  if (!records.ok()) return failed(records.status(), "cannot read", path);
  ArrowSchema schema;
  ArrowArray array;
  if (auto status = arrow::ExportRecordBatch(**records, &array, &schema); !status.ok())
    return failed(status, "cannot read", path);
  return ColumnBatch(schema, array);
} catch (const std::exception& e) {
  return fail(ErrorCode::corrupt, fmt::format("cannot read {}: {}", path.native(), e.what()));
}

Result<> check_parquet_pages(const fs::path& path) try {
  auto opened = arrow::io::ReadableFile::Open(path.native());
  if (!opened.ok()) return failed(opened.status(), "cannot read", path);
  const auto reader = parquet::ParquetFileReader::Open(*opened, reader_properties());
  const auto metadata = reader->metadata();
  for (int g = 0; g < metadata->num_row_groups(); ++g) {
    for (int c = 0; c < metadata->num_columns(); ++c) {
      const auto pages = reader->RowGroup(g)->GetColumnPageReader(c);
      int64_t values = 0;
      while (const auto page = pages->NextPage())
        if (page->type() == parquet::PageType::DATA_PAGE || page->type() == parquet::PageType::DATA_PAGE_V2)
          values += static_cast<const parquet::DataPage&>(*page).num_values();
      if (const int64_t told = metadata->RowGroup(g)->ColumnChunk(c)->num_values(); values != told)
        return fail(ErrorCode::corrupt,
                    fmt::format("cannot read {}: {} has {} values, the footer says {}", path.native(),
                                metadata->schema()->Column(c)->path()->ToDotString(), values, told));
    }
  }
  return {};
} catch (const std::exception& e) {
  return fail(ErrorCode::corrupt, fmt::format("cannot read {}: {}", path.native(), e.what()));
}

Result<ParquetFooter> read_parquet_footer(const fs::path& path) try {
  auto reader = open_reader(path);
  if (!reader.ok()) return failed(reader.status(), "cannot read", path);
  const auto metadata = (*reader)->parquet_reader()->metadata();
  ParquetFooter footer{metadata->num_rows(), metadata->num_row_groups(), {}};
  const auto* group = metadata->schema()->group_node();
  for (int i = 0; i < group->field_count(); ++i) footer.columns.push_back(group->field(i)->name());
  return footer;
} catch (const std::exception& e) {
  return fail(ErrorCode::corrupt, fmt::format("cannot read {}: {}", path.native(), e.what()));
}

}  // namespace pactolus
