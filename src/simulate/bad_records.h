// What broken clients send: every way in which a record can fail, with the reason that the contract gives it. Each
// record has one fault only, so that the order in which a decoder looks does not matter.
//
// Left out, because what happens depends on more than the record: `too_late` (the watermark), `too_large` (a limit of
// megabytes each), `malformed_row` (only files have rows).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pactolus {

struct BadKind {
  enum class How : uint8_t { whole, replace, drop, cut_short, append, add_deep_field, from_the_future };
  std::string_view name;    // for messages
  std::string_view reason;  // by its name in the contract
  How how;
  std::string_view field;  // of replace and drop
  std::string_view text;   // raw text: of the whole, of the field's value, to append
};

std::span<const BadKind> bad_kinds();

// Breaks a good purchase, as shop.cc writes it with every field of the contract that this kind touches. `time_us` is
// its event time.
void break_record(const BadKind& kind, int64_t time_us, std::string& record);

}  // namespace pactolus
