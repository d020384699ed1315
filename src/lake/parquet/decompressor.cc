#include "lake/parquet/decompressor.h"

#include <arrow/util/compression.h>
#include <fmt/core.h>

namespace pactolus {
namespace {

class ArrowDecompressor final : public Decompressor {
 public:
  ArrowDecompressor(std::unique_ptr<arrow::util::Codec> codec, std::shared_ptr<arrow::util::Decompressor> stream,
                    const char* name)
      : codec_(std::move(codec)), stream_(std::move(stream)), name_(name) {}

  Result<Step> step(std::string_view in, char* out, size_t room) override {
    if (at_boundary_) {
      if (in.empty()) return Step{};
      if (const auto status = stream_->Reset(); !status.ok()) return damaged(status);
      at_boundary_ = false;
    }
    const auto result = stream_->Decompress(int64_t(in.size()), reinterpret_cast<const uint8_t*>(in.data()),
                                            int64_t(room), reinterpret_cast<uint8_t*>(out));
    if (!result.ok()) return damaged(result.status());
    at_boundary_ = stream_->IsFinished();
    return Step{size_t(result->bytes_read), size_t(result->bytes_written)};
  }
  bool at_boundary() const override { return at_boundary_; }

 private:
  std::unexpected<Error> damaged(const arrow::Status& status) const {
    return fail(ErrorCode::invalid, fmt::format("the {} data is damaged: {}", name_, status.message()));
  }
  std::unique_ptr<arrow::util::Codec> codec_;
  std::shared_ptr<arrow::util::Decompressor> stream_;
  const char* name_;
  bool at_boundary_ = true;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> Decompressor::make(Compression compression) {
  const bool gzip = compression == Compression::gzip;
  auto codec = arrow::util::Codec::Create(gzip ? arrow::Compression::GZIP : arrow::Compression::ZSTD);
  if (!codec.ok()) return fail(ErrorCode::unsupported, codec.status().ToString());
  auto stream = (*codec)->MakeDecompressor();
  if (!stream.ok()) return fail(ErrorCode::unsupported, stream.status().ToString());
  return std::make_unique<ArrowDecompressor>(std::move(*codec), std::move(*stream), gzip ? "gzip" : "zstd");
}

}  // namespace pactolus
