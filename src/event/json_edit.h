// Small repairs of a JSON object as text: what is not touched stays byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pactolus {

enum class JsonType : uint8_t { text, number };

// The object with the value of its top-level field `name` as the type: a number, true or false as the text of it, a
// text that is a JSON number as that number. Of several fields of that name each. nullopt when nothing was changed: the
// field is not there, is of the type already or cannot be; or `json` is no JSON object.
std::optional<std::string> with_field_as(std::string_view json, std::string_view name, JsonType type);

}  // namespace pactolus
