#include "lake/parquet/parquet_text.h"

#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <unistd.h>

#include <cmath>
#include <functional>

#include "base/time_text.h"

namespace pactolus {
namespace {

constexpr int64_t kBatchRows = 8192;

std::unexpected<Error> failed(const arrow::Status& status, const fs::path& path) {
  return fail(status.IsIOError() ? ErrorCode::io : ErrorCode::invalid,
              fmt::format("cannot read {} as Parquet: {}", path.native(), status.message()));
}

// A column of the batch at hand: where each row's text is. What is no text in the file is written into `made`.
struct TextColumn {
  std::vector<std::string_view> texts;
  std::string made;
  std::vector<size_t> ends;  // of the texts in `made`, until it has stopped growing
};

template <class Array, class Write>
void write_all(const arrow::Array& any, TextColumn& out, Write&& write) {
  const auto& values = static_cast<const Array&>(any);
  for (int64_t i = 0; i < values.length(); ++i) {
    if (values.IsValid(i)) write(values, i, out.made);
    out.ends.push_back(out.made.size());
  }
}
template <class Array>
void write_numbers(const arrow::Array& any, TextColumn& out) {
  write_all<Array>(any, out, [](const Array& values, int64_t i, std::string& text) {
    const auto v = values.Value(i);
    if constexpr (std::is_floating_point_v<decltype(v)>)
      if (std::isnan(v)) return;
    const size_t begin = text.size();
    fmt::format_to(std::back_inserter(text), "{}", v);
    if constexpr (std::is_floating_point_v<decltype(v)>)
      if (text.find_first_not_of("-0123456789", begin) == std::string::npos) text += ".0";
  });
}
template <class Array>
void point_at_texts(const arrow::Array& any, TextColumn& out) {
  const auto& values = static_cast<const Array&>(any);
  for (int64_t i = 0; i < values.length(); ++i)
    out.texts.push_back(values.IsValid(i) ? values.GetView(i) : std::string_view());
}

int64_t to_micros(int64_t value, arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return value * 1'000'000;
    case arrow::TimeUnit::MILLI: return value * 1'000;
    case arrow::TimeUnit::MICRO: return value;
    case arrow::TimeUnit::NANO: break;
  }
  return value / 1000 - (value % 1000 < 0);
}
bool can_be_time(int64_t value, arrow::TimeUnit::type unit) {  // the years 1 to 9999
  constexpr int64_t kFirst = -62'135'596'800, kLast = 253'402'300'799;
  switch (unit) {
    case arrow::TimeUnit::SECOND: return value >= kFirst && value <= kLast;
    case arrow::TimeUnit::MILLI: return value >= kFirst * 1000 && value / 1000 <= kLast;
    case arrow::TimeUnit::MICRO: return value >= kFirst * 1'000'000 && value / 1'000'000 <= kLast;
    case arrow::TimeUnit::NANO: break;
  }
  return true;
}
void write_time(int64_t value, arrow::TimeUnit::type unit, std::string& text) {
  if (!can_be_time(value, unit)) {
    fmt::format_to(std::back_inserter(text), "{}", value);
    return;
  }
  char iso[27];  // 2009-12-01T07:45:00.000000Z
  write_iso_time(to_micros(value, unit), iso);
  iso[10] = ' ';
  const std::string_view whole(iso, 26);
  text += whole.ends_with(".000000") ? whole.substr(0, 19) : whole;
}

Result<> read_texts(const arrow::Array& array, TextColumn& out);

Result<> read_dictionary(const arrow::DictionaryArray& array, TextColumn& out) {
  TextColumn words;
  TRY(read_texts(*array.dictionary(), words));
  std::vector<std::pair<size_t, size_t>> at;
  for (const std::string_view word : words.texts) {
    at.emplace_back(out.made.size(), word.size());
    out.made += word;
  }
  for (int64_t i = 0; i < array.length(); ++i) {
    if (!array.IsValid(i)) {
      out.texts.emplace_back();
      continue;
    }
    const auto [begin, size] = at[size_t(array.GetValueIndex(i))];
    out.texts.push_back(std::string_view(out.made).substr(begin, size));
  }
  return {};
}

bool can_read(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::NA: return true;
    case arrow::Type::DICTIONARY: return can_read(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default: return false;
  }
}

// One text per row of the array; of a type that can_read() has answered for.
Result<> read_texts(const arrow::Array& array, TextColumn& out) {
  out.texts.clear();
  out.made.clear();
  out.ends.clear();
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY: point_at_texts<arrow::BinaryArray>(array, out); return {};
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY: point_at_texts<arrow::LargeBinaryArray>(array, out); return {};
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: point_at_texts<arrow::BinaryViewArray>(array, out); return {};
    case arrow::Type::FIXED_SIZE_BINARY: point_at_texts<arrow::FixedSizeBinaryArray>(array, out); return {};
    case arrow::Type::DICTIONARY: return read_dictionary(static_cast<const arrow::DictionaryArray&>(array), out);
    case arrow::Type::BOOL:
      write_all<arrow::BooleanArray>(
          array, out, [](const auto& v, int64_t i, std::string& text) { text += v.Value(i) ? "true" : "false"; });
      break;
    case arrow::Type::INT8: write_numbers<arrow::Int8Array>(array, out); break;
    case arrow::Type::INT16: write_numbers<arrow::Int16Array>(array, out); break;
    case arrow::Type::INT32: write_numbers<arrow::Int32Array>(array, out); break;
    case arrow::Type::INT64: write_numbers<arrow::Int64Array>(array, out); break;
    case arrow::Type::UINT8: write_numbers<arrow::UInt8Array>(array, out); break;
    case arrow::Type::UINT16: write_numbers<arrow::UInt16Array>(array, out); break;
    case arrow::Type::UINT32: write_numbers<arrow::UInt32Array>(array, out); break;
    case arrow::Type::UINT64: write_numbers<arrow::UInt64Array>(array, out); break;
    case arrow::Type::FLOAT: write_numbers<arrow::FloatArray>(array, out); break;
    case arrow::Type::DOUBLE: write_numbers<arrow::DoubleArray>(array, out); break;
    case arrow::Type::DECIMAL128:
      write_all<arrow::Decimal128Array>(array, out,
                                        [](const auto& v, int64_t i, std::string& text) { text += v.FormatValue(i); });
      break;
    case arrow::Type::DECIMAL256:
      write_all<arrow::Decimal256Array>(array, out,
                                        [](const auto& v, int64_t i, std::string& text) { text += v.FormatValue(i); });
      break;
    case arrow::Type::DATE32:
      write_all<arrow::Date32Array>(array, out, [](const auto& v, int64_t i, std::string& text) {
        const int64_t day = v.Value(i);
        text += can_be_time(day * 86'400, arrow::TimeUnit::SECOND) ? date_text(int32_t(day)) : fmt::to_string(day);
      });
      break;
    case arrow::Type::DATE64:
      write_all<arrow::Date64Array>(array, out, [](const auto& v, int64_t i, std::string& text) {
        write_time(v.Value(i), arrow::TimeUnit::MILLI, text);
      });
      break;
    case arrow::Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(*array.type()).unit();
      write_all<arrow::TimestampArray>(
          array, out, [unit](const auto& v, int64_t i, std::string& text) { write_time(v.Value(i), unit, text); });
      break;
    }
    default: out.ends.assign(size_t(array.length()), 0); break;  // NA: nothing but nulls
  }
  size_t begin = 0;
  for (const size_t end : out.ends) {
    out.texts.push_back(std::string_view(out.made).substr(begin, end - begin));
    begin = end;
  }
  return {};
}

