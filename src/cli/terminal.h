// What stands at the other end of stdout and stderr, and how text gets there: stdout is data (Output), stderr is
// messages (write_message), a live table (LiveTable) only where it can be redrawn. Also figures as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pactolus {

struct Terminal {
  bool is_terminal = false;  // a person may be watching, and lines can be redrawn
  bool colour = false;
  int width = 80;  // columns; 80 when nobody knows
  int height = 24;
};

// Colour and redrawing need a terminal that is not TERM=dumb; colour also that neither NO_COLOR (https://no-color.org,
// any value that is not empty) nor --no-color is given.
Terminal inspect_terminal(int descriptor, bool no_colour);

enum class Paint : uint8_t { error, warning, good, strong, faint };
std::string paint(Paint how, std::string_view text, bool colour);

// To stderr at once; a stderr that is gone is no reason to fail.
void write_message(std::string_view text);

// Stdout, buffered: written out at 64 KiB, by flush(), and line by line on a terminal. When the reader has gone away
// (`| head`), everything further is dropped without a word and reader_gone() tells loops to end: SIGPIPE is ignored by
// the program (StopSignal::install). Another failure, such as a full disk, is kept and given by flush(). One thread.
class Output {
 public:
  explicit Output(int descriptor, bool line_by_line = false) : fd_(descriptor), line_by_line_(line_by_line) {}
  Output(const Output&) = delete;
  ~Output() { (void)flush(); }

  Output& operator<<(std::string_view text);
  Result<> flush();
  bool reader_gone() const noexcept { return gone_; }

 private:
  int fd_;
  bool line_by_line_, gone_ = false;
  std::string buffer_;
  Result<> failure_{};
};

// Lines that are drawn again in their place. On something that is no terminal each new picture is printed as plain
// lines below the last one, and one that did not change is left out; so the caller should draw seldom there.
// Lines are cut to the width, and pictures to the height: a line too many would scroll and leave copies behind.
// One thread; nobody else may write to the same terminal between two draws without `clear()` first.
class LiveTable {
 public:
  LiveTable(Output& out, const Terminal& terminal) : out_(out), terminal_(terminal) {}
  void draw(const std::vector<std::string>& lines);
  void clear();   // takes the picture away; the next draw starts afresh
  void finish();  // leaves the picture where it is and goes on below it
  void resize(const Terminal& terminal) { terminal_ = terminal; }

 private:
  Output& out_;
  Terminal terminal_;
  std::vector<std::string> drawn_;
};

// What a terminal would act on instead of showing it as it is written in programs: control characters, also those of
// U+0080 to U+009F, and what turns the direction of a line (U+202A to U+202E, U+2066 to U+2069).
std::string visible_text(std::string_view text);
// Columns that a text takes: colour sequences take none, every code point one (no wide scripts).
int visible_width(std::string_view text) noexcept;
std::string cut_to_width(std::string_view text, int width);  // ends in "…" when cut; colour is switched off at the end
std::string pad_left(std::string_view text, int width);      // spaces before, never cuts
std::string pad_right(std::string_view text, int width);

std::string count_text(int64_t count);  // 12,345
// "1 file", "12,345 files"; `many` where an s does not make it.
std::string counted_text(int64_t count, std::string_view one, std::string_view many = {});
std::string rate_text(double per_second);                  // 0.4/s, 950/s, 12.3 k/s, 1.25 M/s
std::string bytes_text(int64_t bytes);                     // 512 B, 1.5 KiB, 64.0 MiB
std::string percent_text(double share, int decimals = 1);  // 0.0123 is "1.2 %"
// "12,345 of 40,000 · 31 % · 1.25 M/s · 2 s left". `total` 0 is not known: then no share and no time left.
std::string progress_text(int64_t done, int64_t total, int64_t elapsed_us);

}  // namespace pactolus
