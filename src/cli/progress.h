// What a person sees of a command that takes long: one line on stderr that is drawn again in its place. Where stderr is
// no terminal, and under --quiet, nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "cli/command.h"
#include "runtime/job.h"

namespace pactolus {

// The line on its terminal; the destructor takes it away. One thread.
class ProgressLine {
 public:
  explicit ProgressLine(const Session& session);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;

  bool on() const noexcept { return on_; }
  bool colour() const noexcept { return session_.message_terminal.colour; }
  void draw(std::string line);
  void clear();
  void say(const std::string& message);  // a message that stays, above the line

 private:
  const Session& session_;
  bool on_;
  Output err_{2};
  LiveTable table_;
};

// How fast a job takes its log, and when it will have caught up, by what was seen of the last seconds. A value.
class CatchUp {
 public:
  void see(const LogPosition& position, int64_t records, int64_t now_us);  // `records`: taken so far; now never falls
  double records_per_second() const;
  // "12 s left", "caught up", "falling behind"; empty as long as too little has been seen.
  std::string text() const;

 private:
  struct Sample {
    int64_t time_us, records, backlog;
  };
  std::deque<Sample> samples_;  // oldest first
};

// "1.25 M/s · committed 12,345 of 40,000 · 2 s left · batch 7 · watermark 13:58:59 UTC"
std::string job_progress_text(const CatchUp& catch_up, const LogPosition& position, const JobView& view, int64_t now_us,
                              bool colour);

}  // namespace pactolus
