#include "event/persons.h"

#include <algorithm>

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

}  // namespace

Persons::Persons(std::vector<std::string> users, DecodeRules rules)
    : users_(std::move(users)), decoder_(std::move(rules)) {
  std::ranges::sort(users_);
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
  return !told && std::ranges::any_of(users_, [&](const std::string& user) { return has_word(value, user); });
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
