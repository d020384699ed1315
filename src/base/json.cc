#include "base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include <simdjson.h>

namespace pactolus {
namespace {

Result<Json> from_element(const simdjson::dom::element& e) {
  using Type = simdjson::dom::element_type;
  switch (e.type()) {
    case Type::ARRAY: {
      simdjson::dom::array items;
      if (e.get_array().get(items)) return Json();
      Json::Array out;
      for (auto item : items) out.push_back(TRY(from_element(item)));
      return Json(std::move(out));
    }
    case Type::OBJECT: {
      simdjson::dom::object fields;
      if (e.get_object().get(fields)) return Json();
      Json::Object out;
      for (auto [key, value] : fields) out.emplace_back(std::string(key), TRY(from_element(value)));
      return Json(std::move(out));
    }
    case Type::INT64: return Json(e.get_int64().value_unsafe());
    case Type::UINT64: return Json(double(e.get_uint64().value_unsafe()));
    case Type::DOUBLE: return Json(e.get_double().value_unsafe());
    case Type::STRING: return Json(std::string_view(e.get_string().value_unsafe()));
    case Type::BOOL: return Json(e.get_bool().value_unsafe());
    case Type::NULL_VALUE: return Json();
  }
  return Json();
}

constexpr size_t kMaxDepth = 64;

}  // namespace

Result<Json> Json::parse(std::string_view text) {
  thread_local simdjson::dom::parser parser(SIZE_MAX >> 1);
  if (auto error = parser.allocate(std::max<size_t>(text.size(), 64), kMaxDepth))
    return fail(ErrorCode::invalid, fmt::format("JSON cannot be read: {}", simdjson::error_message(error)));
  simdjson::dom::element root;
  if (auto error = parser.parse(text.data(), text.size()).get(root))
    return fail(ErrorCode::invalid, fmt::format("JSON cannot be read: {}", simdjson::error_message(error)));
  return from_element(root);
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", int(c));
        else
          out.push_back(c);
    }
  }
  out.push_back('"');
}

void Json::dump_to(std::string& out) const {
  std::visit(
      [&out]<class T>(const T& v) {
        if constexpr (std::is_same_v<T, std::monostate>)
          out += "null";
        else if constexpr (std::is_same_v<T, bool>)
          out += v ? "true" : "false";
        else if constexpr (std::is_same_v<T, int64_t>)
          fmt::format_to(std::back_inserter(out), "{}", v);
        else if constexpr (std::is_same_v<T, double>) {
          if (std::isfinite(v))
            fmt::format_to(std::back_inserter(out), "{}", v);
          else
            out += "null";
        } else if constexpr (std::is_same_v<T, std::string>)
          append_json_string(out, v);
        else if constexpr (std::is_same_v<T, Array>) {
          out.push_back('[');
          for (size_t i = 0; i < v.size(); ++i) {
            if (i) out.push_back(',');
            v[i].dump_to(out);
          }
          out.push_back(']');
        } else {
          out.push_back('{');
          for (size_t i = 0; i < v.size(); ++i) {
            if (i) out.push_back(',');
            append_json_string(out, v[i].first);
            out.push_back(':');
            v[i].second.dump_to(out);
          }
          out.push_back('}');
        }
      },
      value_);
}

std::string Json::dump() const {
  std::string out;
  dump_to(out);
  return out;
}

int64_t Json::as_int(int64_t fallback) const noexcept {
  const auto* v = std::get_if<int64_t>(&value_);
  return v ? *v : fallback;
}
double Json::as_double(double fallback) const noexcept {
  if (const auto* v = std::get_if<double>(&value_)) return *v;
  if (const auto* v = std::get_if<int64_t>(&value_)) return double(*v);
  return fallback;
}
bool Json::as_bool(bool fallback) const noexcept {
  const auto* v = std::get_if<bool>(&value_);
  return v ? *v : fallback;
}
std::string_view Json::as_string(std::string_view fallback) const noexcept {
  const auto* v = std::get_if<std::string>(&value_);
  return v ? std::string_view(*v) : fallback;
}
const Json::Array& Json::as_array() const noexcept {
  static const Array empty;
  const auto* v = std::get_if<Array>(&value_);
  return v ? *v : empty;
}
const Json::Object& Json::as_object() const noexcept {
  static const Object empty;
  const auto* v = std::get_if<Object>(&value_);
  return v ? *v : empty;
}
const Json* Json::find(std::string_view key) const noexcept {
  for (const auto& [k, v] : as_object())
    if (k == key) return &v;
  return nullptr;
}
const Json& Json::operator[](std::string_view key) const noexcept {
  static const Json null;
  const Json* v = find(key);
  return v ? *v : null;
}
Json& Json::set(std::string key, Json value) {
  if (!is_object()) value_ = Object{};
  auto& object = std::get<Object>(value_);
  for (auto& [k, v] : object)
    if (k == key) {
      v = std::move(value);
      return *this;
    }
  object.emplace_back(std::move(key), std::move(value));
  return *this;
}
Json& Json::push(Json value) {
  if (!is_array()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}
size_t Json::size() const noexcept { return is_array() ? as_array().size() : as_object().size(); }

}  // namespace pactolus
