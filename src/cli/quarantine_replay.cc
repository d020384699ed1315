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
    const Replay replay = TRY(append_replay(lake, session.config.job, std::move(filter), types, clock, random,
                                            [&] { return session.stop.requested(); }));
    std::vector<AppendedHistory> histories;
    for (const ReplayTopic& topic : replay.topics) histories.push_back({topic.topic, topic.topic_id, topic.records});
    if (wait_ && replay.in_flight > 0) TRY(add_others(session.config, histories));
    {
      ProgressLine line(session);
      const HistoryProgress told{[](int64_t, int64_t) {}, [&](const std::string& text) { line.say(text); }};
      if (!histories.empty()) TRY(commit_histories(session, clock, {"replay", wait_, lock_wait_us_}, told, histories));
    }
    histories.resize(replay.topics.size());
    return report(session, lake, replay, histories);
  }

 private:
  // Replays that others have appended: who waits for these records waits for them.
  static Result<> add_others(const Config& config, std::vector<AppendedHistory>& histories) {
    for (const std::string& name : TRY(list_history_topics(config))) {
      if (!name.starts_with(kReplayPrefix) ||
          std::ranges::find(histories, name, &AppendedHistory::topic) != histories.end())
        continue;
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

  // What became of them all; no value while a part of them is not committed, or no longer told of in Silver's log.
  static Result<std::optional<SourceAccount>> account_of(Session& session, const LakePaths& lake,
                                                         std::span<const AppendedHistory> histories) {
    std::vector<FileIdentity> identities;
    for (const AppendedHistory& h : histories) identities.push_back({"", h.topic, h.topic_id});
    std::vector<const FileIdentity*> wanted;
    for (const FileIdentity& identity : identities) wanted.push_back(&identity);
    const auto accounts = TRY(accounts_of(lake, TRY(load_silver(lake)), session.config.job, wanted));
    if (accounts.size() < histories.size()) return std::nullopt;
    SourceAccount sum;
    for (const auto& [topic, account] : accounts) add_up(sum, account);
    return sum;
  }

  Result<int> report(Session& session, const LakePaths& lake, const Replay& replay,
                     std::span<const AppendedHistory> histories) {
    const bool committed = !histories.empty() && std::ranges::all_of(histories, &AppendedHistory::committed);
    std::optional<SourceAccount> account;
    if (committed) account = TRY(account_of(session, lake, histories));
    if (session.globals.json) {
      Json topics = Json::array();
      for (const ReplayTopic& topic : replay.topics) topics.push(topic.topic);
      Json out = Json::object()
                     .set("records", replay.records)
                     .set("changed", replay.changed)
                     .set("in_flight", replay.in_flight)
                     .set("committed", committed)
                     .set("topics", std::move(topics));
      if (account) {
        Json again = Json::object();
        for (const auto& [reason, n] : account->quarantined) again.set(reason, n);
        out.set("silver", account->silver).set("duplicates", account->duplicates).set("quarantined", std::move(again));
      }
      session.out << out.dump() << "\n";
      return session.stop.requested() ? session.stop.exit_code() : kExitOk;
    }
    session.out << fmt::format("{} {}", count_text(replay.records), replay.records == 1 ? "record" : "records");
    if (!set_types_.empty() && replay.records > 0)
      session.out << fmt::format(", --set-types changed {} of them", count_text(replay.changed));
    if (replay.in_flight > 0)
      session.out << fmt::format(", {} more are being replayed already", count_text(replay.in_flight));
    if (account) {
      session.out << "; " << fates_text(*account, "rejected again");
    } else if (replay.records > 0) {
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
