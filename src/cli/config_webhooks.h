// Webhooks in pactolus.toml:
//
//   [[webhook]]
//   name = "shop"
//   url = "https://hooks.example.org/pactolus"     or url_file, when the URL is a secret
//   secret_file = "/etc/pactolus/webhook.secret"   left out: messages are not signed
//   states = ["open", "resolved"]                  left out: all; likewise rules
//   attempts = 12
//   timeout = "10s"
#pragma once

#include "cli/config_tables.h"

namespace pactolus {

inline constexpr std::string_view kWebhooks = "webhook";

TakenTable take_webhook(const RawValue& table, Config& config);
// What is wrong with one that was taken, each in a sentence, once all rules are known.
std::vector<std::string> faults_of_webhook(const Config& config, std::string_view name);
std::vector<std::string> webhook_lines(const Config::Webhook& webhook);  // as a file would declare it

}  // namespace pactolus
