#include "cli/error_report.h"

#include <fmt/core.h>

#include "cli/terminal.h"

namespace pactolus {
namespace {

// Every line of `text`, two spaces in.
void append_indented(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out += "  ";
    out += text.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

int exit_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::usage: return kExitUsage;
    case ErrorCode::bad_config: return kExitBadConfig;
    case ErrorCode::failed_check:
    case ErrorCode::data_loss:
    case ErrorCode::corrupt: return kExitChecksFailed;
    case ErrorCode::not_found:
    case ErrorCode::io:
    case ErrorCode::disk_full:
    case ErrorCode::busy:
    case ErrorCode::conflict:
    case ErrorCode::fenced:
    case ErrorCode::unsupported:
    case ErrorCode::invalid: return kExitRunError;
  }
  return kExitRunError;
}

MessageParts parts_of(std::string_view message) noexcept {
  const size_t end = message.find('\n');
  if (end == std::string_view::npos) return {message, {}};
  return {message.substr(0, end), message.substr(end + 1)};
}

std::string error_text(const Error& error, bool colour) {
  const MessageParts parts = parts_of(error.message);
  std::string out = fmt::format("{} {}\n", paint(Paint::error, "error:", colour), parts.what);
  if (!error.where.empty()) append_indented(out, paint(Paint::faint, "-->", colour) + " " + error.where);
  append_indented(out, parts.detail);
  if (!error.hint.empty()) append_indented(out, paint(Paint::strong, "hint:", colour) + " " + error.hint);
  return out;
}

std::string errors_text(std::span<const Error> errors, bool colour) {
  std::string out;
  for (const Error& error : errors) {
    if (!out.empty()) out += '\n';
    out += error_text(error, colour);
  }
  return out;
}

void print_error(const Error& error, bool colour) { write_message(error_text(error, colour)); }

void print_errors(std::span<const Error> errors, bool colour) { write_message(errors_text(errors, colour)); }

}  // namespace pactolus
