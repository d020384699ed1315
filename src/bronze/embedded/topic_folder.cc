#include "bronze/embedded/topic_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault.h"
#include "base/hash.h"
#include "base/json.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/segment_format.h"

namespace pactolus {

namespace {

constexpr int32_t kMaxPartitions = 10'000;  // far above use; keeps a damaged topic.json from making folders for ever

// Kafka's rule for topic names, which also keeps a name from leaving its folder.
bool valid_topic_name(std::string_view name) {
  const auto valid = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." && std::ranges::all_of(name, valid);
}

}  // namespace

Result<TopicIdentity> create_topic(const fs::path& bronze_folder, std::string_view name, int32_t partitions,
                                   std::string_view id, std::string_view dialect) {
  if (!valid_topic_name(name))
    return fail(ErrorCode::invalid, fmt::format("not a topic name: '{}'", name),
                "letters, digits, '.', '_' and '-', at most 249 of them");
  if (partitions < 1 || partitions > kMaxPartitions)
    return fail(ErrorCode::invalid, fmt::format("a topic has 1 to {} partitions, not {}", kMaxPartitions, partitions));
  if (id.empty()) return fail(ErrorCode::invalid, fmt::format("topic {} needs an id", name));
  TopicIdentity identity{std::string(name), std::string(id), partitions, std::string(dialect)};
  const fs::path folder = bronze_folder / identity.name;
  TRY(make_folders(folder));
  Json document = Json::object();
  document.set("format", bronze::kFormatVersion).set("id", identity.id).set("partitions", int64_t(partitions));
  document.set("dialect", identity.dialect);
  if (TRY(put_if_absent(folder / "topic.json", document.dump() + "\n")) == PutOutcome::done) return identity;
  TopicIdentity there = TRY(open_topic(bronze_folder, name));
  if (there.id == identity.id && there.partitions == partitions && there.dialect == identity.dialect) return there;
  return fail(ErrorCode::conflict,
              fmt::format("topic {} exists already: id {}, {} partitions", name, there.id, there.partitions));
}

Result<TopicIdentity> open_topic(const fs::path& bronze_folder, std::string_view name) {
  if (!valid_topic_name(name)) return fail(ErrorCode::not_found, fmt::format("not a topic name: '{}'", name));
  const fs::path path = bronze_folder / name / "topic.json";
  auto text = read_file(path);
  if (!text && text.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found, fmt::format("there is no topic {} in {}", name, bronze_folder.native()));
  if (!text) return std::unexpected(text.error());
  const auto document = Json::parse(*text);
  if (!document || !document->is_object())
    return fail(ErrorCode::corrupt, fmt::format("not a topic description: {}", path.native()));
  const Json& d = *document;
  const int64_t format = d["format"].as_int(-1), partitions = d["partitions"].as_int();
  if (format > bronze::kFormatVersion)
    return fail(ErrorCode::unsupported,
                fmt::format("topic {} has log format {}, this release knows {}", name, format, bronze::kFormatVersion),
                "use the release that made it, or a newer one");
  if (format < 1 || partitions < 1 || partitions > kMaxPartitions || d["id"].as_string().empty())
    return fail(ErrorCode::corrupt, fmt::format("not a topic description: {}", path.native()));
  return TopicIdentity{std::string(name), std::string(d["id"].as_string()), int32_t(partitions),
                       std::string(d["dialect"].as_string())};
}

Result<> drop_topic(const fs::path& bronze_folder, std::string_view name) {
  TRY(open_topic(bronze_folder, name));
  const fs::path dropped = bronze_folder / (std::string(name) + "~");  // no topic has such a name
  std::error_code error;
  fs::remove_all(dropped, error);
  fs::rename(bronze_folder / name, dropped, error);
  fault_point("erase.topic_renamed");
  if (!error) fs::remove_all(dropped, error);
  if (error) return fail(ErrorCode::io, fmt::format("cannot remove topic {}: {}", name, error.message()));
  return sync_folder(bronze_folder);
}

Result<> sweep_dropped(const fs::path& bronze_folder) {
  for (const std::string& name : TRY(list_folder(bronze_folder))) {
    if (!name.ends_with('~') || !valid_topic_name(std::string_view(name).substr(0, name.size() - 1))) continue;
    std::error_code error;
    fs::remove_all(bronze_folder / name, error);
    if (error) return fail(ErrorCode::io, fmt::format("cannot remove {}: {}", name, error.message()));
  }
  return {};
}

Result<std::vector<std::string>> list_topics(const fs::path& bronze_folder) {
  std::vector<std::string> topics = TRY(list_folder(bronze_folder));
  std::erase_if(topics, [&](const std::string& name) {
    std::error_code ignored;
    return !valid_topic_name(name) || !fs::is_regular_file(bronze_folder / name / "topic.json", ignored);
  });
  return topics;
}

namespace bronze {

fs::path TopicFolder::partition(PartitionId partition) const { return path_ / std::to_string(partition.value); }

bool TopicFolder::same_topic_on_disk() const {
  const auto there = open_topic(path_.parent_path(), identity_.name);
  return there && there->id == identity_.id;
}

Result<std::vector<int64_t>> list_segments(const fs::path& partition_folder) {
  std::vector<int64_t> bases;
  for (const std::string& name : TRY(list_folder(partition_folder)))
    if (const auto base = parse_segment_name(name)) bases.push_back(*base);
  return bases;  // names have one width: their order is the order of the numbers
}

fs::path segment_path(const fs::path& partition_folder, int64_t base_offset) {
  return partition_folder / segment_name(base_offset);
}
fs::path mark_path(const fs::path& partition_folder) { return partition_folder / "durable"; }

std::unexpected<Error> corrupt_partition(const TopicFolder& topic, PartitionId partition, int64_t offset,
                                         const fs::path& file, int64_t position, std::string_view what) {
  return fail(ErrorCode::corrupt,
              fmt::format("Bronze is damaged: {}; topic {}, partition {}, offset {}, byte {} of {}", what,
                          topic.identity().name, partition, offset, position, file.native()),
              "restore the file from a copy; nothing was changed");
}

RecoveryLock::~RecoveryLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::optional<RecoveryLock>> RecoveryLock::wait(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) return std::optional<RecoveryLock>();
  if (fd < 0) return fail_errno("cannot open", path.native());
  RecoveryLock lock(fd);
  int status;
  do status = ::flock(fd, LOCK_EX);
  while (status != 0 && errno == EINTR);
  if (status != 0) return fail_errno("cannot lock", path.native());
  return std::optional(std::move(lock));
}

}  // namespace bronze
uint64_t topic_stamp(const fs::path& bronze_folder, std::string_view name, int32_t partitions) {
  uint64_t stamp = 0;
  for (int32_t p = 0; p < partitions; ++p)
    if (const auto mark = read_file(bronze::mark_path(bronze_folder / std::string(name) / std::to_string(p))))
      stamp = hash64(*mark, stamp);
  return stamp;
}

}  // namespace pactolus
