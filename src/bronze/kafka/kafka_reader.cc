#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/check.h"
#include "base/hash.h"
#include "bronze/kafka/gap.h"

namespace pactolus::kafka {
namespace {

constexpr int kOpen_ms = 15'000;    // for a cluster that is there but slow
constexpr int kConfirm_ms = 5'000;  // a batch waits so long for it, and is then tried again
constexpr int64_t kServe_us = 50'000, kRest_us = 200'000;
constexpr size_t kBlockBytes = 1 << 20;
constexpr uint64_t kWakes = 1;             // what an eventfd is written
constexpr int64_t kTakeBytes = 256 << 10;  // more would leave the processor's second-level cache before it is decoded

// Bytes of records. What was put into it stays where it is until clear(); blocks are used again.
class Arena {
 public:
  // A copy, behind which kRecordPadding bytes can be read.
  std::string_view put(std::string_view bytes) {
    if (bytes.size() + kRecordPadding > left_) next_block(bytes.size() + kRecordPadding);
    char* to = at_;
    std::memcpy(to, bytes.data(), bytes.size());
    at_ += bytes.size();
    left_ -= bytes.size();
    return {to, bytes.size()};
  }
  void clear() {
    std::erase_if(blocks_,
                  [](const Block& b) { return b.size > kBlockBytes; });  // of a record that was out of the usual
    used_ = 0;
    left_ = 0;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  void next_block(size_t least) {
    if (used_ == blocks_.size() || blocks_[used_].size < least) {
      const size_t size = std::max(least, kBlockBytes);
      blocks_.insert(blocks_.begin() + int64_t(used_), Block{std::make_unique<char[]>(size), size});
    }
    at_ = blocks_[used_].bytes.get();
    left_ = blocks_[used_].size;
    ++used_;
  }
  std::vector<Block> blocks_;
  size_t used_ = 0, left_ = 0;
  char* at_ = nullptr;
};

class KafkaReader final : public LogReader {
 public:
  KafkaReader(const KafkaOptions& options, Clock& clock)
      : options_(options), clock_(clock), voice_(options_.say), gaps_(options_, voice_) {}
  ~KafkaReader() override {
    for (const auto& part : parts_) rd_kafka_queue_io_event_enable(part->queue.get(), -1, nullptr, 0);
    parts_.clear();
    if (handle_) rd_kafka_consumer_close(handle_.get());
    if (wake_ >= 0) ::close(wake_);
  }

  Result<> open() {
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) return fail_errno("no descriptor for", options_.topic);
    Conf conf = TRY(make_conf(options_,
                              {{"client.id", "pactolus"},
                               // Of each partition. Larger answers and queues cost memory that is new each time.
                               {"queued.max.messages.kbytes", "16384"},
                               {"queued.min.messages", "100000"},
                               {"fetch.message.max.bytes", "524288"},
                               {"fetch.queue.backoff.ms", "1"},
                               {"fetch.error.backoff.ms", "100"},
                               {"reconnect.backoff.max.ms", "2000"},
                               {"socket.keepalive.enable", "true"}},
                              consumer_rules(options_, "read_committed")));
    handle_ = TRY(make_handle(RD_KAFKA_CONSUMER, std::move(conf), voice_));
    // With connections of its own: a broker answers one after the other, and a fetch waits for records to come.
    Conf asks = TRY(make_conf(
        options_,
        {{"client.id", "pactolus-asks"}, {"reconnect.backoff.max.ms", "2000"}, {"socket.keepalive.enable", "true"}},
        {{"bootstrap.servers", options_.bootstrap},
         {"isolation.level", "read_committed"},
         {"allow.auto.create.topics", "false"}}));
    asker_ = TRY(make_handle(RD_KAFKA_CONSUMER, std::move(asks), voice_));
    topic_ = TRY(describe_topic(asker_.get(), voice_, options_.topic, kOpen_ms));
    return add_partitions(std::exchange(topic_.partitions, 0));
  }

