#include "sinks/webhook/webhook_sink.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/fault.h"

namespace pactolus {
namespace {

constexpr std::string_view kPrefix = "whsec_";

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
  out.resize(size_t(n));
  return out;
}

// The bytes that a secret stands for; no value when it is not base64.
std::optional<std::string> key_of(std::string_view secret) {
  if (!secret.starts_with(kPrefix)) return std::string(secret);
  secret.remove_prefix(kPrefix.size());
  const size_t digits = secret.find_last_not_of('=') + 1;  // 0 when there are none
  const auto is_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  if (digits == 0 || secret.size() % 4 != 0 || secret.size() - digits > 2 ||
      !std::ranges::all_of(secret.substr(0, digits), is_digit))
    return std::nullopt;
  std::string out(secret.size(), '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(secret.data()), int(secret.size()));
  out.resize(size_t(n) - (secret.size() - digits));
  return out;
}

bool may_be_tried_again(int status) {
  return status < 200 || status >= 500 || status == 408 || status == 425 || status == 429;
}

}  // namespace

bool is_webhook_secret(std::string_view secret) { return key_of(secret).has_value(); }

std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s,
                              std::string_view body) {
  const std::string key = key_of(secret).value_or(""), text = fmt::format("{}.{}.{}", id, timestamp_s, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       mac.data(), &size);
  return "v1," + base64({reinterpret_cast<const char*>(mac.data()), size});
}

Result<int64_t> WebhookSink::send_due(const std::function<int64_t()>& now_us, const std::function<bool()>& stop,
                                      std::string& failure) {
  int64_t sent = 0;
  while (const WebhookQueue::Message* const message = queue_.due(now_us())) {
    const int64_t timestamp_s = now_us() / kMicrosPerSecond;
    HttpPost post{options_.url, {}, message->body, options_.ca_file, options_.timeout_us, stop};
    post.headers = {{"Content-Type", "application/json"},
                    {"Idempotency-Key", message->id},
                    {"webhook-id", message->id},
                    {"webhook-timestamp", std::to_string(timestamp_s)}};
    if (!options_.secret.empty())
      post.headers.emplace_back("webhook-signature",
                                webhook_signature(options_.secret, message->id, timestamp_s, message->body));
    const auto answer = http_post(post);
    if (!answer && stop && stop()) return sent;  // no attempt that counts
    fault_point("webhook.answered");
    if (answer && answer->status / 100 == 2) {
      TRY(queue_.taken());
      ++sent;
      continue;
    }
    failure = answer ? fmt::format("it answers {}", answer->status) : answer.error().message;
    const int64_t dead = queue_.dead();
    TRY(queue_.failed(now_us(), failure, options_.attempts, answer ? answer->retry_after_us.value_or(0) : 0,
                      answer && !may_be_tried_again(answer->status)));
    if (queue_.dead() == dead) break;  // it is tried again before those behind it
    failure += "; the message was put aside as a dead letter";
  }
  return sent;
}

}  // namespace pactolus
