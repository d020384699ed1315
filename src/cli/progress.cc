#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/time_text.h"

namespace pactolus {
namespace {
constexpr int64_t kSpan_us =
    5 * kMicrosPerSecond;  // as long as a few commits, so that the figures stand still enough to be read
constexpr int64_t kEnough_us = kMicrosPerSecond / 2;  // to judge by
constexpr double kTick_s = 0.25;                      // what comes in between two looks is no backlog
}  // namespace

ProgressLine::ProgressLine(const Session& session)
    : session_(session),
      on_(session.message_terminal.is_terminal && !session.globals.quiet),
      table_(err_, session.message_terminal) {}

void ProgressLine::draw(std::string line) {
  if (!on_) return;
  table_.resize(inspect_terminal(2, session_.globals.no_color));  // the window may be another size by now
  table_.draw({std::move(line)});
  (void)err_.flush();
}

void ProgressLine::clear() {
  if (!on_) return;
  table_.clear();
  (void)err_.flush();
}

void ProgressLine::say(const std::string& message) {
  clear();
  session_.say(message);
}

void CatchUp::see(const LogPosition& position, int64_t records, int64_t now_us) {
  samples_.push_back({now_us, records, position.end - position.taken});
  while (samples_.size() > 2 && now_us - samples_[1].time_us >= kSpan_us) samples_.pop_front();
}

double CatchUp::records_per_second() const {
  if (samples_.empty()) return 0;
  const Sample &first = samples_.front(), &last = samples_.back();
  const int64_t elapsed = last.time_us - first.time_us;
  return elapsed > 0 ? double(last.records - first.records) * 1e6 / double(elapsed) : 0;
}

std::string CatchUp::text() const {
  if (samples_.empty()) return "";
  const Sample &first = samples_.front(), &last = samples_.back();
  const double rate = records_per_second();
  if (double(last.backlog) <= rate * kTick_s) return "caught up";
  const int64_t elapsed = last.time_us - first.time_us;
  if (elapsed < kEnough_us) return "";
  // By how the backlog shrinks, so that what comes in meanwhile counts too.
  const double closing = double(first.backlog - last.backlog) * 1e6 / double(elapsed);
  if (closing <= 0) return "falling behind";
  const double left_s = std::ceil(double(last.backlog) / closing);
  return left_s < 1e9 ? duration_text(int64_t(left_s) * kMicrosPerSecond) + " left" : "falling behind";
}

std::string job_progress_text(const CatchUp& catch_up, const LogPosition& position, const JobView& view, int64_t now_us,
                              bool colour) {
  std::string out = paint(Paint::strong, rate_text(catch_up.records_per_second()), colour);
  out += fmt::format(" · committed {} of {}", count_text(position.committed), count_text(position.end));
  if (const std::string left = catch_up.text(); !left.empty()) out += " · " + left;
  out += fmt::format(" · batch {} · watermark ", view.batch);
  if (view.watermark == kNoTime) return out + "not yet";
  if (now_us - view.watermark >= kMicrosPerDay)
    out += date_text(int32_t(floor_div(view.watermark, kMicrosPerDay))) + " ";
  return out + clock_text(view.watermark) + " UTC";
}

}  // namespace pactolus
