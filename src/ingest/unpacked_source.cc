#include "ingest/unpacked_source.h"

#include <fmt/core.h>

namespace pactolus {

std::optional<Compression> compression_of(std::string_view head) noexcept {
  if (head.starts_with("\x1f\x8b")) return Compression::gzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  return std::nullopt;
}

Result<std::unique_ptr<UnpackedSource>> UnpackedSource::open(InputFile& file, Compression compression) {
  auto decompressor = TRY(Decompressor::make(compression));
  return std::unique_ptr<UnpackedSource>(new UnpackedSource(file, std::move(decompressor)));
}

Result<size_t> UnpackedSource::read(char* out, size_t room) {
  for (;;) {
    const std::string_view waiting(packed_.data() + begin_, end_ - begin_);
    auto step = decompressor_->step(waiting, out, room);
    if (!step) {
      step.error().where = file_.path().native();
      return std::unexpected(std::move(step).error());
    }
    begin_ += step->taken;
    if (step->written > 0) return step->written;
    if (step->taken > 0) continue;
    if (begin_ > 0) packed_.erase(0, begin_).resize(size_t(64) << 10);
    end_ -= begin_;
    begin_ = 0;
    const size_t got = TRY(file_.read(packed_.data() + end_, packed_.size() - end_));
    if (got == 0) {
      if (end_ == 0 && decompressor_->at_boundary()) return 0;
      return fail(ErrorCode::invalid,
                  fmt::format("the compressed file is cut off in the middle: {}", file_.path().native()),
                  "fetch it again; nothing of it has been taken");
    }
    end_ += got;
  }
}

}  // namespace pactolus
