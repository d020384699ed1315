// What the commands of the quarantine have in common: which records are meant.
#pragma once

#include "cli/flags.h"
#include "ingest/quarantine.h"

namespace pactolus {

class QuarantineFlags {
 public:
  void declare(Flags& flags);
  // `now_us` is what a duration counts back from. Error usage: no reason, no time.
  Result<QuarantineFilter> filter(int64_t now_us) const;
  bool given() const noexcept { return !reasons_.empty() || !since_.empty(); }

 private:
  std::vector<std::string> reasons_;
  std::string since_;
};

// "2025-11-29T10:15:30Z", "2025-11-29", or a duration that has passed since: "24h".
std::optional<int64_t> parse_since(std::string_view text, int64_t now_us);

// Bytes as a line of text: what is no printable UTF-8 is escaped as \xNN, what is too long is cut.
std::string bytes_as_text(std::string_view bytes, size_t limit);

}  // namespace pactolus
