#include "lake/parquet/parquet_properties.h"

namespace pactolus {
namespace {

// Statistics of dictionary columns are made once per write batch, by hashing; 20,000 rows is one data page.
constexpr int64_t kWriteBatch = 20'000;
constexpr int64_t kRowGroupRows = 1 << 20;

}  // namespace

arrow::MemoryPool* writer_memory() { return arrow::system_memory_pool(); }

std::shared_ptr<parquet::WriterProperties> writer_properties(const ParquetOptions& o) {
  parquet::WriterProperties::Builder b;
  b.memory_pool(writer_memory());
  b.max_row_group_length(kRowGroupRows)->write_batch_size(kWriteBatch);
  if (o.data_page_v2) b.data_page_version(parquet::ParquetDataPageVersion::V2);
  b.version(parquet::ParquetVersion::PARQUET_2_6);
  b.enable_page_checksum();  // CRC-32 in each page's header: a damaged byte is told by whoever looks, verify does
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

std::shared_ptr<parquet::ArrowWriterProperties> arrow_writer_properties() {
  parquet::ArrowWriterProperties::Builder b;
  b.set_use_threads(false);
  return b.build();
}

parquet::ReaderProperties reader_properties() {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return properties;
}

}  // namespace pactolus
