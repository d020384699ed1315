#include "lake/parquet/parquet_file.h"

#include <arrow/c/bridge.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <fmt/core.h>
#include <parquet/api/reader.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <algorithm>

#include "base/fault.h"

namespace pactolus {
namespace {

std::unexpected<Error> failed(const arrow::Status& status, const char* what, const fs::path& path) {
  const ErrorCode code = status.IsIOError() ? ErrorCode::io : ErrorCode::corrupt;
  return fail(code, fmt::format("{} {}: {}", what, path.native(), status.ToString()));
}

// Statistics of dictionary columns are made once per write batch, by hashing; 20,000 rows is one data page.
constexpr int64_t kWriteBatch = 20'000;
constexpr int64_t kRowGroupRows = 1 << 20;

std::shared_ptr<parquet::WriterProperties> properties(const ParquetOptions& o) {
  parquet::WriterProperties::Builder b;
  b.max_row_group_length(kRowGroupRows)->write_batch_size(kWriteBatch);
  if (o.data_page_v2) b.data_page_version(parquet::ParquetDataPageVersion::V2);
  b.version(parquet::ParquetVersion::PARQUET_2_6);
  switch (o.codec) {
    case Codec::uncompressed: b.compression(arrow::Compression::UNCOMPRESSED); break;
    case Codec::snappy: b.compression(arrow::Compression::SNAPPY); break;
    case Codec::zstd: b.compression(arrow::Compression::ZSTD)->compression_level(1); break;
  }
  for (const auto& c : o.delta_packed) b.disable_dictionary(c)->encoding(c, parquet::Encoding::DELTA_BINARY_PACKED);
  for (const auto& c : o.delta_text) b.disable_dictionary(c)->encoding(c, parquet::Encoding::DELTA_BYTE_ARRAY);
  for (const auto& c : o.plain) b.disable_dictionary(c)->encoding(c, parquet::Encoding::PLAIN);
  for (const auto& c : o.no_statistics) b.disable_statistics(c);
  for (const auto& c : o.zstd) b.compression(c, arrow::Compression::ZSTD)->compression_level(c, 1);
  b.enable_store_decimal_as_integer();
  return b.build();
}

std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties() {
  parquet::ArrowWriterProperties::Builder b;
  b.set_use_threads(false);
  return b.build();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> encode(ColumnBatch& batch, const ParquetOptions& options) {
  ArrowSchema c_schema;
  ArrowArray c_array;
  batch.move_out(&c_schema, &c_array);
  ARROW_ASSIGN_OR_RAISE(auto records, arrow::ImportRecordBatch(&c_array, &c_schema));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create(records->num_rows() * 20 + 4096));
  ARROW_ASSIGN_OR_RAISE(auto writer, parquet::arrow::FileWriter::Open(*records->schema(), arrow::default_memory_pool(),
                                                                      sink, properties(options), arrow_properties()));
  // A row group that is buffered keeps the fast path of dictionary arrays (one dictionary, codes written as they are).
  ARROW_RETURN_NOT_OK(writer->NewBufferedRowGroup());
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*records));
  ARROW_RETURN_NOT_OK(writer->Close());
  return sink->Finish();
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_reader(const fs::path& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path.native()));
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(file));
  std::unique_ptr<parquet::arrow::FileReader> reader;
  ARROW_RETURN_NOT_OK(builder.Build(&reader));
  reader->set_use_threads(false);
  return reader;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> read_records(const fs::path& path,
                                                                std::span<const std::string> columns) {
  ARROW_ASSIGN_OR_RAISE(auto reader, open_reader(path));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  std::shared_ptr<arrow::Table> table;
  if (columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(table, reader->ReadTable());
  } else {
    // The reader counts leaves, the caller top-level columns: a leaf belongs to the column its path begins with.
    std::vector<int> leaves;
    const auto* descriptor = reader->parquet_reader()->metadata()->schema();
    for (int i = 0; i < descriptor->num_columns(); ++i) {
      const std::string top = descriptor->Column(i)->path()->ToDotVector().front();
      if (std::find(columns.begin(), columns.end(), top) != columns.end()) leaves.push_back(i);
    }
    ARROW_ASSIGN_OR_RAISE(table, reader->ReadTable(leaves));
  }
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

Result<int64_t> write_parquet(const fs::path& path, ColumnBatch batch, const ParquetOptions& options) try {
  auto encoded = encode(batch, options);
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

Result<ColumnBatch> read_parquet(const fs::path& path, std::span<const std::string> columns) try {
  auto records = read_records(path, columns);
  if (!records.ok()) return failed(records.status(), "cannot read", path);
  ArrowSchema schema;
  ArrowArray array;
  if (auto status = arrow::ExportRecordBatch(**records, &array, &schema); !status.ok())
    return failed(status, "cannot read", path);
  return ColumnBatch(schema, array);
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
