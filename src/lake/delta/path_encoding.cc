#include "lake/delta/path_encoding.h"

#include <fmt/format.h>

namespace pactolus::delta {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
// What Hive, and after it Spark and Polars, call the folder of a null.
constexpr std::string_view kNullPartition = "__HIVE_DEFAULT_PARTITION__";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "s3:", "file:" and so on: letters, digits, "+", "-", "." before the first colon (RFC 3986, scheme).
bool has_scheme(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i > 0;
    const bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
    if (!letter && (i == 0 || (!is_unreserved(text[i]) && text[i] != '+') || text[i] == '_')) return false;
  }
  return false;
}

}  // namespace

std::string percent_encode(std::string_view text, std::string_view safe) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (is_unreserved(c) || safe.find(c) != safe.npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(char(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string encode_path(std::string_view path) { return percent_encode(path, "/="); }

Result<> check_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::unsupported, fmt::format("a data file's path {}: {}", why, path));
  };
  if (path.empty()) return refuse("is empty");
  if (path.front() == '/') return refuse("is absolute");
  if (path.find('\0') != path.npos) return refuse("holds a NUL");
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part == ".." || part == "." || part.empty()) return refuse("is not plain");
    at = end + 1;
  }
  return {};
}

Result<std::string> decode_path(std::string_view text) {
  if (has_scheme(text))
    return fail(ErrorCode::unsupported, fmt::format("a data file lies outside the table: {}", text));
  auto path = percent_decode(text);
  if (!path) return fail(ErrorCode::corrupt, fmt::format("a data file's path has a broken escape: {}", text));
  TRY(check_path(*path));
  return std::move(*path);
}

std::string partition_folder(std::span<const std::string> columns, const PartitionValues& values) {
  std::string out;
  for (const std::string& column : columns) {
    const auto value = values.find(column);
    const bool is_null = value == values.end() || !value->second || value->second->empty();
    if (!out.empty()) out.push_back('/');
    out += percent_encode(column) + "=" + (is_null ? std::string(kNullPartition) : percent_encode(*value->second));
  }
  return out;
}

}  // namespace pactolus::delta
