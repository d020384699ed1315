#include "simulate/replay.h"

#include <algorithm>

#include "base/check.h"

namespace pactolus {
namespace {

// A thousand years: a tiny speed must not overflow the clock.
constexpr double kFarthest_us = 3.2e16;

class Replay final : public EventSource {
 public:
  Replay(ReplaySource& rows, const ReplayOptions& options) : rows_(rows), options_(options), due_us_(options.start_us) {
    PACTOLUS_CHECK(options.speed >= 0, "a replay does not run backwards");
  }

  bool next_due(int64_t& send_time_us) override {
    if (!has_row_ && !fetch()) return false;
    send_time_us = due_us_;
    return true;
  }

  bool next(GeneratedEvent& out) override {
    if (!has_row_ && !fetch()) return false;
    has_row_ = false;
    ++truth_.records;
    if (row_.event_time_us != kNoTime) truth_.add_time(row_.event_time_us);
    out = {row_.key, row_.value, row_.event_time_us == kNoTime ? due_us_ : row_.event_time_us, due_us_, {}};
    return true;
  }

  const Truth& truth() const override { return truth_; }
  Result<> outcome() const override { return outcome_; }

 private:
  bool fetch() {
    if (ended_) return false;
    row_ = {};
    auto more = rows_.next(row_);
    ended_ = !more || !*more;
    if (!more) outcome_ = std::unexpected(std::move(more).error());
    if (ended_) return false;
    if (row_.event_time_us != kNoTime) {
      if (first_event_us_ == kNoTime) first_event_us_ = row_.event_time_us;
      if (options_.speed > 0) {
        const double since_first = double(row_.event_time_us - first_event_us_) / options_.speed;
        due_us_ = std::max(due_us_, options_.start_us + int64_t(std::min(since_first, kFarthest_us)));
      }
    }
    return has_row_ = true;
  }

  ReplaySource& rows_;
  ReplayOptions options_;
  int64_t due_us_;
  int64_t first_event_us_ = kNoTime;
  ReplayRow row_;
  bool has_row_ = false, ended_ = false;
  Truth truth_;
  Result<> outcome_;
};

}  // namespace

std::unique_ptr<EventSource> make_replay(ReplaySource& rows, const ReplayOptions& options) {
  return std::make_unique<Replay>(rows, options);
}

}  // namespace pactolus
