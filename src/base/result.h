// Errors as values. A function that can fail for a reason outside the program returns Result<T>; a bad event is
// data and never an Error; a broken invariant stops the process (base/check.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace pactolus {

enum class ErrorCode : uint8_t {
  usage,         // a command line that means nothing
  bad_config,    // a configuration file or key that means nothing
  not_found,     // a file, table, topic or version that is not there
  io,            // the operating system refused; a retry may help
  disk_full,     // no space, no quota or a file size limit; a retry helps once there is space
  busy,          // somebody else holds the lake or the topic
  conflict,      // another writer committed something that this commit cannot follow
  fenced,        // a higher epoch owns the job; this process must stop
  data_loss,     // offsets that were promised are gone
  corrupt,       // bytes on disk are not what was written
  unsupported,   // a format or protocol version that this release does not know
  invalid,       // input that breaks its own rules (a bad number, a bad JSON document)
  failed_check,  // `verify` found something wrong
};

struct [[nodiscard]] Error {
  ErrorCode code;
  std::string message;     // static text first, values last
  std::string hint = {};   // what the reader can do, or empty
  std::string where = {};  // "file:line key" that the message is about, or empty

  // The same call may succeed later without anybody changing anything here.
  bool retriable() const noexcept {
    return code == ErrorCode::io || code == ErrorCode::disk_full || code == ErrorCode::busy;
  }
  // The process may not go on with this lake.
  bool fatal() const noexcept {
    return code == ErrorCode::fenced || code == ErrorCode::data_loss || code == ErrorCode::corrupt;
  }
};

std::string_view name_of(ErrorCode code) noexcept;

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(hint), {}});
}
// The failure of the last system call, with `errno` in words: "what path: No space left on device".
std::unexpected<Error> fail_errno(std::string_view what, std::string_view path);

}  // namespace pactolus

// The value of a Result, or the caller returns its error. A GNU statement expression, which g++ and clang++ both
// know; g++ 12 has no std::expected::and_then. The counter gives nested uses names of their own.
#define TRY(...) PACTOLUS_TRY_NAMED(__COUNTER__, __VA_ARGS__)
#define PACTOLUS_TRY_NAMED(n, ...) PACTOLUS_TRY_PASTE(n, __VA_ARGS__)
#define PACTOLUS_TRY_PASTE(n, ...) PACTOLUS_TRY_AS(try_result_##n, __VA_ARGS__)
#define PACTOLUS_TRY_AS(result, ...)                     \
  ({                                                     \
    auto&& result = (__VA_ARGS__);                       \
    if (!result) [[unlikely]]                            \
      return std::unexpected(std::move(result).error()); \
    std::move(result).value();                           \
  })
