// What a webhook has not taken yet, kept in a file: messages in order, one at a time, tried again with back-off, and
// put aside as dead letters when it has refused them for good.
//
//   add ─► pending ─► due(now) ─► taken()                    gone
//             ▲                ├─ failed(): 1 s, 2 s, 4 s … 15 min, up to `attempts`
//             └────────────────┘        └─ then, or refused for good: a line of <name>.dead.ndjson
//
// A message stays the first until it is taken or dead, so a receiver sees what becomes of an alert in order. The file
// is replaced before a change counts: a message is delivered at least once, under one id. No clock of its own. One
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"

namespace pactolus {

class WebhookQueue {
 public:
  struct Message {
    std::string id;    // for ever, in every attempt: the receiver's key against doubles
    std::string body;  // JSON
    int64_t attempts = 0;
    int64_t next_us = 0;  // not before
  };
  // How far the table has been read from which messages are made.
  struct Position {
    int64_t version = -1, batch = 0;
    bool operator==(const Position&) const = default;
  };
  static constexpr size_t kMostPending = 1'000;  // then nothing is added until some are gone

  // What the file has; without one an empty queue at `first`, whose file is made. Error corrupt for a file that is not
  // ours.
  static Result<WebhookQueue> open(const fs::path& folder, const std::string& name, Position first);

  const Position& position() const noexcept { return position_; }
  size_t pending() const noexcept { return pending_.size(); }
  int64_t dead() const noexcept { return dead_; }
  bool full() const noexcept { return pending_.size() >= kMostPending; }

  // Both in one step.
  Result<> add(std::deque<Message> messages, Position position);
  // The first message if its time has come; the time when it will have come otherwise, no value without any.
  const Message* due(int64_t now_us) const;
  std::optional<int64_t> next_due() const;
  Result<> taken();
  // `wait_us`: as long as the receiver has asked for, at least. `for_good`: no attempt more would help.
  Result<> failed(int64_t now_us, const std::string& why, int64_t most_attempts, int64_t wait_us, bool for_good);

 private:
  WebhookQueue(fs::path folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}
  Result<> save() const;
  Result<> bury(const Message& message, int64_t now_us, const std::string& why) const;
  fs::path path() const { return folder_ / (name_ + ".json"); }

  fs::path folder_;
  std::string name_;
  Position position_;
  std::deque<Message> pending_;
  int64_t dead_ = 0;
};

// Before the attempt that follows this many: 1 s, 2 s, 4 s … 15 min, a fifth more or less by the message's id, so that
// receivers that were away are not met by all at once.
int64_t back_off_us(int64_t attempts, std::string_view id);

}  // namespace pactolus
