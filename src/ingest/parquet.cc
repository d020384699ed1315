// Parquet: a row is a row, its values are texts.
#include "ingest/row_reader.h"
#include "lake/parquet/parquet_text.h"

namespace pactolus {
namespace {

class ParquetReader final : public RowReader {
 public:
  explicit ParquetReader(std::unique_ptr<ParquetText> text) : text_(std::move(text)) { columns_ = text_->columns(); }

  Result<bool> next(InputRow& row) override {
    if (!TRY(text_->next(fields_))) return false;
    ++given_;
    row = {{}, fields_, {}};
    return true;
  }
  std::optional<double> progress() const override {
    return text_->rows() > 0 ? double(given_) / double(text_->rows()) : 1;
  }

 private:
  std::unique_ptr<ParquetText> text_;
  std::vector<std::string_view> fields_;
  int64_t given_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_parquet(const InputFile& file) {
  return std::make_unique<ParquetReader>(TRY(ParquetText::open(file.descriptor(), file.path())));
}

}  // namespace pactolus
