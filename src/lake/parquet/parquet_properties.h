// How this program writes and reads Parquet, in the library's terms; for the sources of this folder.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <parquet/properties.h>

#include <memory>

#include "lake/parquet/parquet_file.h"

namespace pactolus {

// What a writer allocates from. The C library's: the library's own pool gives what a file took back to the kernel when
// the thread that wrote it ends, and every batch pays for zeroed pages again (a stream's CPU: 5 to 8 %).
arrow::MemoryPool* writer_memory();
std::shared_ptr<parquet::WriterProperties> writer_properties(const ParquetOptions& options);
std::shared_ptr<parquet::ArrowWriterProperties> arrow_writer_properties();
parquet::ReaderProperties reader_properties();

class KeptRows {
 public:
  explicit KeptRows(std::shared_ptr<arrow::RecordBatch> batch) : batch_(std::move(batch)) {}
  const std::shared_ptr<arrow::RecordBatch>& batch() const { return batch_; }

 private:
  std::shared_ptr<arrow::RecordBatch> batch_;
};

}  // namespace pactolus
