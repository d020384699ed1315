#include "runtime/id_run.h"

#include <fmt/core.h>

#include "base/hash.h"

namespace pactolus {
namespace {

constexpr std::string_view kMagic = "PCTIDRUN";
constexpr uint32_t kFormat = 1;
constexpr size_t kHeadBytes = kMagic.size() + sizeof kFormat, kBlockHeadBytes = 24;
constexpr int64_t kReadBytes = 1 << 20;

template <class T>
T number_at(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);  // little-endian, as every machine that this runs on
  return value;
}

std::unexpected<Error> corrupt(const char* what) {
  return fail(ErrorCode::corrupt, fmt::format("a run of ids is damaged: {}", what));
}

// Asks `more` for what follows, by its position, until nothing does.
Result<> read_blocks(const std::function<Result<std::string>(int64_t)>& more, int64_t ids, const VisitIds& visit) {
  std::string buffer;
  size_t used = 0;
  int64_t position = 0;
  // Are there `n` bytes behind the used ones, if need be after reading on?
  const auto has = [&](size_t n) -> Result<bool> {
    while (buffer.size() - used < n) {
      const std::string next = TRY(more(position));
      if (next.empty()) return false;
      position += int64_t(next.size());
      buffer.erase(0, used);
      used = 0;
      buffer += next;
    }
    return true;
  };

  if (!TRY(has(kHeadBytes)) || !buffer.starts_with(kMagic)) return corrupt("it does not begin as one");
  if (const auto format = number_at<uint32_t>(buffer, kMagic.size()); format != kFormat)
    return fail(ErrorCode::unsupported,
                fmt::format("a run of ids has format {}, this release knows {}", format, kFormat));
  used = kHeadBytes;
  int64_t seen = 0;
  while (TRY(has(1))) {
    if (!TRY(has(kBlockHeadBytes))) return corrupt("it is cut short");
    const auto bucket_start = number_at<int64_t>(buffer, used);
    const auto count = number_at<uint64_t>(buffer, used + 8);
    const auto sum = number_at<uint64_t>(buffer, used + 16);
    if (count > IdBlock::kMostIds) return corrupt("a block is too large");
    const size_t size = count * IdBlock::kIdBytes;
    if (!TRY(has(kBlockHeadBytes + size))) return corrupt("it is cut short");
    const IdBlock block{bucket_start, std::string_view(buffer).substr(used + kBlockHeadBytes, size)};
    if (hash64(block.payload, uint64_t(bucket_start)) != sum) return corrupt("a block does not match its checksum");
    seen += int64_t(count);
    TRY(visit(block));
    used += kBlockHeadBytes + size;
  }
  if (seen != ids) return corrupt("it does not have as many ids as its snapshot says");
  return {};
}

}  // namespace

Result<IdRunWriter> IdRunWriter::create(const fs::path& path) {
  File file = TRY(File::create(path));
  std::string head(kMagic);
  head.append(reinterpret_cast<const char*>(&kFormat), sizeof kFormat);
  TRY(file.write(head));
  return IdRunWriter(std::move(file));
}

Result<> IdRunWriter::add(const DedupeIndex::Entry& id) {
  if (last_ == nullptr || last_bucket_ != id.bucket_start) {
    last_ = &pending_[id.bucket_start];
    last_bucket_ = id.bucket_start;
  }
  last_->fingerprints.push_back(id.fingerprint);
  last_->contents.push_back(id.content);
  ++ids_;
  return last_->contents.size() < IdBlock::kMostIds ? Result<>() : write_pending(id.bucket_start, *last_);
}

// Large blocks go over as they are; small ones are joined, so that a run which was merged often does not fall apart.
Result<> IdRunWriter::add(const IdBlock& block) {
  if (block.size() < IdBlock::kMostIds / 2) {
    for (size_t i = 0; i < block.size(); ++i) TRY(add({block.fingerprint(i), block.bucket_start, block.content(i)}));
    return {};
  }
  pending_.try_emplace(block.bucket_start);
  ids_ += int64_t(block.size());
  return write(block);
}

Result<> IdRunWriter::write_pending(int64_t bucket_start, Pending& pending) {
  if (pending.contents.empty()) return {};
  std::string payload(reinterpret_cast<const char*>(pending.fingerprints.data()), pending.fingerprints.size() * 8);
  payload.append(pending.contents.begin(), pending.contents.end());
  pending.fingerprints.clear();
  pending.contents.clear();
  return write({bucket_start, payload});
}

Result<> IdRunWriter::write(const IdBlock& block) {
  const uint64_t head[] = {uint64_t(block.bucket_start), block.size(),
                           hash64(block.payload, uint64_t(block.bucket_start))};
  static_assert(sizeof head == kBlockHeadBytes);
  TRY(file_.write({reinterpret_cast<const char*>(head), sizeof head}));
  return file_.write(block.payload);
}

Result<> IdRunWriter::finish() {
  for (auto& [bucket_start, pending] : pending_) TRY(write_pending(bucket_start, pending));
  TRY(file_.sync());
  return sync_folder(file_.path().parent_path());
}

Result<> read_id_run(const fs::path& path, int64_t ids, const VisitIds& visit) {
  return read_blocks([&](int64_t position) { return read_file_part(path, position, kReadBytes); }, ids, visit);
}

Result<> decode_id_run(std::string_view bytes, int64_t ids, const VisitIds& visit) {
  return read_blocks(
      [&](int64_t position) {
        return Result<std::string>(bytes.substr(std::min(size_t(position), bytes.size()), size_t(kReadBytes)));
      },
      ids, visit);
}

}  // namespace pactolus
