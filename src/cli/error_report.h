// How an Error reaches a person and a shell: the text on stderr and the exit code. An Error is printed once, here.
//
//   error: run.commit_interval is no duration
//     --> pactolus.toml:12 run.commit_interval
//     expected a duration such as "1s", got "1 parsec"
//     hint: units are us, ms, s, m, h, d
//
// The first line of Error::message says what; further lines of it stand under the place. Without place, further lines
// or hint, their lines are left out.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace pactolus {

// Exit codes of the contract.
inline constexpr int kExitOk = 0;
inline constexpr int kExitChecksFailed = 1;  // do not retry
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRunError = 3;     // a retry may help
inline constexpr int kExitUndelivered = 4;  // made, but not delivered
inline constexpr int kExitUnhealthy = 10;
inline constexpr int kExitBadConfig = 78;
inline constexpr int kExitSignal = 128;  // plus the signal's number: 130, 143

int exit_code(ErrorCode code) noexcept;

std::string error_text(const Error& error, bool colour);              // with a newline at the end
std::string errors_text(std::span<const Error> errors, bool colour);  // parted by empty lines
void print_error(const Error& error, bool colour);                    // to stderr
void print_errors(std::span<const Error> errors, bool colour);

// The lines of a message apart: what, and the detail below it.
struct MessageParts {
  std::string_view what, detail;
};
MessageParts parts_of(std::string_view message) noexcept;

}  // namespace pactolus
