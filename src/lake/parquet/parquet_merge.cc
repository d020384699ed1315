#include "lake/parquet/parquet_merge.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_dict.h>
#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_dict.h>
#include <arrow/array/util.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <fmt/core.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <algorithm>

#include "base/fault.h"
#include "lake/parquet/parquet_properties.h"
#include "lake/parquet/row_group_copy.h"

namespace pactolus {
namespace {

constexpr int64_t kGroupRows = 500'000;

using Tables = std::vector<std::shared_ptr<arrow::Table>>;

// A File of ours as what the library writes to: a full disk is told as such.
class FileSink final : public arrow::io::OutputStream {
 public:
  explicit FileSink(File& file) : file_(file) {}
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return file_.size(); }
  using arrow::io::OutputStream::Write;
  arrow::Status Write(const void* data, int64_t bytes) override {
    auto written = file_.write({static_cast<const char*>(data), size_t(bytes)});
    if (written) return arrow::Status::OK();
    error_ = std::move(written).error();
    return arrow::Status::IOError("the file cannot be written");
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  File& file_;
  std::optional<Error> error_;
};

bool is_dictionary(const ParquetOptions& options, const std::string& column) {
  const auto named = [&](const std::vector<std::string>& names) {
    return std::ranges::find(names, column) != names.end();
  };
  return !named(options.delta_text) && !named(options.plain) && !named(options.delta_packed);
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_file(const fs::path& path,
                                                                     const ParquetOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path.native()));
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(file, reader_properties()));
  parquet::ArrowReaderProperties properties(false);
  const auto* schema = builder.raw_reader()->metadata()->schema();
  for (int i = 0; i < schema->num_columns(); ++i)
    if (schema->Column(i)->physical_type() == parquet::Type::BYTE_ARRAY &&
        schema->Column(i)->max_repetition_level() == 0 && schema->Column(i)->logical_type()->is_string() &&
        is_dictionary(options, schema->Column(i)->name()))
      properties.set_read_dictionary(i, true);
  builder.properties(properties);
  std::unique_ptr<parquet::arrow::FileReader> reader;
  ARROW_RETURN_NOT_OK(builder.Build(&reader));
  return reader;
}

// Texts lie in memory plainly or by dictionary, as it was best for their batch; in a merged file all chunks of a column
// lie one way.
template <class Builder>
arrow::Result<std::shared_ptr<arrow::Array>> rebuilt(const arrow::Array& texts) {
  Builder builder;
  const auto* coded =
      texts.type_id() == arrow::Type::DICTIONARY ? &static_cast<const arrow::DictionaryArray&>(texts) : nullptr;
  const auto& values = static_cast<const arrow::StringArray&>(coded ? *coded->dictionary() : texts);
  for (int64_t i = 0; i < texts.length(); ++i) {
    const bool valid = texts.IsValid(i);
    ARROW_RETURN_NOT_OK(valid ? builder.Append(values.GetView(coded ? coded->GetValueIndex(i) : i))
                              : builder.AppendNull());
  }
  return builder.Finish();
}

bool is_text(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DICTIONARY)
    return static_cast<const arrow::DictionaryType&>(type).value_type()->id() == arrow::Type::STRING;
  return type.id() == arrow::Type::STRING;
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> laid_out_as(const std::shared_ptr<arrow::ChunkedArray>& column,
                                                                const std::shared_ptr<arrow::DataType>& type) {
  arrow::ArrayVector chunks;
  for (const auto& chunk : column->chunks()) {
    ARROW_ASSIGN_OR_RAISE(auto array, type->id() == arrow::Type::STRING
                                          ? rebuilt<arrow::StringBuilder>(*chunk)
                                          : rebuilt<arrow::StringDictionary32Builder>(*chunk));
    chunks.push_back(std::move(array));
  }
  return arrow::ChunkedArray::Make(std::move(chunks), type);
}