  const TopicIdentity& topic() const override { return topic_; }

  Result<> seek(PartitionId partition, Offset next, int32_t leader_epoch) override {
    Part& part = *parts_.at(size_t(partition.value));
    TRY(check_position(part, next.value, part.begin));
    const bool failed = part.error.has_value() || part.failed;
    const bool at_hand = !failed && leader_epoch < 0;  // what has come may be given without asking anybody
    if (at_hand && !part.records.empty() && next >= part.records.front().offset && next <= part.records.back().offset) {
      const auto at = std::ranges::lower_bound(part.records, next, {}, &RecordView::offset);
      part.given = size_t(at - part.records.begin());
      part.next = next.value;
      return {};
    }
    if (at_hand && next.value == part.next && part.given == part.records.size() && part.skipped.empty()) return {};
    part.forget();
    part.next = next.value;
    part.epoch = leader_epoch;
    if (!part.assigned || (!failed && TRY(move(part)))) return {};
    // Behind an error librdkafka may have more of them, and reads on at offsets that are none. So fetching ends, comes
    // to rest, and begins anew when this is polled.
    const Owned<rd_kafka_error_t, rd_kafka_error_destroy> error(
        rd_kafka_incremental_unassign(handle_.get(), at_position(part).get()));
    if (error) return cannot_be_read(part, rd_kafka_error_string(error.get()));
    part.assigned = false;
    part.failed = false;
    clock_.sleep_us(kRest_us);
    rd_kafka_message_t* left[64];
    for (ssize_t n; (n = rd_kafka_consume_batch_queue(part.queue.get(), 0, left, std::size(left))) > 0;)
      std::for_each_n(left, n, rd_kafka_message_destroy);
    return {};
  }

  Result<PolledRecords> poll(PartitionId partition, int64_t max_bytes) override {
    Part& part = *parts_.at(size_t(partition.value));
    if (!part.assigned) TRY(assign(part));
    if (const int64_t now = clock_.boot_us(); now - served_us_ >= kServe_us) {
      served_us_ = now;
      rd_kafka_poll(handle_.get(), 0);
    }
    PolledRecords out{partition, {}, Offset(part.next)};
    if (part.given == part.records.size()) TRY(fill(part, max_bytes));
    if (part.given < part.records.size()) {
      out.records = std::span(part.records).subspan(part.given);
      part.given = part.records.size();
      part.next = part.records.back().offset.value + 1;
      out.next = Offset(part.next);
      out.leader_epoch = part.epoch;
      return out;
    }
    if (!part.skipped.empty()) {
      const SkippedRun run = part.skipped.front();
      part.skipped.pop_front();
      out.skipped = run.end - part.next;
      out.skipped_as = run.kind;
      out.next = Offset(part.next = run.end);
      return out;
    }
    out.at_end = part.eof == part.next && part.end <= part.next;
    return out;
  }

  Result<Offset> begin(PartitionId partition) override { return Offset(parts_.at(size_t(partition.value))->begin); }
  Result<Offset> end(PartitionId partition) override { return Offset(parts_.at(size_t(partition.value))->end); }
  Result<Offset> first_at(PartitionId partition, int64_t timestamp_us) override {
    const auto found = TRY(list_offsets(asker_.get(), voice_, topic_.name, topic_.partitions,
                                        std::max<int64_t>(0, (timestamp_us + 999) / 1000), kOpen_ms));
    const int64_t offset = found.at(size_t(partition.value));
    return offset < 0 ? end(partition) : Result<Offset>(Offset(offset));
  }
  Result<Offset> behind_damage(PartitionId partition, Offset damaged) override {
    const Part& part = *parts_.at(size_t(partition.value));
    return Offset(TRY(gaps_.behind_damage(part.id, damaged.value, part.end)));
  }
  int wake_descriptor() override { return wake_; }
  Result<int64_t> drop_before(std::span<const Offset>, int64_t, int64_t) override { return 0; }

