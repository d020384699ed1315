// `pactolus offsets accept-loss`: the lake goes on without what its topic has lost, and tells of it for ever.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/job_loop.h"
#include "cli/target.h"
#include "runtime/job.h"
#include "runtime/losses.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

constexpr size_t kMaxReasonBytes = 1000;

class OffsetsAcceptLoss final : public Command {
 public:
  CommandInfo info() const override {
    return {"offsets accept-loss", Group::trust, "go on without what the topic has lost; verify tells of it for ever",
            "pactolus offsets accept-loss --topic ecom_clickstream_raw --reason \"retention was 1 h, ticket 4711\""};
  }
  void declare(Flags& flags) override {
    flags.text("--topic", "NAME", &topic_, "the topic that this lake reads");
    flags.text("--reason", "TEXT", &reason_, "why that is right, for whoever asks later");
    declare_from(flags);
    flags.duration("--lock-wait", &lock_wait_us_, "how long to wait for a process that runs this lake (10s)");
  }

  Result<int> run(Session& session) override {
    const Config& config = session.config;
    if (topic_.empty()) return fail(ErrorCode::usage, "of which topic?", "--topic " + config.kafka.topic);
    if (topic_ != config.kafka.topic)
      return fail(ErrorCode::usage, fmt::format("this lake reads the topic {}\nexpected --topic {}, got {}",
                                                config.kafka.topic, config.kafka.topic, topic_));
    if (reason_.find_first_not_of(" \t\n") == reason_.npos)
      return fail(ErrorCode::usage, "why is it accepted?", "--reason \"…\" stays in the lake, and verify shows it");
    if (reason_.size() > kMaxReasonBytes)
      return fail(ErrorCode::usage, fmt::format("the reason is too long\nexpected at most {} bytes, got {}",
                                                kMaxReasonBytes, reason_.size()));
    const bool control =
        std::ranges::any_of(reason_, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
    if (control || !Json::parse(Json(reason_).dump()))
      return fail(ErrorCode::usage, "the reason is no text", "--reason is one line of UTF-8");
    TRY(check_lake({config.lake}));

    StoppableClock clock(session.stop);
    ProgressLine line(session);
    JobOptions options = job_options(session, line, "offsets accept-loss", lock_wait_us_);
    options.accept_loss = reason_;
    const std::unique_ptr<Job> job = TRY(Job::open(config, std::move(options), clock, Random::from_system()));
    TRY(write_status(*job, clock, false));
    line.clear();

    const std::vector<AcceptedLoss>& losses = job->accepted_losses();
    if (session.globals.json) {
      Json list = Json::array();
      for (const AcceptedLoss& loss : losses) list.push(to_json(loss));
      session.out << Json::object().set("accepted", std::move(list)).dump() << "\n";
    } else if (losses.empty()) {
      session.out << fmt::format("{} has lost nothing at the place where this lake reads on\n", topic_);
    } else {
      for (const AcceptedLoss& loss : losses) session.out << fmt::format("accepted: {}\n", text_of(loss));
    }
    return kExitOk;
  }

 private:
  std::string topic_, reason_;
  int64_t lock_wait_us_ = JobOptions().lock_wait_us;
};

}  // namespace

std::unique_ptr<Command> make_offsets_accept_loss() { return std::make_unique<OffsetsAcceptLoss>(); }

}  // namespace pactolus
