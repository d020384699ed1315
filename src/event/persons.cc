#include "event/persons.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json.h"

namespace pactolus {
namespace {

// A byte that continues an id, so that user_1 does not stand in user_10. Bytes of other alphabets do too.
bool is_of_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         (c & 0x80) != 0;
}

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_of_word(text[at - 1])) && (end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out.push_back(char(0x80 | ((code >> shift) & 0x3f))); };
  if (code < 0x80) {
    out.push_back(char(code));
  } else if (code < 0x800) {
    out.push_back(char(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out.push_back(char(0xe0 | (code >> 12)));
    tail(6), tail(0);
  } else {
    out.push_back(char(0xf0 | (code >> 18)));
    tail(12), tail(6), tail(0);
  }
}

// The four digits of \uXXXX at `at`, which stands on the backslash.
std::optional<uint32_t> code_at(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  uint32_t code = 0;
  const char* end = text.data() + at + 6;
  const auto [stopped, error] = std::from_chars(end - 4, end, code, 16);
  return error == std::errc() && stopped == end ? std::optional(code) : std::nullopt;
}

// JSON's escapes as what they stand for, in bytes that need not be JSON; one that cannot be read stays.
std::string without_escapes(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (const auto code = code_at(text, at)) {
      const auto low = (*code & 0xfc00) == 0xd800 ? code_at(text, at + 6) : std::nullopt;
      const bool pair = low && (*low & 0xfc00) == 0xdc00;
      append_utf8(out, pair ? 0x10000 + ((*code & 0x3ff) << 10) + (*low & 0x3ff) : *code);
      at += pair ? 12 : 6;
      continue;
    }
    const bool escaped = text[at] == '\\' && at + 1 < text.size() &&
                         (text[at + 1] == '"' || text[at + 1] == '\\' || text[at + 1] == '/');
    out.push_back(text[at + (escaped ? 1 : 0)]);
    at += escaped ? 2 : 1;
  }
  return out;
}

}  // namespace

Persons::Persons(const std::vector<std::string>& users, DecodeRules rules) : decoder_(std::move(rules)) { add(users); }

void Persons::add(std::span<const std::string> users) {
  users_.insert(users_.end(), users.begin(), users.end());
  std::ranges::sort(users_);
  users_.erase(std::ranges::unique(users_).begin(), users_.end());
}

bool Persons::has(std::string_view user) const noexcept { return std::ranges::binary_search(users_, user); }

// Escapes may spell an id: then only decoding tells.
bool Persons::may_own(std::string_view value) const noexcept {
  return value.find('\\') != value.npos ||
         std::ranges::any_of(users_, [&](const std::string& user) { return value.find(user) != value.npos; });
}

bool Persons::own_rejected(std::string_view value) const {
  bool told = false;
  if (const auto json = Json::parse(value); json && json->is_object())
    for (const auto& [name, user] : json->as_object()) {
      if (name != "user_id" || !(user.is_string() || user.is_number())) continue;
      told = true;
      if (has(user.is_string() ? std::string(user.as_string()) : user.dump())) return true;
    }
  if (told) return false;
  const std::string plain = without_escapes(value);
  return std::ranges::any_of(users_,
                             [&](const std::string& user) { return has_word(value, user) || has_word(plain, user); });
}

bool Persons::own(const RecordView& record) {
  if (record.key && has(key_text(*record.key))) return true;
  if (!record.value || !may_own(*record.value)) return false;
  events_.clear();
  rejects_.clear();
  decoder_.decode({&record, 1}, 0, {INT64_MAX / 2, kNoTime}, events_, rejects_);  // however late it came
  return events_.rows() == 1 ? has(events_.users.value(events_.user_id.codes[0])) : own_rejected(*record.value);
}

bool Persons::own(std::optional<std::string_view> key, std::optional<std::string_view> value) {
  RecordView record;
  record.key = key;
  if (value) {
    padded_.assign(*value);
    padded_.append(kRecordPadding, '\0');
    record.value = std::string_view(padded_).substr(0, value->size());
  }
  return own(record);
}

}  // namespace pactolus
