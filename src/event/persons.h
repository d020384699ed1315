// Whose record is it? For erasing persons: a record belongs to a user by its `user_id` or by its key.
//
// What the decoder makes a row of is judged by the row. Of anything else (it lies in the quarantine): by its top-level
// `user_id`, be it a text or a number; bytes without one that can be read belong to every user whose id stands in them
// as a whole word, also one that is spelled with JSON's escapes. So what is broken is rather erased than kept.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/decoder.h"
#include "event/record.h"

namespace pactolus {

// One thread.
class Persons {
 public:
  // `users` are not empty; the decoder's rules say what is a row.
  Persons(const std::vector<std::string>& users, DecodeRules rules);

  void add(std::span<const std::string> users);
  bool has(std::string_view user) const noexcept;
  // Of a record in the log, or in the quarantine with its exact bytes. Costs a search through the bytes for nearly all.
  bool own(const RecordView& record);
  // The same for bytes without padding behind them.
  bool own(std::optional<std::string_view> key, std::optional<std::string_view> value);
  const std::vector<std::string>& users() const noexcept { return users_; }

 private:
  bool may_own(std::string_view value) const noexcept;
  bool own_rejected(std::string_view value) const;

  std::vector<std::string> users_;
  Decoder decoder_;
  EventBatch events_;
  std::vector<Reject> rejects_;
  std::string padded_;
};

}  // namespace pactolus
