// A strict check of JSON that On-Demand parsing would only skip: values of unknown fields are handed on as text, so
// they have to be JSON that others can read. RFC 8259, without limits on numbers, with one on depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pactolus {

enum class JsonSyntax : uint8_t { ok, malformed, too_deep, lone_surrogate };

// One value with nothing but white space around it. UTF-8 is the caller's to check. Recursion is bounded by max_depth.
JsonSyntax check_json(std::string_view text, int max_depth) noexcept;

// How many bytes at the beginning of `text` are a number, -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?; 0: none are.
size_t json_number_size(std::string_view text) noexcept;
inline bool is_json_number(std::string_view text) noexcept {
  return !text.empty() && json_number_size(text) == text.size();
}

}  // namespace pactolus