class ArrowParquetText final : public ParquetText {
 public:
  explicit ArrowParquetText(fs::path path) : path_(std::move(path)) {}

  Result<> start(int descriptor) {
    const int own = ::dup(descriptor);
    if (own < 0) return fail_errno("cannot open", path_.native());
    auto file = arrow::io::ReadableFile::Open(own);  // closes it, when it has come to be
    if (!file.ok()) return failed(file.status(), path_);
    parquet::arrow::FileReaderBuilder builder;
    if (const auto status = builder.Open(*file); !status.ok()) return failed(status, path_);
    if (const auto status = builder.Build(&reader_); !status.ok()) return failed(status, path_);
    reader_->set_use_threads(false);
    reader_->set_batch_size(kBatchRows);
    std::shared_ptr<arrow::Schema> schema;
    if (const auto status = reader_->GetSchema(&schema); !status.ok()) return failed(status, path_);
    for (const auto& field : schema->fields()) {
      if (!can_read(*field->type()))
        return fail(ErrorCode::invalid,
                    fmt::format("column {} of {} is of type {}, which cannot be read as a text", field->name(),
                                path_.native(), field->type()->ToString()),
                    "export the file without that column, or with its values as text");
      if (std::find(columns_.begin(), columns_.end(), field->name()) != columns_.end())
        return fail(ErrorCode::invalid, fmt::format("{} has two columns {}", path_.native(), field->name()));
      columns_.push_back(field->name());
    }
    rows_ = reader_->parquet_reader()->metadata()->num_rows();
    texts_.resize(columns_.size());
    auto batches = reader_->GetRecordBatchReader();
    if (!batches.ok()) return failed(batches.status(), path_);
    batches_ = std::move(*batches);
    return {};
  }

  Result<bool> next(std::vector<std::string_view>& row) override {
    while (at_ == held_)
      if (!TRY(read_batch())) return false;
    row.clear();
    for (const TextColumn& column : texts_) row.push_back(column.texts[at_]);
    ++at_;
    return true;
  }

 private:
  Result<bool> read_batch() try {
    const auto status = batches_->ReadNext(&batch_);
    if (!status.ok()) return failed(status, path_);
    at_ = held_ = 0;
    if (!batch_) {
      if (given_ != rows_)
        return fail(ErrorCode::invalid,
                    fmt::format("{} says that it has {} rows, there are {}", path_.native(), rows_, given_));
      return false;
    }
    for (int i = 0; i < batch_->num_columns(); ++i) TRY(read_texts(*batch_->column(i), texts_[size_t(i)]));
    held_ = size_t(batch_->num_rows());
    given_ += batch_->num_rows();
    return true;
  } catch (const std::exception& e) {
    return fail(ErrorCode::invalid, fmt::format("cannot read {} as Parquet: {}", path_.native(), e.what()));
  }

  fs::path path_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::vector<TextColumn> texts_;  // of batch_, by column
  size_t at_ = 0, held_ = 0;
  int64_t given_ = 0;
};

}  // namespace

Result<std::unique_ptr<ParquetText>> ParquetText::open(int descriptor, const fs::path& path) try {
  auto text = std::make_unique<ArrowParquetText>(path);
  TRY(text->start(descriptor));
  return text;
} catch (const std::exception& e) {
  return fail(ErrorCode::invalid, fmt::format("cannot read {} as Parquet: {}", path.native(), e.what()));
}

}  // namespace pactolus
