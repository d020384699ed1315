#include "runtime/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace pactolus {
namespace {

constexpr int kTries = 3;
constexpr int kPolls = 150;  // each waits a little where there is anything to wait for

// Can the partition be read at `at`?
Result<> look(LogReader& log, PartitionId partition, Offset at, int32_t leader_epoch) {
  TRY(log.seek(partition, at, leader_epoch));
  for (int i = 0; i < kPolls; ++i) {
    const PolledRecords polled = TRY(log.poll(partition, 1));
    if (polled.at_end || polled.next > at) return {};
  }
  return fail(ErrorCode::io, fmt::format("{}/{} cannot be looked at: nothing comes", log.topic().name, partition));
}

// Up to where the log is still the one that the leader with this epoch wrote. Of a log without leaders that is its end.
Result<Offset> fork(LogReader& log, PartitionId partition, Offset next, int32_t leader_epoch) {
  int64_t same = TRY(log.begin(partition)).value;
  int64_t other = std::min(next.value, TRY(log.end(partition)).value + 1);
  if (leader_epoch < 0) return Offset(std::max(same, other - 1));
  while (same + 1 < other) {
    const int64_t middle = same + (other - same) / 2;
    const auto there = look(log, partition, Offset(middle), leader_epoch);
    if (!there && !there.error().fatal()) return std::unexpected(there.error());
    (there || there.error().code == ErrorCode::corrupt ? same : other) = middle;
  }
  return Offset(same);
}

// One after the other, the last up to where the partition is read on.
struct Found {
  const char* kind;
  Offset from, to;
};
Result<std::vector<Found>> find_loss(LogReader& log, PartitionId partition, Offset next, int32_t leader_epoch) {
  std::vector<Found> found;
  const Offset begin = TRY(log.begin(partition));
  const auto at = [&] { return found.empty() ? next : found.back().to; };
  if (next < begin) found.push_back({kDeleted, next, begin});
  bool fell_back = next > TRY(log.end(partition));
  for (int again = 0;;) {
    if (fell_back) {
      found = {{kFellBack, next, TRY(fork(log, partition, next, leader_epoch))}};
      fell_back = false;
    }
    const auto there = look(log, partition, at(), found.empty() ? leader_epoch : -1);
    if (there) break;
    if (there.error().code == ErrorCode::data_loss && found.empty()) {
      fell_back = true;
    } else if (there.error().code == ErrorCode::corrupt) {
      const Offset behind = TRY(log.behind_damage(partition, at()));
      PACTOLUS_CHECK_LT(at(), behind);
      if (found.empty() || std::string_view(found.back().kind) != kUnreadable)
        found.push_back({kUnreadable, at(), at()});
      found.back().to = behind;
    } else if (there.error().code == ErrorCode::data_loss && again < kTries) {
      ++again;  // behind damage a client may go astray
    } else {
      return std::unexpected(there.error());
    }
  }
  TRY(log.seek(partition, at()));
  return found;
}

}  // namespace

std::string known_topic_id(const delta::Snapshot& silver, std::string_view job, const TopicIdentity& topic,
                           std::span<const AcceptedLoss> losses) {
  std::string id = topic.id;
  const auto is_given_up = [&] {
    return silver.txn_version(given_up_app_id(job, topic.name, id)) ||
           std::ranges::any_of(losses, [&](const AcceptedLoss& l) { return l.kind == kFellBack && l.topic_id == id; });
  };
  for (int life = 2; is_given_up(); ++life) id = fmt::format("{}.{}", topic.id, life);
  return id;
}

std::string_view id_of_life(std::string_view known_id) { return known_id.substr(0, known_id.find('.')); }