  // A topic that was made anew has another id, and no id comes twice. So when the topic has its id still, all that was
  // polled before is of it.
  Result<> confirm() override {
    auto now = describe_topic(asker_.get(), voice_, topic_.name, kConfirm_ms);
    if (!now && now.error().code == ErrorCode::not_found)
      return fail(ErrorCode::data_loss, fmt::format("topic {} is gone: its id was {}", topic_.name, topic_.id));
    const TopicIdentity there = TRY(std::move(now));
    if (there.id != topic_.id)
      return fail(ErrorCode::data_loss,
                  fmt::format("topic {} was made anew: its id was {}, now it is {}", topic_.name, topic_.id, there.id));
    TRY(add_partitions(there.partitions));
    const auto ends = TRY(
        list_offsets(asker_.get(), voice_, topic_.name, topic_.partitions, RD_KAFKA_OFFSET_SPEC_LATEST, kConfirm_ms));
    for (auto& part : parts_) {
      part->end = ends[size_t(part->id)];
      if (part->assigned) TRY(check_position(*part, part->next, part->next));
    }
    return {};
  }

  void note_committed(std::span<const Offset> committed) override {
    const Partitions list(rd_kafka_topic_partition_list_new(topic_.partitions));
    for (size_t p = 0; p < committed.size() && p < parts_.size(); ++p)
      rd_kafka_topic_partition_list_add(list.get(), topic_.name.c_str(), int32_t(p))->offset = committed[p].value;
    rd_kafka_commit(handle_.get(), list.get(), 1);  // nobody waits for it, and the next one says the same
  }

 private:
  struct Part {
    int32_t id = 0;
    bool assigned = false;
    Queue queue;
    int64_t begin = 0, end = 0;  // as of the last time the cluster was asked
    int64_t next = 0;            // where the following poll goes on
    int64_t expected = 0;        // of the next message of the queue; behind `next` by what is in `records` still
    int32_t epoch = -1;          // leader's, of the last record
    int64_t eof = -1;            // where the partition ended when the queue last said so
    std::vector<RecordView> records;
    size_t given = 0;  // of the records
    Arena arena;
    std::deque<SkippedRun> skipped;
    // A message behind a gap waits here until the gap is explained.
    std::optional<RecordView> held;
    Arena held_bytes;
    std::optional<Error> error;  // behind the records
    bool failed = false;         // such a one has been told
    int64_t bytes = 0, max_bytes = 0;
    void forget() {
      records.clear(), given = 0, skipped.clear(), held.reset(), error.reset();
      eof = -1;
    }
  };

  // Those from topic_.partitions on, up to `count`.
  Result<> add_partitions(int32_t count) {
    if (count <= topic_.partitions) return {};
    const auto begins =
        TRY(list_offsets(asker_.get(), voice_, topic_.name, count, RD_KAFKA_OFFSET_SPEC_EARLIEST, kOpen_ms));
    const auto ends =
        TRY(list_offsets(asker_.get(), voice_, topic_.name, count, RD_KAFKA_OFFSET_SPEC_LATEST, kOpen_ms));
    for (int32_t p = topic_.partitions; p < count; ++p) {
      auto part = std::make_unique<Part>();
      part->id = p;
      part->begin = part->next = begins[size_t(p)];
      part->end = ends[size_t(p)];
      part->queue.reset(rd_kafka_queue_get_partition(handle_.get(), topic_.name.c_str(), p));
      if (!part->queue) return fail(ErrorCode::io, fmt::format("{}/{} cannot be read", topic_.name, p));
      rd_kafka_queue_forward(part->queue.get(), nullptr);  // its own queue, also when it is assigned
      rd_kafka_queue_io_event_enable(part->queue.get(), wake_, &kWakes, sizeof kWakes);
      parts_.push_back(std::move(part));
    }
    topic_.partitions = count;
    return {};
  }

