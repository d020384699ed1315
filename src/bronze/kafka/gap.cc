#include "bronze/kafka/gap.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace pactolus::kafka {
namespace {
constexpr int kAnswer_ms = 10'000, kRest_ms = 100;
using Message = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;
}  // namespace

Result<Handle> GapReader::open(const char* isolation) {
  Conf conf = TRY(make_conf(options_, {{"client.id", "pactolus-gaps"}}, consumer_rules(options_, isolation)));
  // Only a gap is wanted, not what comes behind it.
  char error[128];
  rd_kafka_conf_set(conf.get(), "fetch.message.max.bytes", "65536", error, sizeof error);
  rd_kafka_conf_set(conf.get(), "queued.min.messages", "100", error, sizeof error);
  Handle handle = TRY(make_handle(RD_KAFKA_CONSUMER, std::move(conf), voice_));
  rd_kafka_poll_set_consumer(handle.get());
  return handle;
}

// Tells `seen` of every offset in [from, to) that has a record for this consumer. Ends when something at `to` or behind
// it comes, or the end of the partition at `to`.
Result<> GapReader::read(rd_kafka_t* handle, int32_t partition, int64_t from, int64_t to,
                         const std::function<void(int64_t)>& seen) {
  const auto where = [&] {
    return fmt::format("the gap in {}/{} from offset {} to {}", options_.topic, partition, from, to);
  };
  const Partitions at(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(at.get(), options_.topic.c_str(), partition)->offset = from;
  if (const auto code = rd_kafka_assign(handle, at.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::io, fmt::format("{} cannot be looked at: {}", where(), text_of(code)));
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAnswer_ms);
  for (bool done = false; !done;) {
    const Message message(rd_kafka_consumer_poll(handle, 100));
    if (!message) {
      if (std::chrono::steady_clock::now() < until) continue;
      return fail(ErrorCode::io, fmt::format("{} cannot be looked at: {}", where(),
                                             voice_.last().empty() ? "nothing comes" : voice_.last()));
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->offset < to)
        return fail(ErrorCode::data_loss, fmt::format("{} ends at {} for another consumer", where(), message->offset));
      done = true;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(ErrorCode::io,
                  fmt::format("{} cannot be looked at: {}", where(), rd_kafka_message_errstr(message.get())));
    } else if (message->offset >= to) {
      done = true;
    } else if (message->offset >= from) {
      seen(message->offset);
    }
  }
  rd_kafka_assign(handle, nullptr);
  return {};
}

// Behind a damaged batch librdkafka reads on at offsets that are none, and what comes of that may still end a fetch
// that begins meanwhile. So it is left to come to rest in between, and where nothing comes it is asked again.
Result<std::optional<int64_t>> GapReader::damage_at(int32_t partition, int64_t offset) {
  if (!committed_) committed_ = TRY(open("read_committed"));
  const Partitions at(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(at.get(), options_.topic.c_str(), partition)->offset = offset;
  for (int attempt = 0; attempt < kAnswer_ms / kRest_ms / 10; ++attempt) {
    if (const auto code = rd_kafka_assign(committed_.get(), at.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(ErrorCode::io, fmt::format("{}/{} cannot be read: {}", options_.topic, partition, text_of(code)));
    std::optional<std::optional<int64_t>> found;
    for (int polls = 0; polls < 10 && !found; ++polls) {
      const Message message(rd_kafka_consumer_poll(committed_.get(), kRest_ms));
      if (!message) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        found.emplace();
      else if (is_damage(message->err))
        found.emplace(message->offset);
    }
    rd_kafka_assign(committed_.get(), nullptr);
    while (Message(rd_kafka_consumer_poll(committed_.get(), kRest_ms))) {
    }
    if (found) return *found;
  }
  return fail(ErrorCode::io, fmt::format("{}/{} cannot be looked at from offset {}: {}", options_.topic, partition,
                                         offset, voice_.last().empty() ? "nothing comes" : voice_.last()));
}

Result<int64_t> GapReader::behind_damage(int32_t partition, int64_t damaged, int64_t end) {
  const auto batch = TRY(damage_at(partition, damaged));
  if (!batch)
    return fail(ErrorCode::io, fmt::format("{}/{} can be read from offset {}", options_.topic, partition, damaged));
  // Doubled steps, then halved ones: that an offset is of this batch is true up to its end and false behind it.
  int64_t in = damaged, step = 1;
  int64_t out = std::min(in + step, end);
  while (out < end && TRY(damage_at(partition, out)) == batch) {
    in = out;
    out = std::min(in + (step *= 2), end);
  }
  while (out - in > 1) {
    const int64_t middle = in + (out - in) / 2;
    (TRY(damage_at(partition, middle)) == batch ? in : out) = middle;
  }
  return out;
}

Result<std::vector<SkippedRun>> GapReader::explain(int32_t partition, int64_t from, int64_t to) {
  if (!uncommitted_) {
    Handle handle = TRY(open("read_uncommitted"));
    compacted_ = TRY(is_compacted(handle.get(), voice_, options_.topic, kAnswer_ms));
    uncommitted_ = std::move(handle);
  }
  std::vector<SkippedRun> runs;
  int64_t next = from;
  const auto run = [&](int64_t end, const char* kind) {
    if (end <= next) return;
    if (runs.empty() || runs.back().kind != kind) runs.push_back({end, kind});
    runs.back().end = next = end;
  };
  const char* missing = compacted_ ? "compacted" : "control";
  bool aborted = false;
  TRY(read(uncommitted_.get(), partition, from, to, [&](int64_t offset) {
    run(offset, missing);
    run(offset + 1, "aborted");
    aborted = true;
  }));
  run(to, missing);
  // What was aborted is seen by nobody who reads what is committed: a record that only the first consumer has missed is
  // no such one.
  if (aborted) {
    if (!committed_) committed_ = TRY(open("read_committed"));
    std::optional<int64_t> missed;
    TRY(read(committed_.get(), partition, from, to, [&](int64_t offset) { missed = missed.value_or(offset); }));
    if (missed)
      return fail(ErrorCode::data_loss, fmt::format("{}/{} has a record at offset {} that was left out: read it again",
                                                    options_.topic, partition, *missed));
  }
  return runs;
}

}  // namespace pactolus::kafka