std::vector<AcceptedLoss> lost_with_topic(const delta::Snapshot& silver, std::string_view job, std::string_view topic,
                                          std::string_view known_id) {
  std::vector<AcceptedLoss> out;
  for (const auto& [app, txn] : silver.txns()) {
    const auto read = parse_offset_app_id(app, job);
    if (!read || read->topic != topic || read->topic_id == known_id) continue;
    if (silver.txn_version(given_up_app_id(job, topic, read->topic_id))) continue;
    out.push_back({kMadeAnew, read->topic, read->topic_id, read->partition, txn.version, -1});
  }
  return out;
}

Result<> check_partitions(const delta::Snapshot& silver, std::string_view job, const TopicIdentity& topic,
                          std::string_view known_id) {
  for (const auto& [app, txn] : silver.txns()) {
    const auto read = parse_offset_app_id(app, job);
    if (read && read->topic == topic.name && read->topic_id == known_id && read->partition >= topic.partitions)
      return fail(ErrorCode::io, fmt::format("topic {} has {} partitions now, and Silver has read partition {}",
                                             topic.name, topic.partitions, read->partition));
  }
  return {};
}

Result<std::vector<AcceptedLoss>> find_losses(const delta::Snapshot& silver, std::string_view job, LogReader& log,
                                              const StartFrom& start) {
  const TopicIdentity& topic = log.topic();
  const std::string id = known_topic_id(silver, job, topic);
  TRY(check_partitions(silver, job, topic, id));
  std::vector<AcceptedLoss> out = lost_with_topic(silver, job, topic.name, id);
  for (int32_t p = 0; p < topic.partitions; ++p) {
    auto next = silver.txn_version(offset_app_id(job, topic.name, id, p));
    if (!next && start.kind == StartFrom::Kind::earliest) next = TRY(log.begin(PartitionId(p))).value;
    if (!next) continue;  // no place in it has been promised yet
    const auto epoch = silver.txn_version(leader_app_id(job, topic.name, id, p)).value_or(-1);
    for (const Found& found : TRY(find_loss(log, PartitionId(p), Offset(*next), int32_t(epoch))))
      out.push_back({found.kind, topic.name, id, p, found.from.value, found.to.value});
  }
  // Damage behind a fork is the new topic's.
  const std::string later = known_topic_id(silver, job, topic, out);
  for (size_t i = 1; i < out.size(); ++i)
    if (out[i].kind == kUnreadable && out[i - 1].kind == kFellBack && out[i].partition == out[i - 1].partition)
      out[i].topic_id = later;
  return out;
}

int64_t lost_offsets(const AcceptedLoss& loss) {
  return loss.kind == kDeleted || loss.kind == kUnreadable ? loss.end - loss.start : 0;
}

std::string text_of(const AcceptedLoss& l) {
  const auto offsets = [&] {
    return fmt::format("{} offset{} of {}/{}, {} to {}", l.end - l.start, l.end - l.start == 1 ? "" : "s", l.topic,
                       l.partition, l.start, l.end - 1);
  };
  if (l.kind == kDeleted) return offsets() + ": no longer in the log";
  if (l.kind == kUnreadable) return offsets() + ": cannot be read";
  if (l.kind == kFellBack)
    return fmt::format("{}/{} was read up to offset {}; its log goes on at {}, as another one", l.topic, l.partition,
                       l.start, l.end);
  return fmt::format("{}/{} with id {} was read up to offset {}; what came after it is not known", l.topic, l.partition,
                     l.topic_id, l.start);
}

std::string loss_hint(const Config& config, bool topic_is_there) {
  std::string command = fmt::format("pactolus offsets accept-loss --topic {} --reason \"why\"", config.kafka.topic);
  if (config.bronze.from == BronzeFrom::kafka)
    command += config.kafka.bootstrap.find(',') == std::string::npos
                   ? fmt::format(" --from kafka://{}/{}", config.kafka.bootstrap, config.kafka.topic)
                   : " --from kafka";
  if (config.lake != Config().lake) command += " --lake " + config.lake;
  return fmt::format("bring it back (from a copy, a replica), or {}go on without it: {}",
                     topic_is_there ? "" : "make a topic of that name and ", command);
}

}  // namespace pactolus
