#include <fmt/format.h>

#include "base/hash.h"
#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/partition_writer.h"
#include "bronze/embedded/recovery.h"

namespace pactolus {
namespace bronze {
namespace {

class TopicWriter final : public EmbeddedLogWriter {
 public:
  TopicWriter(TopicIdentity topic, FileLock lock, Clock& clock, const EmbeddedLogOptions& options,
              std::vector<LogRepair> repairs)
      : topic_(std::move(topic)),
        lock_(std::move(lock)),
        clock_(clock),
        buffer_bytes_(size_t(options.buffer_bytes)),
        repairs_(std::move(repairs)) {}
  ~TopicWriter() override {
    for (PartitionWriter& p : partitions_) p.close();
  }
  void add(PartitionWriter partition) { partitions_.push_back(std::move(partition)); }

  const TopicIdentity& topic() const override { return topic_; }
  const std::vector<LogRepair>& repairs() const override { return repairs_; }
  Offset next_offset(PartitionId partition) const override { return partitions_.at(size_t(partition.value)).next(); }

  Result<std::pair<PartitionId, Offset>> append(const NewRecord& record) override {
    const size_t bytes = record.key.value_or("").size() + record.value.value_or("").size() + record.origin.size();
    if (bytes > kMaxRecordBytes)
      return fail(ErrorCode::invalid,
                  fmt::format("a record of {} bytes is above the limit of {}", bytes, kMaxRecordBytes));
    const PartitionId id(topic_.partitions == 1 ? 0
                         : record.key           ? kafka_partition(*record.key, topic_.partitions)
                                                : round_robin_);
    PartitionWriter& partition = partitions_[size_t(id.value)];
    if (partition.waiting_bytes() >= buffer_bytes_) TRY(partition.flush());
    if (!record.key && ++round_robin_ == topic_.partitions) round_robin_ = 0;
    const int64_t timestamp_us = record.timestamp_us != kNoTime ? record.timestamp_us : clock_.now_us();
    return std::pair(id, partition.append(record, timestamp_us));
  }

  // One partition that fails does not keep the others from being durable; the first error is told.
  Result<> flush() override {
    Result<> outcome;
    for (PartitionWriter& p : partitions_) {
      auto flushed = p.flush();
      if (!flushed && outcome) outcome = std::move(flushed);
    }
    return outcome;
  }

 private:
  TopicIdentity topic_;
  FileLock lock_;
  Clock& clock_;
  size_t buffer_bytes_;
  std::vector<LogRepair> repairs_;
  std::vector<PartitionWriter> partitions_;
  int32_t round_robin_ = 0;
};

Result<> check_options(const EmbeddedLogOptions& o) {
  if (o.segment_bytes >= 1 && o.group_bytes >= 1 && o.group_bytes <= (8 << 20) && o.buffer_bytes >= 1) return {};
  return fail(ErrorCode::bad_config,
              fmt::format("embedded log: segments of {}, groups of {}, a buffer of {} bytes cannot be", o.segment_bytes,
                          o.group_bytes, o.buffer_bytes));
}

}  // namespace
}  // namespace bronze

Result<std::unique_ptr<EmbeddedLogWriter>> open_writer(const fs::path& bronze_folder, std::string_view name,
                                                       const EmbeddedLogOptions& options, Clock& clock) {
  using namespace bronze;
  TRY(check_options(options));
  const TopicFolder topic(bronze_folder, TRY(open_topic(bronze_folder, name)));
  RecoveredTopic recovered;
  FileLock lock = TRY(take_to_write(topic, recovered));
  auto writer =
      std::make_unique<TopicWriter>(topic.identity(), std::move(lock), clock, options, std::move(recovered.repairs));
  for (PartitionId p(0); p.value < topic.identity().partitions; ++p) {
    const uint64_t seed = checksum_seed(topic.identity().id, p);
    writer->add(TRY(PartitionWriter::open(topic.partition(p), seed, recovered.marks[size_t(p.value)], options)));
  }
  return writer;
}

Result<> refuse_writer(const fs::path& bronze_folder, std::string_view name) {
  const bronze::TopicFolder topic(bronze_folder, TRY(open_topic(bronze_folder, name)));
  if (TRY(FileLock::is_held(topic.writer_lock()))) return bronze::busy(topic);
  return {};
}

}  // namespace pactolus
