// What the live topic has lost of what Silver was to read, and how it is read on once somebody has accepted that.
//
//   Silver's offset ───►│                                    goes on, in the ledger
//     log begins later  │▒▒▒▒▒▒▒▒├──────  deleted            behind it; offsets skipped as "lost"
//     damaged           │▒▒▒▒├──────────  unreadable         likewise
//     ───┤ log ends                       fell_back          at the log's end, as another topic: <topic-id>.2
//     another topic id                    made_anew          as the other topic
//
// Offsets that are written anew must not pass for those that Silver has read: a row's place is (topic, partition,
// offset) and its batch, and the batch tells which topic id it was.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bronze/log.h"
#include "lake/delta/snapshot.h"
#include "runtime/config.h"
#include "runtime/ledger.h"

namespace pactolus {

// The id under which the ledger knows the topic now, or will when these are accepted.
std::string known_topic_id(const delta::Snapshot& silver, std::string_view job, const TopicIdentity& topic,
                           std::span<const AcceptedLoss> losses = {});
std::string_view id_of_life(std::string_view known_id);  // the topic's own, of whichever of its lives
// Partitions that Silver has read of the topic when it had another id, or all of them where there is none now.
std::vector<AcceptedLoss> lost_with_topic(const delta::Snapshot& silver, std::string_view job, std::string_view topic,
                                          std::string_view known_id);

// A topic never loses a partition: error io when Silver has read one that is not listed.
Result<> check_partitions(const delta::Snapshot& silver, std::string_view job, const TopicIdentity& topic,
                          std::string_view known_id);
// All that is lost of the log, in the order of partitions, those of other ids first; reasons are empty. Polls: the log
// must wait a little for what it has (KafkaOptions::poll_wait_ms). Afterwards each partition stands where it is read
// on. What is damaged behind what can be read is not looked for. `start` is where a topic is begun that was never read.
// Errors: io; corrupt and data_loss never.
Result<std::vector<AcceptedLoss>> find_losses(const delta::Snapshot& silver, std::string_view job, LogReader& log,
                                              const StartFrom& start);
inline constexpr int kLookWait_ms = 100;  // such a wait

// For people: "150 offsets of clicks/0, 50 to 199, are no longer in the log".
std::string text_of(const AcceptedLoss& loss);
// How many offsets; 0 where nobody knows.
int64_t lost_offsets(const AcceptedLoss& loss);
// What can be done about data_loss and damage in the live topic.
std::string loss_hint(const Config& config, bool topic_is_there = true);

}  // namespace pactolus
