#include "event/json_edit.h"

#include "base/json.h"
#include "event/json_syntax.h"

namespace pactolus {
namespace {

constexpr int kDepth = 256;

// Over text that is known to be JSON.
struct Walker {
  std::string_view json;
  size_t at = 0;

  void skip_space() {
    while (at < json.size() && std::string_view(" \t\r\n").find(json[at]) != std::string_view::npos) ++at;
  }
  // The string, with its quotes.
  std::string_view text() {
    const size_t begin = at++;
    while (json[at] != '"') at += json[at] == '\\' ? 2 : 1;
    return json.substr(begin, ++at - begin);
  }
  std::string_view value() {
    const size_t begin = at;
    int depth = 0;
    do {
      const char c = json[at];
      if (c == '"') {
        text();
        continue;
      }
      if ((c == ',' || c == '}' || c == ']') && depth == 0) break;
      depth += c == '{' || c == '[';
      depth -= c == '}' || c == ']';
      ++at;
    } while (at < json.size());
    size_t end = at;
    while (end > begin && std::string_view(" \t\r\n").find(json[end - 1]) != std::string_view::npos) --end;
    return json.substr(begin, end - begin);
  }
};

std::optional<std::string> as_type(std::string_view value, JsonType type) {
  const bool is_text = value.starts_with('"');
  if (type == JsonType::text) {
    if (is_text || value.starts_with('{') || value.starts_with('[') || value == "null") return std::nullopt;
    return '"' + std::string(value) + '"';
  }
  if (!is_text) return std::nullopt;
  const std::string_view inside = value.substr(1, value.size() - 2);
  if (!is_json_number(inside)) return std::nullopt;
  return std::string(inside);
}

}  // namespace

std::optional<std::string> with_field_as(std::string_view json, std::string_view name, JsonType type) {
  if (check_json(json, kDepth) != JsonSyntax::ok) return std::nullopt;
  Walker walk{json};
  walk.skip_space();
  if (json[walk.at] != '{') return std::nullopt;
  std::string out;
  size_t copied = 0;
  ++walk.at;
  for (walk.skip_space(); json[walk.at] != '}'; walk.skip_space()) {
    if (json[walk.at] == ',') ++walk.at;
    walk.skip_space();
    const std::string_view quoted = walk.text();
    walk.skip_space();
    ++walk.at;  // the colon
    walk.skip_space();
    const std::string_view value = walk.value();
    const auto key = Json::parse(quoted);
    if (!key || key->as_string() != name) continue;
    const auto changed = as_type(value, type);
    if (!changed) continue;
    out += json.substr(copied, size_t(value.data() - json.data()) - copied);
    out += *changed;
    copied = size_t(value.data() - json.data()) + value.size();
  }
  if (copied == 0) return std::nullopt;
  return out += json.substr(copied);
}

}  // namespace pactolus
