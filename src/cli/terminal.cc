#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/time_text.h"

namespace pactolus {
namespace {

constexpr size_t kOutputBuffer = 64 << 10;
constexpr std::string_view kPlain = "\x1b[0m";

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the colour sequence at the start of `text`, or 0.
size_t colour_sequence(std::string_view text) noexcept {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const size_t end = text.find('m', 2);
  return end == std::string_view::npos ? 0 : end + 1;
}

int columns_from_environment() {
  const char* text = std::getenv("COLUMNS");
  const int columns = text ? std::atoi(text) : 0;
  return columns > 0 && columns < 10'000 ? columns : 0;
}

}  // namespace

Terminal inspect_terminal(int descriptor, bool no_colour) {
  Terminal out;
  const char* kind = std::getenv("TERM");
  const char* plain = std::getenv("NO_COLOR");
  out.is_terminal = ::isatty(descriptor) == 1 && !(kind && std::string_view(kind) == "dumb");
  out.colour = out.is_terminal && !no_colour && !(plain && *plain);
  winsize size{};
  if (out.is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
    if (size.ws_col > 0) out.width = size.ws_col;
    if (size.ws_row > 0) out.height = size.ws_row;
  } else if (const int columns = columns_from_environment()) {
    out.width = columns;
  }
  return out;
}

std::string paint(Paint how, std::string_view text, bool colour) {
  if (!colour) return std::string(text);
  std::string_view start;
  switch (how) {
    case Paint::error: start = "\x1b[1;31m"; break;
    case Paint::warning: start = "\x1b[33m"; break;
    case Paint::good: start = "\x1b[32m"; break;
    case Paint::strong: start = "\x1b[1m"; break;
    case Paint::faint: start = "\x1b[2m"; break;
  }
  return fmt::format("{}{}{}", start, text, kPlain);
}

void write_message(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(size_t(n));
  }
}

Output& Output::operator<<(std::string_view text) {
  if (gone_ || !failure_) return *this;
  buffer_ += text;
  if (buffer_.size() >= kOutputBuffer || (line_by_line_ && text.ends_with('\n'))) (void)flush();
  return *this;
}

Result<> Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !gone_ && failure_) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(size_t(n));
    } else if (errno == EPIPE) {
      gone_ = true;
    } else if (errno != EINTR) {
      failure_ = fail_errno("cannot write", fd_ == STDOUT_FILENO ? "standard output" : "output");
    }
  }
  buffer_.clear();
  return failure_;
}

void LiveTable::draw(const std::vector<std::string>& lines) {
  if (!terminal_.is_terminal) {
    if (lines == drawn_) return;
    for (const std::string& line : lines) out_ << line << "\n";
    drawn_ = lines;
    (void)out_.flush();
    return;
  }
  // The bottom line stays free for the cursor.
  const size_t room = size_t(std::max(1, terminal_.height - 1));
  std::vector<std::string> picture;
  for (size_t i = 0; i < std::min(lines.size(), room); ++i) picture.push_back(cut_to_width(lines[i], terminal_.width));
  std::string text;
  if (!drawn_.empty()) text += fmt::format("\x1b[{}A\r", drawn_.size());
  for (const std::string& line : picture) text += line + "\x1b[K\n";
  if (drawn_.size() > picture.size()) text += "\x1b[J";
  // One write per picture, or the eye sees it being made.
  out_ << text;
  (void)out_.flush();
  drawn_ = std::move(picture);
}

void LiveTable::clear() {
  if (terminal_.is_terminal && !drawn_.empty()) {
    out_ << fmt::format("\x1b[{}A\r\x1b[J", drawn_.size());
    (void)out_.flush();
  }
  if (terminal_.is_terminal) drawn_.clear();
}

void LiveTable::finish() {
  drawn_.clear();
  (void)out_.flush();
}

int visible_width(std::string_view text) noexcept {
  int width = 0;
  while (!text.empty()) {
    if (const size_t skip = colour_sequence(text)) {
      text.remove_prefix(skip);
    } else {
      width += is_continuation(text[0]) ? 0 : 1;
      text.remove_prefix(1);
    }
  }
  return width;
}

std::string visible_text(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; };
    const unsigned char c = byte(i), next = byte(i + 1), third = byte(i + 2);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
      out += fmt::format("\\u00{:02x}", next);
      i += 1;
    } else if (c == 0xe2 &&
               ((next == 0x80 && third >= 0xaa && third <= 0xae) || (next == 0x81 && third >= 0xa6 && third <= 0xa9))) {
      out += fmt::format("\\u20{:02x}", (next & 3) << 6 | (third & 0x3f));
      i += 2;
    } else {
      out += char(c);
    }
  }
  return out;
}

std::string cut_to_width(std::string_view text, int width) {
  if (visible_width(text) <= width) return std::string(text);
  std::string out;
  bool coloured = false;
  int taken = 0;
  while (!text.empty()) {
    if (const size_t skip = colour_sequence(text)) {
      out += text.substr(0, skip);
      coloured = text.substr(0, skip) != kPlain;
      text.remove_prefix(skip);
      continue;
    }
    if (!is_continuation(text[0]) && ++taken >= width) break;
    out += text[0];
    text.remove_prefix(1);
  }
  if (width > 0) out += "…";
  if (coloured) out += kPlain;
  return out;
}

std::string pad_left(std::string_view text, int width) {
  return std::string(size_t(std::max(0, width - visible_width(text))), ' ') + std::string(text);
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) + std::string(size_t(std::max(0, width - visible_width(text))), ' ');
}

std::string count_text(int64_t count) {
  std::string digits = fmt::format("{}", count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

std::string counted_text(int64_t count, std::string_view one, std::string_view many) {
  if (count == 1) return fmt::format("1 {}", one);
  return many.empty() ? fmt::format("{} {}s", count_text(count), one) : fmt::format("{} {}", count_text(count), many);
}

std::string rate_text(double per_second) {
  // The steps lie where rounding reaches the next unit, so that 999.7 does not become "1000/s".
  if (!std::isfinite(per_second) || per_second < 0) return "-";
  if (per_second == 0) return "0/s";
  if (per_second < 9.95) return fmt::format("{:.1f}/s", per_second);
  if (per_second < 999.5) return fmt::format("{:.0f}/s", per_second);
  if (per_second < 999'950) return fmt::format("{:.1f} k/s", per_second / 1e3);
  return fmt::format("{:.2f} M/s", per_second / 1e6);
}

std::string bytes_text(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = double(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string percent_text(double share, int decimals) {
  if (!std::isfinite(share)) return "-";
  return fmt::format("{:.{}f} %", share * 100, decimals);
}

std::string progress_text(int64_t done, int64_t total, int64_t elapsed_us) {
  const double rate = elapsed_us > 0 ? double(done) * 1e6 / double(elapsed_us) : 0;
  if (total <= 0) return fmt::format("{} · {}", count_text(done), rate_text(rate));
  std::string out = fmt::format("{} of {} · {} · {}", count_text(done), count_text(total),
                                percent_text(double(done) / double(total), 0), rate_text(rate));
  if (rate > 0 && done < total) {
    const double left_s = std::ceil(double(total - done) / rate);
    if (left_s < 1e9) out += fmt::format(" · {} left", duration_text(int64_t(left_s) * 1'000'000));
  }
  return out;
}

}  // namespace pactolus
