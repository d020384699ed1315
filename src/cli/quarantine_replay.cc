// `pactolus quarantine replay`: rejected records once more, after what was wrong has been mended.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/commit_histories.h"
#include "cli/progress.h"
#include "cli/quarantine_filter.h"
#include "ingest/ingest_topic.h"
#include "ingest/replay_topic.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

// "user_id=text,quantity=number"
Result<std::vector<FieldType>> parse_types(std::string_view text) {
  std::vector<FieldType> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view item = text.substr(at, end - at);
    const size_t equals = item.find('=');
    const std::string_view type = equals == std::string_view::npos ? "" : item.substr(equals + 1);
    if (equals == 0 || (type != "text" && type != "number"))
      return fail(ErrorCode::usage,
                  fmt::format("no field and type\nexpected FIELD=text or FIELD=number, got \"{}\"", item));
    out.push_back({std::string(item.substr(0, equals)), type == "text" ? JsonType::text : JsonType::number});
    at = end + 1;
  }
  return out;
}

class QuarantineReplay final : public Command {
 public:
  CommandInfo info() const override {
    return {"quarantine replay", Group::trust, "judge rejected records again, each of them once",
            "pactolus quarantine replay --reason too_late --since 7d"};
  }
  void declare(Flags& flags) override {
    which_.declare(flags);
    flags.toggle("--all", &all_, "whatever the reason and the time");
    flags.text("--set-types", "FIELD=TYPE,…", &set_types_,
               "bring fields to a type first: user_id=text, quantity=number");
    flags.toggle("--dry-run", &dry_run_, "say how many records there are, and write nothing");
    flags.toggle("--wait", &wait_, "when another process runs the lake: wait until it has judged them");
    flags.duration("--lock-wait", &lock_wait_us_,
                   "how long to wait for the lake before they are left to that process (0s)");
  }

  Result<int> run(Session& session) override {
    if (!which_.given() && !all_) return fail(ErrorCode::usage, "which records?", "--reason, --since, both, or --all");
    if (which_.given() && all_)
      return fail(ErrorCode::usage, "--all together with --reason or --since", "--all is every record; leave one out");
    if (wait_ && lock_wait_us_ >= 0)
      return fail(ErrorCode::usage, "--lock-wait together with --wait", "--wait has no limit; leave out one of them");
    StoppableClock clock(session.stop);
    const LakePaths lake{session.config.lake};
    QuarantineFilter filter = TRY(which_.filter(clock.now_us()));
    const std::vector<FieldType> types = TRY(parse_types(set_types_));
    if (dry_run_) return dry_run(session, lake, std::move(filter));

    Random random = Random::from_system();
    const ReplayTopic topic = TRY(append_replay(lake, session.config.job, std::move(filter), types, clock, random,
                                                [&] { return session.stop.requested(); }));
    std::vector<AppendedHistory> histories;
    if (topic.records > 0) histories.push_back({topic.topic, topic.topic_id, topic.records});
    if (wait_ && topic.in_flight > 0) TRY(add_others(session.config, topic, histories));
    {
      ProgressLine line(session);
      const HistoryProgress told{[](int64_t, int64_t) {}, [&](const std::string& text) { line.say(text); }};
      if (!histories.empty()) TRY(commit_histories(session, clock, {"replay", wait_, lock_wait_us_}, told, histories));
    }
    return report(session, lake, topic, topic.records > 0 && histories.front().committed);
  }

 private:
  // Replays that others have appended: who waits for these records waits for them.
  static Result<> add_others(const Config& config, const ReplayTopic& own, std::vector<AppendedHistory>& histories) {
    for (const std::string& name : TRY(list_history_topics(config))) {
      if (!name.starts_with(kReplayPrefix) || name == own.topic) continue;
      if (const auto rows = TRY(whole_history_rows({config.lake}, name)))
        histories.push_back({name, TRY(open_history_topic(config, name))->topic().id, *rows});
    }
    return {};
  }

  Result<int> dry_run(Session& session, const LakePaths& lake, QuarantineFilter filter) {
    Quarantine quarantine = TRY(Quarantine::open(lake, session.config.job));
    filter.in_flight = false;
    const int64_t waiting = TRY(quarantine.count(filter));
    if (session.globals.json)
      session.out << Json::object().set("records", waiting).set("dry_run", true).dump() << "\n";
    else
      session.out << fmt::format("{} records would be judged again\n", count_text(waiting));
    return kExitOk;
  }

  Result<int> report(Session& session, const LakePaths& lake, const ReplayTopic& topic, bool committed) {
    std::optional<SourceAccount> account;
    if (committed) {
      const FileIdentity identity{"", topic.topic, topic.topic_id};
      const FileIdentity* one[] = {&identity};
      const auto accounts = TRY(accounts_of(lake, TRY(load_silver(lake)), session.config.job, one));
      if (const auto at = accounts.find(topic.topic); at != accounts.end()) account = at->second;
    }
    if (session.globals.json) {
      Json out = Json::object()
                     .set("records", topic.records)
                     .set("changed", topic.changed)
                     .set("in_flight", topic.in_flight)
                     .set("committed", committed);
      if (topic.records > 0) out.set("topic", topic.topic);
      if (account) {
        Json again = Json::object();
        for (const auto& [reason, n] : account->quarantined) again.set(reason, n);
        out.set("silver", account->silver).set("duplicates", account->duplicates).set("quarantined", std::move(again));
      }
      session.out << out.dump() << "\n";
      return session.stop.requested() ? session.stop.exit_code() : kExitOk;
    }
    session.out << fmt::format("{} records", count_text(topic.records));
    if (!set_types_.empty() && topic.records > 0)
      session.out << fmt::format(", --set-types changed {} of them", count_text(topic.changed));
    if (topic.in_flight > 0)
      session.out << fmt::format(", {} more are being replayed already", count_text(topic.in_flight));
    if (account) {
      session.out << "; " << fates_text(*account, "rejected again");
    } else if (topic.records > 0) {
      session.out << "; durable in the log, not judged yet";
    }
    session.out << "\n";
    return session.stop.requested() ? session.stop.exit_code() : kExitOk;
  }

  QuarantineFlags which_;
  bool all_ = false, dry_run_ = false, wait_ = false;
  int64_t lock_wait_us_ = -1;
  std::string set_types_;
};

}  // namespace

std::unique_ptr<Command> make_quarantine_replay() { return std::make_unique<QuarantineReplay>(); }

}  // namespace pactolus
