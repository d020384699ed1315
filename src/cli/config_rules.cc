#include "cli/config_rules.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pactolus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kZoneFolder = "/usr/share/zoneinfo";

bool only_of(std::string_view text, std::string_view punctuation) noexcept {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           punctuation.find(c) != std::string_view::npos;
  });
}

bool is_broker(std::string_view text) noexcept {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65535) return false;
  if (host.front() == '[') return host.back() == ']' && only_of(host.substr(1, host.size() - 2), ":.%");
  return only_of(host, ".-_");
}

// All names of the zone database, for suggestions; nothing when the system has no such file.
std::vector<std::string> known_zones() {
  std::vector<std::string> out;
  std::ifstream table(std::string(kZoneFolder) + "/tzdata.zi");
  // Lines "Z name …" are zones and "L target name" links.
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string kind, first, second;
    words >> kind >> first >> second;
    if (kind == "Z") out.push_back(first);
    if (kind == "L") out.push_back(second);
  }
  return out;
}

}  // namespace

std::string refuse_empty(std::string_view text, std::vector<std::string>&) {
  if (text.empty()) return "expected a folder";
  return text.find('\0') == std::string_view::npos ? "" : "expected a folder without a NUL in its name";
}

std::string refuse_nothing(std::string_view text, std::vector<std::string>&) {
  return text.find('\0') == std::string_view::npos ? "" : "expected a text without a NUL";
}

// Whether it is of a form that libpq takes, and keeps no secret; what it means, libpq says when it connects.
std::string refuse_postgres(std::string_view text, std::vector<std::string>& similar) {
  if (std::string refusal = refuse_nothing(text, similar); !refusal.empty()) return refusal;
  size_t begin = text.find("://");
  if (text.substr(0, begin).find('=') != std::string_view::npos) begin = std::string_view::npos;  // in a value
  // As libpq takes it: a URL of its own, or words such as "host=db user=shop".
  if (!text.empty() &&
      (begin == std::string_view::npos ? text.find('=') == std::string_view::npos
                                       : text.substr(0, begin) != "postgresql" && text.substr(0, begin) != "postgres"))
    return "expected a URL such as \"postgresql://shop@db:5432/analytics\"";
  std::string_view authority = begin == std::string_view::npos ? "" : text.substr(begin + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  // The name of a parameter may be written by the numbers of its letters: nobody does that but to hide it.
  const size_t query = begin == std::string_view::npos ? begin : text.find('?');
  bool is_hidden = false, in_name = true;
  for (size_t i = query; i < text.size(); ++i) {
    in_name = text[i] == '&' || (in_name && text[i] != '=');
    is_hidden |= in_name && text[i] == '%';
  }
  const bool has_password =
      is_hidden || text.find("password") != std::string_view::npos ||
      (at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos);
  return has_password ? "expected a URL without a password, which postgres.password_file is for" : "";
}

std::string refuse_schema(std::string_view text, std::vector<std::string>&) {
  const bool named =
      !text.empty() && text.size() <= 63 && only_of(text, "_") && (text.front() < '0' || text.front() > '9');
  return named && !text.starts_with("pg_")
             ? ""
             : "expected 1 to 63 letters, digits and _, not beginning with a digit or pg_";
}

std::string refuse_job(std::string_view text, std::vector<std::string>&) {
  if (!text.empty() && text.size() <= 64 && only_of(text, "_-")) return "";
  return "expected 1 to 64 letters, digits, \"_\" or \"-\"";
}

std::string refuse_currency(std::string_view text, std::vector<std::string>& similar) {
  const bool letters = text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
                       });
  if (letters && std::all_of(text.begin(), text.end(), [](char c) { return c <= 'Z'; })) return "";
  if (letters) {
    std::string upper(text);
    for (char& c : upper) c = char(c & ~0x20);
    similar.push_back(upper);
  }
  for (const auto& [sign, code] : {std::pair{"$", "USD"}, {"€", "EUR"}, {"£", "GBP"}, {"¥", "JPY"}}) {
    if (text == sign) similar.push_back(code);
  }
  return "expected three capital letters of ISO 4217, such as \"EUR\"";
}

std::string refuse_time_zone(std::string_view text, std::vector<std::string>& similar) {
  const bool form = !text.empty() && text.size() <= 64 && only_of(text, "/_+-") && text.front() != '/' &&
                    text.find("//") == std::string_view::npos;
  if (form && text == "UTC") return "";
  std::error_code error;
  const bool can_look = fs::exists(fs::path(kZoneFolder) / "UTC", error);
  if (form && (!can_look || fs::is_regular_file(fs::path(kZoneFolder) / text, error))) return "";
  similar = known_zones();
  return "expected a time zone by its IANA name, such as \"Europe/Berlin\"";
}

std::string refuse_brokers(std::string_view text, std::vector<std::string>& similar) {
  size_t start = 0;
  bool right = true;
  while (right && start <= text.size()) {
    const size_t end = std::min(text.find(',', start), text.size());
    std::string_view one = text.substr(start, end - start);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    right = is_broker(one);
    start = end + 1;
  }
  if (right) return "";
  if (!text.empty() && text.size() < 200 && only_of(text, ".-")) similar.push_back(std::string(text) + ":9092");
  return "expected brokers as host:port, several by commas, such as \"localhost:9092\"";
}

std::string refuse_topic(std::string_view text, std::vector<std::string>&) {
  // Kafka's own rule, and names with a leading underscore are taken (histories, `__consumer_offsets`).
  if (!text.empty() && text.size() <= 249 && only_of(text, "._-") && text != "." && text != ".." && text.front() != '_')
    return "";
  return "expected 1 to 249 letters, digits, \".\", \"_\" or \"-\", not beginning with \"_\"";
}

bool is_event_type_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && only_of(text, "._-");
}

std::optional<KafkaAddress> parse_kafka_address(std::string_view text) {
  constexpr std::string_view kScheme = "kafka://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  KafkaAddress address{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  std::vector<std::string> ignored;
  if (!refuse_brokers(address.bootstrap, ignored).empty() || !refuse_topic(address.topic, ignored).empty())
    return std::nullopt;
  return address;
}

}  // namespace pactolus
