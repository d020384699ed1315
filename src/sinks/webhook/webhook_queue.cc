#include "sinks/webhook/webhook_queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"

namespace pactolus {
namespace {
constexpr int64_t kFormat = 1;
constexpr int64_t kLongestWait_us = 15 * kMicrosPerMinute;
}  // namespace

int64_t back_off_us(int64_t attempts, std::string_view id) {
  const int64_t doubled = attempts > 20 ? kLongestWait_us : kMicrosPerSecond << std::max<int64_t>(0, attempts - 1);
  const int64_t wait = std::min(doubled, kLongestWait_us);
  const auto share = int64_t(hash64(id, uint64_t(attempts)) % 401);  // 0 to 0.4 of it
  return wait * (800 + share) / 1000;
}

Result<WebhookQueue> WebhookQueue::open(const fs::path& folder, const std::string& name, Position first) {
  TRY(make_folders(folder));
  WebhookQueue out(folder, name);
  const auto text = read_file(out.path());
  if (!text && text.error().code == ErrorCode::not_found) {
    out.position_ = first;
    TRY(out.save());
    return out;
  }
  if (!text) return std::unexpected(text.error());
  const auto json = Json::parse(*text);
  if (!json || (*json)["format"].as_int() != kFormat)
    return fail(ErrorCode::corrupt, fmt::format("no queue of a webhook: {}", out.path().native()),
                "without it the webhook begins with the next alert");
  out.position_ = {(*json)["version"].as_int(), (*json)["batch"].as_int()};
  out.dead_ = (*json)["dead"].as_int();
  for (const Json& m : (*json)["pending"].as_array())
    out.pending_.push_back({std::string(m["id"].as_string()), std::string(m["body"].as_string()),
                            m["attempts"].as_int(), m["next"].as_int()});
  return out;
}

Result<> WebhookQueue::save() const {
  Json pending = Json::array();
  for (const Message& m : pending_)
    pending.push(Json::object().set("id", m.id).set("body", m.body).set("attempts", m.attempts).set("next", m.next_us));
  return replace_file(path(), Json::object()
                                      .set("format", kFormat)
                                      .set("version", position_.version)
                                      .set("batch", position_.batch)
                                      .set("dead", dead_)
                                      .set("pending", std::move(pending))
                                      .dump() +
                                  "\n");
}

Result<> WebhookQueue::add(std::deque<Message> messages, Position position) {
  if (messages.empty() && position == position_) return {};
  for (Message& m : messages) pending_.push_back(std::move(m));
  position_ = position;
  return save();
}

const WebhookQueue::Message* WebhookQueue::due(int64_t now_us) const {
  return pending_.empty() || pending_.front().next_us > now_us ? nullptr : &pending_.front();
}

std::optional<int64_t> WebhookQueue::next_due() const {
  return pending_.empty() ? std::nullopt : std::optional(pending_.front().next_us);
}

Result<> WebhookQueue::taken() {
  pending_.pop_front();
  return save();
}

Result<> WebhookQueue::failed(int64_t now_us, const std::string& why, int64_t most_attempts, int64_t wait_us,
                              bool for_good) {
  Message& m = pending_.front();
  ++m.attempts;
  m.next_us = now_us + std::max(wait_us, back_off_us(m.attempts, m.id));
  if (!for_good && m.attempts < most_attempts) return save();
  // First the letter, then the queue: a crash in between leaves it twice, under one id, and never nowhere.
  TRY(bury(m, now_us, why));
  ++dead_;
  return taken();
}

Result<> WebhookQueue::bury(const Message& m, int64_t now_us, const std::string& why) const {
  const auto body = Json::parse(m.body);
  const std::string line = Json::object()
                               .set("id", m.id)
                               .set("time", iso_time(now_us))
                               .set("attempts", m.attempts)
                               .set("error", why)
                               .set("message", body ? *body : Json(m.body))
                               .dump() +
                           "\n";
  File file = TRY(File::open_append(folder_ / (name_ + ".dead.ndjson")));
  TRY(file.write(line));
  TRY(file.sync());
  return sync_folder(folder_);
}

}  // namespace pactolus
