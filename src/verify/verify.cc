#include "verify/verify.h"

#include <fmt/format.h>

#include <span>

#include "verify/checks.h"

namespace pactolus {
namespace {

struct Check {
  const char* name;
  Result<CheckResult> (*run)(VerifyInput&);
  std::vector<const char*> needs;  // tables whose rows it reads
};

// In the order of the report. The first two say which tables the others can read.
const std::vector<Check>& checks() {
  static const std::vector<Check> kChecks = {
      {"files", check_files, {}},
      {"delta_log", check_delta_log, {}},
      {"offsets", check_offsets, {"silver"}},
      {"ledger", check_ledger, {"silver", "quarantine"}},
      {"event_ids", check_event_ids, {"silver"}},
      {"partitions", check_partitions, {"silver"}},
      {"gold", check_gold, {"silver", "gold/product_interest"}},
      {"alerts", check_alerts, {"gold/product_interest", "gold/alerts"}},
      {"duplicates", check_dropped_duplicates, {"silver", "quarantine"}},
  };
  return kChecks;
}

// Why the check cannot be run; empty when it can.
std::string obstacle(const VerifyInput& in, std::span<const char* const> needs) {
  if (needs.empty()) return {};
  for (const VerifiedTable& t : in.tables)
    if (t.name == "ledger" && !t.readable()) return t.problem;
  if (!in.accounts_problem.empty()) return in.accounts_problem;
  for (const std::string_view need : needs) {
    bool there = false;
    for (const VerifiedTable& t : in.tables) {
      if (t.name != need) continue;
      there = true;
      if (!t.readable()) return t.problem;
    }
    if (!there) return fmt::format("there is no table {}", need);
  }
  return {};
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::failed: return "failed";
    case Verdict::nothing_to_check: return "nothing_to_check";
  }
  return "";
}

Result<VerifyReport> verify_lake(const VerifyOptions& options, Clock& clock,
                                 const std::function<void(const CheckResult&)>& done) {
  VerifyReport report{.lake = options.config.lake};
  const int64_t begun = clock.boot_us();
  auto loaded = VerifyInput::load(options);
  if (!loaded && loaded.error().code == ErrorCode::not_found) {
    report.verdict = Verdict::nothing_to_check;
    report.reason = loaded.error().message;
    return report;
  }
  if (!loaded) return std::unexpected(loaded.error());
  VerifyInput& in = **loaded;
  // Whoever may interrupt the engine is told before it goes.
  struct Watched {
    const VerifyOptions& options;
    ~Watched() {
      if (options.engine_is) options.engine_is(nullptr);
    }
  } watched{options};
  if (options.engine_is) options.engine_is(&in.sql);

  report.batch = in.last_batch;
  report.quarantine_batch = in.quarantine_reached;
  report.gold_batch = in.gold_reached;
  bool have_views = false;
  for (const Check& check : checks()) {
    if (in.stopped()) return fail(ErrorCode::io, "stopped");
    if (!check.needs.empty() && !have_views) {
      TRY(in.create_views());
      have_views = true;
    }
    const int64_t start = clock.boot_us();
    const std::string why = obstacle(in, check.needs);
    auto run = why.empty() ? check.run(in) : Result<CheckResult>(CheckResult::skip(why));
    // Bytes that cannot be read are a finding, and so are values that our SQL does not take.
    if (!run && (run.error().code == ErrorCode::corrupt || run.error().code == ErrorCode::usage)) {
      CheckResult unreadable;
      unreadable.fail_row(run.error().message);
      run = std::move(unreadable);
    }
    CheckResult result = TRY(std::move(run));
    result.name = check.name;
    result.seconds = double(clock.boot_us() - start) / 1e6;
    if (result.outcome == CheckOutcome::failed) report.verdict = Verdict::failed;
    if (done) done(result);
    report.checks.push_back(std::move(result));
  }
  report.seconds = double(clock.boot_us() - begun) / 1e6;
  return report;
}

}  // namespace pactolus