  Result<> check_position(const Part& part, int64_t next, int64_t begin) {
    if (next < begin)
      return fail(ErrorCode::data_loss, fmt::format("{} offsets of {}/{} are gone, {} to {}: its log begins at {}",
                                                    begin - next, topic_.name, part.id, next, begin - 1, begin));
    if (next > part.end)
      return fail(ErrorCode::data_loss,
                  fmt::format("{} offsets of {}/{} that were read are gone, {} to {}: its log ends at {}",
                              next - part.end, topic_.name, part.id, part.end, next - 1, part.end));
    return {};
  }

  Partitions at_position(const Part& part) const {
    Partitions list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_t* one = rd_kafka_topic_partition_list_add(list.get(), topic_.name.c_str(), part.id);
    one->offset = part.next;
    if (part.epoch >= 0) rd_kafka_topic_partition_set_leader_epoch(one, part.epoch);
    return list;
  }
  // Each when it is first polled: until then it may be sought about.
  Result<> assign(Part& part) {
    const Partitions list = at_position(part);
    const Owned<rd_kafka_error_t, rd_kafka_error_destroy> error(rd_kafka_incremental_assign(handle_.get(), list.get()));
    if (error) return cannot_be_read(part, rd_kafka_error_string(error.get()));
    part.assigned = true;
    // Only a seek asks the broker whether the log is still that of the leader's epoch, and only when fetching has
    // begun.
    if (part.epoch < 0) return {};
    for (const int64_t until = clock_.boot_us() + kConfirm_ms * 1000; !TRY(move(part)); clock_.sleep_us(1000))
      if (clock_.boot_us() > until) return cannot_be_read(part, "fetching does not begin");
    return {};
  }
  // False where fetching has not begun, or has ended.
  Result<bool> move(const Part& part) {
    const Partitions to = at_position(part);
    const Owned<rd_kafka_error_t, rd_kafka_error_destroy> error(
        rd_kafka_seek_partitions(handle_.get(), to.get(), kConfirm_ms));
    if (error) return cannot_be_read(part, rd_kafka_error_string(error.get()));
    const rd_kafka_resp_err_t code = to->elems[0].err;
    if (code == RD_KAFKA_RESP_ERR__STATE) return false;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return cannot_be_read(part, text_of(code));
    return true;
  }
  std::unexpected<Error> cannot_be_read(const Part& part, const std::string& why) const {
    return fail(ErrorCode::io,
                fmt::format("{}/{} cannot be read from offset {}: {}", topic_.name, part.id, part.next, why));
  }

  // Takes what is in the queue, up to a gap, an error, or the bytes.
  Result<> fill(Part& part, int64_t max_bytes) {
    part.records.clear();
    part.given = 0;
    if (!part.skipped.empty()) return {};
    if (part.error) {
      const Error error = *part.error;
      part.failed = true;
      if (!error.retriable()) return std::unexpected(error);
      part.error.reset();
      return std::unexpected(error);
    }
    part.arena.clear();
    part.expected = part.next;
    part.bytes = 0;
    part.max_bytes = std::min(max_bytes, kTakeBytes);
    if (part.held) {
      if (part.held->offset.value > part.expected) return explain(part, part.held->offset.value);
      const RecordView held = *std::exchange(part.held, std::nullopt);
      take(part, held, part.arena, part.records);
    }
    filling_ = &part;
    rd_kafka_consume_callback_queue(
        part.queue.get(), options_.poll_wait_ms,
        [](rd_kafka_message_t* message, void* self) { static_cast<KafkaReader*>(self)->on_message(*message); }, this);
    filling_ = nullptr;
    if (!part.records.empty()) {
      voice_.well();
      return {};
    }
    // The end of a transaction may be the last thing in a partition.
    if (part.eof > part.next && !part.held) TRY(explain(part, part.eof));
    if (part.error) return fill(part, max_bytes);
    return {};
  }

