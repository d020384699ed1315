#include "sinks/webhook/http_post.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <chrono>

namespace pactolus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr size_t kLongestHeader = 64 * 1024;  // of an answer
constexpr int kMostInterim = 8;               // answers 1xx before the one that counts
constexpr int64_t kLongestWait_s = 3600;      // that a receiver may ask for
constexpr std::chrono::milliseconds kSlice(50);

// The steps of one request, each asynchronous so that it can be given up.
class Exchange {
 public:
  Exchange(const HttpPost& post, std::chrono::steady_clock::time_point until) : post_(post), until_(until) {}

  Result<HttpAnswer> run() {
    asio::ip::tcp::resolver resolver(context_);
    asio::ip::tcp::resolver::results_type found;
    TRY(step("its name", [&](auto done) {
      resolver.async_resolve(post_.url.host, post_.url.port, [&, done](beast::error_code e, auto results) {
        found = std::move(results);
        done(e);
      });
    }));
    if (!post_.url.tls) {
      beast::tcp_stream stream(context_);
      TRY(connect(stream, found));
      return talk(stream);
    }
    asio::ssl::context tls(asio::ssl::context::tls_client);
    beast::error_code e;
    tls.set_verify_mode(asio::ssl::verify_peer, e);
    if (post_.ca_file.empty())
      tls.set_default_verify_paths(e);
    else
      tls.load_verify_file(post_.ca_file, e);
    if (e) return failed("the certificates to trust", e);
    beast::ssl_stream<beast::tcp_stream> stream(context_, tls);
    stream.set_verify_callback(asio::ssl::host_name_verification(post_.url.host));
    SSL_set_tlsext_host_name(stream.native_handle(), post_.url.host.c_str());
    TRY(connect(beast::get_lowest_layer(stream), found));
    TRY(step("TLS", [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); }));
    return talk(stream);
  }

 private:
  std::unexpected<Error> failed(std::string_view what, const beast::error_code& e) const {
    return fail(ErrorCode::io, fmt::format("{}: {}", what, e.message()));
  }

  // Starts something that calls its argument at the end, and runs it to there.
  template <class Start>
  Result<> step(std::string_view what, Start start) {
    bool ended = false;
    beast::error_code outcome;
    start([&](beast::error_code e, auto&&...) {
      ended = true;
      outcome = e;
    });
    context_.restart();
    while (!ended) {
      context_.run_one_for(kSlice);
      if (ended) break;
      if (post_.stop && post_.stop()) return fail(ErrorCode::io, "given up, since this process ends");
      if (std::chrono::steady_clock::now() >= until_)
        return fail(ErrorCode::io, fmt::format("{}: no answer within {} s", what, double(post_.timeout_us) / 1e6));
      if (context_.stopped()) context_.restart();
    }
    if (outcome) return failed(what, outcome);
    return {};
  }

  Result<> connect(beast::tcp_stream& stream, const asio::ip::tcp::resolver::results_type& found) {
    return step("the connection", [&](auto done) { stream.async_connect(found, done); });
  }

  template <class Stream>
  Result<HttpAnswer> talk(Stream& stream) {
    http::request<http::string_body> request(http::verb::post, post_.url.target, 11);
    request.set(http::field::host, post_.url.authority);
    request.set(http::field::user_agent, "pactolus");
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : post_.headers) request.set(name, value);
    request.body() = post_.body;
    request.prepare_payload();
    TRY(step("sending", [&](auto done) { http::async_write(stream, request, done); }));
    beast::flat_buffer buffer;
    for (int interim = 0;; ++interim) {
      // The body is not read, so it may be as long as it likes.
      http::response_parser<http::empty_body> answer;
      answer.header_limit(kLongestHeader);
      answer.body_limit(boost::none);
      TRY(step("its answer", [&](auto done) { http::async_read_header(stream, buffer, answer, done); }));
      const auto& header = answer.get();
      if (header.result_int() < 200 && interim < kMostInterim) continue;
      return HttpAnswer{int(header.result_int()),
                        parse_retry_after(header[http::field::retry_after], header[http::field::date])};
    }
  }

  const HttpPost& post_;
  const std::chrono::steady_clock::time_point until_;
  asio::io_context context_{1};
};

}  // namespace

namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT" in seconds since 1970.
std::optional<int64_t> parse_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto number = [&](size_t at, size_t digits) {
    int value = -1;
    const auto [end, e] = std::from_chars(text.data() + at, text.data() + at + digits, value);
    return e == std::errc() && end == text.data() + at + digits ? value : -1;
  };
  if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
  const int day = number(5, 2), year = number(12, 4), hour = number(17, 2), minute = number(20, 2),
            second = number(23, 2);
  const size_t month = kMonths.find(text.substr(8, 3));
  if (day < 0 || year < 0 || hour < 0 || minute < 0 || second < 0 || month == kMonths.npos || month % 3 != 0)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(unsigned(month) / 3 + 1),
                                         std::chrono::day(unsigned(day)));
  if (!date.ok()) return std::nullopt;
  return int64_t(std::chrono::sys_days(date).time_since_epoch().count()) * 86'400 + hour * 3600 + minute * 60 + second;
}

}  // namespace

std::optional<int64_t> parse_retry_after(std::string_view wait, std::string_view date) {
  int64_t seconds = 0;
  const auto [end, e] = std::from_chars(wait.data(), wait.data() + wait.size(), seconds);
  if (wait.empty()) return std::nullopt;
  if (e == std::errc::result_out_of_range && wait.front() != '-') {
    seconds = kLongestWait_s;
  } else if (e != std::errc() || end != wait.data() + wait.size()) {
    const auto until = parse_http_date(wait), now = parse_http_date(date);
    if (!until || !now) return std::nullopt;
    seconds = std::max<int64_t>(*until - *now, 0);
  }
  if (seconds < 0) return std::nullopt;
  return std::min(seconds, kLongestWait_s) * 1'000'000;
}

Result<HttpUrl> parse_http_url(std::string_view url) {
  const auto wrong = [&](std::string_view why) { return fail(ErrorCode::invalid, fmt::format("expected {}", why)); };
  HttpUrl out;
  if (url.starts_with("https://"))
    out.tls = true;
  else if (!url.starts_with("http://"))
    return wrong("a URL that begins with http:// or https://");
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return wrong("a URL without blanks and control characters");
  url.remove_prefix(out.tls ? 8 : 7);
  const size_t path = std::min(url.find_first_of("/?#"), url.size());
  std::string_view authority = url.substr(0, path);
  out.target = std::string(url.substr(path, url.find('#') == std::string_view::npos ? url.npos : url.find('#') - path));
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return wrong("a URL without a user");
  out.authority = std::string(authority);
  out.port = out.tls ? "443" : "80";
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    out.port = std::string(authority.substr(colon + 1));
    uint32_t number = 0;
    const auto [end, e] = std::from_chars(out.port.data(), out.port.data() + out.port.size(), number);
    if (e != std::errc() || end != out.port.data() + out.port.size() || number == 0 || number > 65535)
      return wrong("a port from 1 to 65535");
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) return wrong("a host in the URL");
  out.host = std::string(authority);
  return out;
}

Result<HttpAnswer> http_post(const HttpPost& post) {
  try {
    return Exchange(post, std::chrono::steady_clock::now() + std::chrono::microseconds(post.timeout_us)).run();
  } catch (const std::exception& e) {  // of the library: no memory, no descriptor
    return fail(ErrorCode::io, e.what());
  }
}

}  // namespace pactolus