// The columns in the order of `schema`; missing ones are null.
arrow::Result<std::shared_ptr<arrow::Table>> widened(const std::shared_ptr<arrow::Table>& table,
                                                     const std::shared_ptr<arrow::Schema>& schema) {
  for (const std::string& name : table->ColumnNames())
    if (schema->GetFieldIndex(name) < 0)
      return arrow::Status::Invalid("column ", name, " is in a file between the oldest and the newest only");
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (const auto& field : schema->fields()) {
    auto column = table->GetColumnByName(field->name());
    if (!column) {
      ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), table->num_rows()));
      column = std::make_shared<arrow::ChunkedArray>(nulls);
    } else if (!column->type()->Equals(field->type()) && is_text(*column->type()) && is_text(*field->type())) {
      ARROW_ASSIGN_OR_RAISE(column, laid_out_as(column, field->type()));
    } else if (!column->type()->Equals(field->type())) {
      return arrow::Status::Invalid("column ", field->name(), " is ", column->type()->ToString(), " in one file and ",
                                    field->type()->ToString(), " in another");
    }
    columns.push_back(std::move(column));
  }
  return arrow::Table::Make(schema, std::move(columns), table->num_rows());
}

// The table, whose first row has the number `first`, without some rows.
arrow::Result<std::shared_ptr<arrow::Table>> without(const arrow::Table& table, int64_t first,
                                                     std::span<const int64_t> gone) {
  ARROW_ASSIGN_OR_RAISE(const auto batch, table.CombineChunksToBatch());
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (int c = 0; c < batch->num_columns(); ++c) {
    const arrow::Array& from = *batch->column(c);
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), from.type(), &builder));
    ARROW_RETURN_NOT_OK(builder->Reserve(from.length()));
    int64_t next = 0;
    const auto copy_to = [&](int64_t end) -> arrow::Status {
      if (end > next) ARROW_RETURN_NOT_OK(builder->AppendArraySlice(arrow::ArraySpan(*from.data()), next, end - next));
      next = end + 1;
      return arrow::Status::OK();
    };
    for (const int64_t row : gone) ARROW_RETURN_NOT_OK(copy_to(row - first));
    ARROW_RETURN_NOT_OK(copy_to(from.length()));
    ARROW_ASSIGN_OR_RAISE(auto kept, builder->Finish());
    columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(kept)));
  }
  return arrow::Table::Make(table.schema(), std::move(columns), table.num_rows() - int64_t(gone.size()));
}

class Merge {
 public:
  Merge(File& out, const ParquetOptions& options) : sink_(std::make_shared<FileSink>(out)), options_(options) {}

  arrow::Result<int64_t> run(std::span<const MergeInput> files) {
    ARROW_RETURN_NOT_OK(find_schema(files));
    ARROW_ASSIGN_OR_RAISE(
        writer_, parquet::arrow::FileWriter::Open(*schema_, writer_memory(), sink_, writer_properties(options_),
                                                  arrow_writer_properties()));
    for (const MergeInput& file : files) {
      std::span<const int64_t> left_out = file.left_out;
      int64_t row = 0;
      if (file.rows) {
        ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches({file.rows->batch()}));
        ARROW_RETURN_NOT_OK(hold_kept(table, row, left_out));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(auto reader, open_file(file.path, options_));
      for (int group = 0; group < reader->num_row_groups(); ++group) {
        std::shared_ptr<arrow::Table> table;
        ARROW_RETURN_NOT_OK(reader->RowGroup(group)->ReadTable(&table));
        ARROW_RETURN_NOT_OK(hold_kept(table, row, left_out));
      }
    }
    if (held_rows_ > 0) ARROW_RETURN_NOT_OK(write_group());
    ARROW_RETURN_NOT_OK(writer_->Close());
    return rows_;
  }
  const std::optional<Error>& error() const { return sink_->error(); }

