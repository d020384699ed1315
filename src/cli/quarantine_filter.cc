#include "cli/quarantine_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "event/decoder.h"

namespace pactolus {

void QuarantineFlags::declare(Flags& flags) {
  flags.texts("--reason", "REASON", &reasons_, "only of this reason; may be repeated");
  flags.text("--since", "T", &since_, "only what was rejected since then: a time, a date, or a duration ago (24h)");
}

Result<QuarantineFilter> QuarantineFlags::filter(int64_t now_us) const {
  std::vector<std::string_view> names;
  for (int r = 0; r < kRejectReasons; ++r) names.push_back(name_of(RejectReason(r)));
  QuarantineFilter filter;
  filter.reasons = reasons_;
  for (const std::string& reason : reasons_)
    if (std::ranges::find(names, reason) == names.end())
      return fail(ErrorCode::usage, fmt::format("no such reason\nexpected {}, got \"{}\"{}", fmt::join(names, ", "),
                                                reason, did_you_mean(reason, names)));
  if (since_.empty()) return filter;
  filter.since_us = parse_since(since_, now_us);
  if (!filter.since_us)
    return fail(ErrorCode::usage,
                fmt::format("no time\nexpected 2025-11-29T10:15:30Z, 2025-11-29 or 24h, got \"{}\"", since_));
  return filter;
}

std::optional<int64_t> parse_since(std::string_view text, int64_t now_us) {
  if (const auto ago = parse_duration(text)) return now_us - *ago;
  if (const auto day = parse_date(text)) return int64_t(*day) * kMicrosPerDay;
  return parse_iso_time(text);
}

std::string bytes_as_text(std::string_view bytes, size_t limit) {
  const bool cut = bytes.size() > limit;
  std::string out;
  const bool utf8 = key_text(bytes) == bytes;
  for (const char c : bytes.substr(0, limit)) {
    if (c == '\n')
      out += "\\n";
    else if (uint8_t(c) < 0x20 || c == 0x7f || (uint8_t(c) >= 0x80 && !utf8))
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", uint8_t(c));
    else
      out.push_back(c);
  }
  if (cut && utf8)  // not in the middle of a character
    while (!out.empty() && (uint8_t(bytes[limit]) & 0xc0) == 0x80 && (uint8_t(out.back()) & 0x80)) {
      const bool lead = (uint8_t(out.back()) & 0xc0) == 0xc0;
      out.pop_back();
      if (lead) break;
    }
  return cut ? out + "…" : out;
}

}  // namespace pactolus
