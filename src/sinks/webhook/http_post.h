// One HTTP/1.1 POST, plain or over TLS, with an end to every wait. A connection for each: webhooks are few. Redirects
// are not followed, so what is sent goes where it was configured to go and nowhere else. Source: RFC 9110, RFC 9112.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pactolus {

struct HttpUrl {
  bool tls = false;
  std::string host;       // without brackets
  std::string port;       // 443 or 80 when the URL names none
  std::string target;     // path and query
  std::string authority;  // of the Host header
};
// http:// or https://; Error invalid for anything else, and for a URL with a user in it.
Result<HttpUrl> parse_http_url(std::string_view url);

struct HttpPost {
  HttpUrl url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string ca_file;              // trusted instead of the system's certificates; empty: those
  int64_t timeout_us = 10'000'000;  // of all of it
  std::function<bool()> stop = {};  // asked several times a second
};
struct HttpAnswer {
  int status = 0;
  std::optional<int64_t> retry_after_us;  // of a Retry-After, at most an hour
};
// Of the header's value: seconds, or a date, which counts from the receiver's own, the header Date (RFC 9110, section
// 10.2.3). No value for anything else.
std::optional<int64_t> parse_retry_after(std::string_view wait, std::string_view date);
// Error io when there was no answer: the name, the connection, the certificate, the time.
Result<HttpAnswer> http_post(const HttpPost& post);

}  // namespace pactolus
