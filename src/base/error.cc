#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/result.h"

namespace pactolus {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::usage: return "usage";
    case ErrorCode::bad_config: return "bad_config";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::io: return "io";
    case ErrorCode::disk_full: return "disk_full";
    case ErrorCode::busy: return "busy";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::fenced: return "fenced";
    case ErrorCode::data_loss: return "data_loss";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::failed_check: return "failed_check";
  }
  return "unknown";
}

std::unexpected<Error> fail_errno(std::string_view what, std::string_view path) {
  const int e = errno;
  ErrorCode code = ErrorCode::io;
  if (e == ENOSPC || e == EDQUOT || e == EFBIG) code = ErrorCode::disk_full;
  if (e == ENOENT || e == ENOTDIR) code = ErrorCode::not_found;
  return fail(code, fmt::format("{} {}: {}", what, path, std::strerror(e)));
}

void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
  std::fprintf(stderr, "fatal: broken invariant %s at %s:%d: %s\n", condition, file, line, detail.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace pactolus
