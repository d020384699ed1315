// `pactolus verify`: proves the ledger and checks the data.
#include <fmt/core.h>

#include "bronze/embedded/embedded_log.h"
#include "cli/command.h"
#include "cli/engine_watch.h"
#include "cli/stop_signal.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "runtime/topics.h"
#include "verify/report.h"
#include "verify/verify.h"

namespace pactolus {
namespace {

std::string coloured(const CheckResult& result, bool colour) {
  std::string line = text_line(result);
  const Paint how = result.outcome == CheckOutcome::ok       ? Paint::good
                    : result.outcome == CheckOutcome::failed ? Paint::error
                                                             : Paint::faint;
  return paint(how, line.substr(0, 4), colour) + line.substr(4);
}

class Verify final : public Command {
 public:
  CommandInfo info() const override {
    return {"verify", Group::trust, "prove the ledger and check the data", "pactolus verify --junit verify.xml"};
  }
  void declare(Flags& flags) override {
    declare_from(flags);
    flags.toggle("--no-bronze", &no_bronze_, "do not read the log again for the duplicates that were dropped");
    flags.text("--junit", "FILE", &junit_, "also write a JUnit report", Complete::files);
  }
  Result<int> run(Session& session) override;

 private:
  bool no_bronze_ = false;
  std::string junit_;
};

Result<int> Verify::run(Session& session) {
  EngineWatch watch(session.stop);
  VerifyOptions options{.config = session.config};
  options.stop = [&] { return session.stop.requested(); };
  options.engine_is = [&](SqlEngine* engine) { watch.engine_is(engine); };
  SystemClock clock;
  if (no_bronze_)
    options.without_bronze = "--no-bronze";
  else
    options.open_topic = [&](const std::string& topic) -> Result<std::unique_ptr<LogReader>> {
      const Config& config = session.config;
      if (config.bronze.from == BronzeFrom::embedded || topic != config.kafka.topic)
        return TRY(open_reader(LakePaths{config.lake}.bronze(), topic));
      KafkaOptions kafka = kafka_options(config, [&](const std::string& text) { session.say(text); });
      kafka.poll_wait_ms = 100;
      return open_kafka_reader(kafka, clock);
    };
  const bool json = session.globals.json, colour = session.out_terminal.colour;
  auto report = verify_lake(options, clock, [&](const CheckResult& result) {
    if (!json) session.out << coloured(result, colour);
  });
  if (session.stop.requested()) return session.stop.exit_code();
  if (!report) return std::unexpected(report.error());
  if (json)
    session.out << to_json(*report).dump() << "\n";
  else
    session.out << verdict_line(*report);
  if (!junit_.empty()) TRY(replace_file(junit_, to_junit(*report)));
  return report->verdict == Verdict::ok ? kExitOk : kExitChecksFailed;
}

}  // namespace

std::unique_ptr<Command> make_verify() { return std::make_unique<Verify>(); }

}  // namespace pactolus