 private:
  // All columns of all files. Columns are only ever added, so nearly always it is that of the last one.
  arrow::Status find_schema(std::span<const MergeInput> files) {
    arrow::FieldVector fields;
    std::vector<std::string> seen;
    for (const MergeInput* file : {&files.back(), &files.front()}) {  // the newest and the oldest
      std::shared_ptr<arrow::Schema> schema;
      if (file->rows) {
        schema = file->rows->batch()->schema();
      } else {
        ARROW_ASSIGN_OR_RAISE(auto reader, open_file(file->path, options_));
        ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
      }
      for (const auto& field : schema->fields())
        if (std::ranges::find(seen, field->name()) == seen.end()) {
          seen.push_back(field->name());
          fields.push_back(field->WithNullable(true)->WithMetadata(nullptr));
        }
    }
    schema_ = arrow::schema(std::move(fields));
    return arrow::Status::OK();
  }

  // Rows `row` and following of the file, less those that are left out.
  arrow::Status hold_kept(std::shared_ptr<arrow::Table> table, int64_t& row, std::span<const int64_t>& left_out) {
    const int64_t first = row;
    row += table->num_rows();
    const auto mine = std::ranges::find_if(left_out, [&](int64_t r) { return r >= row; });
    const std::span<const int64_t> gone(left_out.begin(), mine);
    left_out = {mine, left_out.end()};
    if (!gone.empty()) {
      ARROW_ASSIGN_OR_RAISE(table, without(*table, first, gone));
    }
    return hold(table);
  }

  arrow::Status hold(const std::shared_ptr<arrow::Table>& table) {
    if (held_rows_ > 0 && held_rows_ + table->num_rows() > kGroupRows) ARROW_RETURN_NOT_OK(write_group());
    ARROW_ASSIGN_OR_RAISE(auto wide, widened(table, schema_));
    held_.push_back(std::move(wide));
    held_rows_ += table->num_rows();
    return arrow::Status::OK();
  }

  arrow::Status write_group() {
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::ConcatenateTables(held_));
    held_.clear();
    ARROW_ASSIGN_OR_RAISE(table, arrow::DictionaryUnifier::UnifyTable(*table));
    ARROW_ASSIGN_OR_RAISE(auto batch, table->CombineChunksToBatch());
    table.reset();
    ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
    ARROW_RETURN_NOT_OK(writer_->WriteRecordBatch(*batch));
    rows_ += batch->num_rows();
    held_rows_ = 0;
    return arrow::Status::OK();
  }

  std::shared_ptr<FileSink> sink_;
  const ParquetOptions& options_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  Tables held_;
  int64_t held_rows_ = 0, rows_ = 0;
};

// No value: they have to be decoded.
Result<std::optional<MergedParquet>> copied(std::span<const MergeInput> files, File& file) {
  std::vector<fs::path> paths;
  for (const MergeInput& input : files) {
    if (!input.left_out.empty()) return std::nullopt;
    paths.push_back(input.path);
  }
  const auto done = TRY(copy_row_groups(paths, file));
  if (!done) return std::nullopt;
  fault_point("merge.half_written");
  TRY(file.sync());
  return MergedParquet{done->rows, file.size()};
}

Result<MergedParquet> write_merged(std::span<const MergeInput> files, File& file, const ParquetOptions& options) try {
  Merge merge(file, options);
  const auto rows = merge.run(files);
  if (merge.error()) return std::unexpected(*merge.error());
  if (!rows.ok())
    return fail(rows.status().IsIOError() ? ErrorCode::io : ErrorCode::corrupt,
                fmt::format("cannot merge into {}: {}", file.path().native(), rows.status().ToString()));
  fault_point("merge.half_written");
  TRY(file.sync());
  return MergedParquet{*rows, file.size()};
} catch (const std::exception& e) {
  return fail(ErrorCode::corrupt, fmt::format("cannot merge into {}: {}", file.path().native(), e.what()));
}

}  // namespace

Result<MergedParquet> merge_parquet(std::span<const MergeInput> files, const fs::path& out,
                                    const ParquetOptions& options) {
  File file = TRY(File::create(out));
  auto merged = [&]() -> Result<MergedParquet> {
    if (const auto done = TRY(copied(files, file))) return *done;
    return write_merged(files, file, options);
  }();
  if (!merged) (void)remove_file(out);
  return merged;
}

}  // namespace pactolus
