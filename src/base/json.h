// JSON documents that Pactolus itself reads and writes: Delta log, ledger, status, snapshots' heads. Not for events,
// which have their own decoder (event/decoder.h). Numbers keep their integer value when they have one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pactolus {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  // in the order of the text

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool v) : value_(v) {}
  Json(int v) : value_(int64_t(v)) {}
  Json(int64_t v) : value_(v) {}
  Json(double v) : value_(v) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}
  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  // One document. Error `invalid` on bad JSON, on more than 64 levels, on anything behind the document.
  static Result<Json> parse(std::string_view text);
  std::string dump() const;  // one line, no spaces
  void dump_to(std::string& out) const;

  bool is_null() const noexcept { return value_.index() == 0; }
  bool is_bool() const noexcept { return std::holds_alternative<bool>(value_); }
  bool is_int() const noexcept { return std::holds_alternative<int64_t>(value_); }
  bool is_number() const noexcept { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const noexcept { return std::holds_alternative<std::string>(value_); }
  bool is_array() const noexcept { return std::holds_alternative<Array>(value_); }
  bool is_object() const noexcept { return std::holds_alternative<Object>(value_); }

  // Lenient readers: the fallback when the kind is another.
  int64_t as_int(int64_t fallback = 0) const noexcept;
  double as_double(double fallback = 0) const noexcept;
  bool as_bool(bool fallback = false) const noexcept;
  std::string_view as_string(std::string_view fallback = "") const noexcept;
  const Array& as_array() const noexcept;    // empty when it is none
  const Object& as_object() const noexcept;  // empty when it is none

  const Json* find(std::string_view key) const noexcept;        // null when absent or no object
  const Json& operator[](std::string_view key) const noexcept;  // a null value when absent
  Json& set(std::string key, Json value);                       // replaces or appends; makes a null an object
  Json& push(Json value);                                       // appends; makes a null an array
  size_t size() const noexcept;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

void append_json_string(std::string& out,
                        std::string_view text);  // with quotes and escapes; invalid UTF-8 is kept as it is

}  // namespace pactolus
