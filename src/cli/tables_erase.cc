// `pactolus tables erase`: persons go, with a receipt; the sums that they are in stay, and the ledger still closes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/job_loop.h"
#include "runtime/erasure.h"
#include "runtime/status.h"
#include "runtime/table_care.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

class TablesErase final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables erase", Group::trust, "take a person out of the lake, with a receipt",
            "pactolus tables erase --user user_0042"};
  }
  void declare(Flags& flags) override {
    flags.texts("--user", "ID", &users_, "the person's user_id; may be given several times");
    flags.toggle("--dry-run", &dry_run_, "say what would go, and change nothing");
    flags.duration("--lock-wait", &lock_wait_us_, "how long to wait for a process that runs this lake (10s)");
  }

  Result<int> run(Session& session) override {
    if (std::ranges::any_of(users_, &std::string::empty))
      return fail(ErrorCode::usage, "a user has no id\nexpected --user ID, got \"\"");
    const LakePaths lake{session.config.lake};
    Persons persons(users_, decode_rules(session.config));
    persons.add(TRY(unfinished_erasure(lake.unfinished_erasure())));
    if (persons.users().empty()) return fail(ErrorCode::usage, "who is to be erased?", "--user ID");
    TRY(check_lake(lake));
    if (dry_run_) return count(session, persons);

    TRY(refuse_writers(session.config));
    StoppableClock clock(session.stop);
    ProgressLine line(session);
    const std::unique_ptr<Job> job = TRY(Job::open(
        session.config, job_options(session, line, "tables erase", lock_wait_us_), clock, Random::from_system()));
    // What waits in the log is theirs too, as far as it has come until now.
    TRY(run_job(*job, session, clock, {.until_caught_up = true, .progress = &line}));
    if (session.stop.requested()) return session.stop.exit_code();
    const Erasure done = TRY(job->erase(persons));
    TRY(write_status(*job, clock, false));
    line.clear();
    users_ = persons.users();  // also those of an erasure that was cut off
    session.out << (session.globals.json ? receipt_json(session, done).dump() + "\n" : receipt(session, done));
    return kExitOk;
  }

 private:
  Result<int> count(Session& session, Persons& persons) {
    const LakePaths lake{session.config.lake};
    const Decoder decoder(decode_rules(session.config));
    int64_t silver = 0, quarantine = 0, gold = 0;
    for (const LakeTable& table : TRY(lake_tables(lake))) {
      if (table.name == "silver")
        silver = TRY(erase_from_silver(TRY(delta::Snapshot::load(table.folder)), persons, decoder, nullptr)).rows;
      if (table.name == "quarantine")
        quarantine = TRY(erase_from_quarantine(TRY(delta::Snapshot::load(table.folder)), persons, nullptr)).rows;
    }
    for (const std::string& name : gold_tables(lake)) {
      const auto view = TRY(delta::Snapshot::load(lake.gold(name)));
      if (TRY(holds_persons(view))) gold += TRY(erase_from_gold(view, persons, nullptr)).rows;
    }
    const int64_t bronze = TRY(count_in_bronze(session.config, persons));
    if (session.globals.json)
      session.out << Json::object()
                         .set("dry_run", true)
                         .set("users", users_json(persons.users()))
                         .set("silver_rows", silver)
                         .set("quarantine_rows", quarantine)
                         .set("gold_rows", gold)
                         .set("bronze_records", bronze)
                         .dump()
                  << "\n";
    else
      session.out << fmt::format(
          "would be erased of {}: {} rows of Silver, {} of the quarantine, {} of Gold, {} records of Bronze\n",
          fmt::join(persons.users(), ", "), count_text(silver), count_text(quarantine), count_text(gold),
          count_text(bronze));
    return kExitOk;
  }

  static Json users_json(std::span<const std::string> users) {
    Json out = Json::array();
    for (const std::string& user : users) out.push(user);
    return out;
  }

  Json receipt_json(const Session& session, const Erasure& e) const {
    Json out = Json::object();
    out.set("receipt", e.receipt.empty() ? Json() : Json(e.receipt))
        .set("time", e.receipt.empty() ? Json() : Json(iso_time(e.time_us)))
        .set("lake", session.config.lake)
        .set("users", users_json(users_))
        .set("silver_rows", e.silver_rows)
        .set("silver_files", e.silver_files)
        .set("quarantine_rows", e.quarantine_rows)
        .set("quarantine_files", e.quarantine_files)
        .set("gold_rows", e.gold_rows)
        .set("gold_files", e.gold_files)
        .set("bronze_records", e.bronze_records)
        .set("bronze_segments", e.bronze_segments)
        .set("bronze_topics", e.bronze_topics)
        .set("unfinished_topics", e.unfinished_topics)
        .set("files_removed", e.files_removed)
        .set("ids_kept", e.ids_kept);
    if (e.ids_kept_until != kNoTime) out.set("ids_kept_until", iso_time(e.ids_kept_until));
    return out;
  }

  std::string receipt(const Session& session, const Erasure& e) const {
    if (e.receipt.empty())
      return fmt::format("nothing of {} is in {}; nothing was taken out\n", fmt::join(users_, ", "),
                         session.config.lake);
    std::string out = fmt::format("erased {} from {}\n", fmt::join(users_, ", "), session.config.lake);
    const auto add = [&](std::string_view what, const std::string& text) {
      out += fmt::format("  {:<11} {}\n", what, text);
    };
    add("receipt", fmt::format("{}, {}", e.receipt, iso_time(e.time_us)));
    add("Silver", fmt::format("{} in {}", counted_text(e.silver_rows, "row"), counted_text(e.silver_files, "file")));
    add("quarantine",
        fmt::format("{} in {}", counted_text(e.quarantine_rows, "row"), counted_text(e.quarantine_files, "file")));
    if (e.gold_rows > 0)
      add("Gold", fmt::format("{} in {}", counted_text(e.gold_rows, "row"), counted_text(e.gold_files, "file")));
    add("Bronze", fmt::format("{} in {} of {}", counted_text(e.bronze_records, "record"),
                              counted_text(e.bronze_segments, "segment"), counted_text(e.bronze_topics, "topic")));
    if (e.unfinished_topics > 0)
      add("unfinished",
          fmt::format("{} dropped; ingest those files again", counted_text(e.unfinished_topics, "topic")));
    add("the past",
        fmt::format("{} removed; these tables can be read as of now only", counted_text(e.files_removed, "file")));
    if (e.ids_kept > 0)
      add("stays", fmt::format("{} of their event ids, until the watermark has passed {}",
                               counted_text(e.ids_kept, "fingerprint"), iso_time(e.ids_kept_until)));
    add("stays", "sums in Gold that they are part of");
    add("elsewhere", "the files that were ingested, other systems, copies and backups are not reached from here");
    return out;
  }

  std::vector<std::string> users_;
  bool dry_run_ = false;
  int64_t lock_wait_us_ = 10 * kMicrosPerSecond;
};

}  // namespace

std::unique_ptr<Command> make_tables_erase() { return std::make_unique<TablesErase>(); }

}  // namespace pactolus