  // While nobody can say, nothing comes.
  Result<> explain(Part& part, int64_t to) {
    auto runs = gaps_.explain(part.id, part.next, to);
    if (runs) part.skipped.assign(runs->begin(), runs->end());
    if (runs || !runs.error().retriable()) return runs ? Result<>() : std::unexpected(runs.error());
    voice_.trouble(RD_KAFKA_RESP_ERR__TRANSPORT, runs.error().message);
    return {};
  }

  static void take(Part& part, const RecordView& record, Arena& arena, std::vector<RecordView>& to) {
    RecordView copy = record;
    if (record.key) copy.key = arena.put(*record.key);
    if (record.value) copy.value = arena.put(*record.value);
    part.bytes += int64_t(record.value ? record.value->size() : 0) + int64_t(record.key ? record.key->size() : 0) + 32;
    part.expected = record.offset.value + 1;
    part.end = std::max(part.end, part.expected);
    to.push_back(copy);
  }

  void on_message(const rd_kafka_message_t& message) {
    Part& part = *filling_;
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      part.eof = message.offset;
      return;
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      on_trouble(part, message);
      return;
    }
    PACTOLUS_CHECK(!part.error && !part.held);   // the queue has been left at either
    if (message.offset < part.expected) return;  // seen already
    RecordView record{Offset(message.offset), kNoTime, std::nullopt, std::nullopt, {}};
    rd_kafka_timestamp_type_t type;
    const int64_t time_ms = rd_kafka_message_timestamp(&message, &type);
    if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time_ms >= 0) record.timestamp_us = time_ms * 1000;
    if (message.key) record.key = std::string_view(static_cast<const char*>(message.key), message.key_len);
    if (message.payload) record.value = std::string_view(static_cast<const char*>(message.payload), message.len);
    if (message.offset > part.expected) {
      part.held_bytes.clear();
      std::vector<RecordView> one;
      const int64_t expected = part.expected;
      take(part, record, part.held_bytes, one);
      part.expected = expected;  // the gap comes first
      part.held = one.front();
      rd_kafka_yield(handle_.get());
      return;
    }
    part.epoch = rd_kafka_message_leader_epoch(&message);
    take(part, record, part.arena, part.records);
    if (part.bytes >= part.max_bytes) rd_kafka_yield(handle_.get());
  }

  void on_trouble(Part& part, const rd_kafka_message_t& message) {
    const std::string text = rd_kafka_message_errstr(&message);
    const auto at = [&] { return fmt::format("{}/{} at offset {}", topic_.name, part.id, part.expected); };
    if (is_damage(message.err)) {
      part.error = Error{ErrorCode::corrupt, fmt::format("{} cannot be read: {}", at(), text), {}, {}};
      rd_kafka_yield(handle_.get());
      return;
    }
    switch (message.err) {
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
        part.error = Error{ErrorCode::data_loss, fmt::format("{} cannot be read on: {}", at(), text), {}, {}};
        break;
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        part.error = Error{ErrorCode::io, fmt::format("{} may not be read: {}", at(), text), {}, {}};
        break;
      default: voice_.trouble(message.err, text); return;  // librdkafka goes on by itself
    }
    rd_kafka_yield(handle_.get());
  }

  KafkaOptions options_;
  Clock& clock_;
  Voice voice_;
  int wake_ = -1;          // readable when a queue that was empty has something
  Handle handle_, asker_;  // fetches and commits; is asked about the topic
  TopicIdentity topic_;
  std::vector<std::unique_ptr<Part>> parts_;
  int64_t served_us_ = INT64_MIN / 2;
  Part* filling_ = nullptr;
  GapReader gaps_;
};

}  // namespace
}  // namespace pactolus::kafka

namespace pactolus {

Result<std::unique_ptr<LogReader>> open_kafka_reader(const KafkaOptions& options, Clock& clock) {
  auto reader = std::make_unique<kafka::KafkaReader>(options, clock);
  TRY(reader->open());
  return reader;
}

}  // namespace pactolus
