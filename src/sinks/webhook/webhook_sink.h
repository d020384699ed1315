// Messages to one webhook: signed, in order, at least once.
//
// Headers are those of Standard Webhooks 1.0: `webhook-id` is the same in every attempt and stands in `Idempotency-Key`
// too, `webhook-timestamp` is the attempt's, `webhook-signature` is "v1," and the base64 of
// HMAC-SHA256(secret, id.timestamp.body) when there is a secret. An answer 2xx takes the message. 408, 425, 429 and
// 5xx, or no answer, are tried again; any other answer refuses it for good. One thread. Source: standardwebhooks.com,
// "Standard Webhooks", "Signature scheme"; draft-ietf-httpapi-idempotency-key-header.
#pragma once

#include <functional>
#include <string>

#include "sinks/webhook/http_post.h"
#include "sinks/webhook/webhook_queue.h"

namespace pactolus {

class WebhookSink {
 public:
  struct Options {
    HttpUrl url;
    std::string secret;  // as its file has it; "whsec_" and base64, or the bytes themselves; empty: unsigned
    std::string ca_file;
    int64_t attempts = 12;
    int64_t timeout_us = 10'000'000;
  };
  WebhookSink(Options options, WebhookQueue queue) : options_(std::move(options)), queue_(std::move(queue)) {}

  WebhookQueue& queue() noexcept { return queue_; }
  const WebhookQueue& queue() const noexcept { return queue_; }
  // Sends what is due, one after the other, up to the first failure, which is noted in the queue; how many were taken.
  // `failure` gets what went wrong. An Error is of the queue's file alone.
  Result<int64_t> send_due(const std::function<int64_t()>& now_us, const std::function<bool()>& stop,
                           std::string& failure);

 private:
  Options options_;
  WebhookQueue queue_;
};

bool is_webhook_secret(std::string_view secret);  // not what begins with whsec_ and goes on in no base64
// The value of webhook-signature; of a secret that is none, as without a key.
std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s, std::string_view body);

}  // namespace pactolus
