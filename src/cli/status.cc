// `pactolus status`: what runs on a lake, or what the last run left, and what its tables hold.
//
// Who runs is told by the lock, what is committed by Silver's log. status.json adds what only the process knows; what a
// process left that did not end by itself, and the one of a holder that has not written its own yet, are passed over.
#include <fmt/format.h>

#include <set>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/terminal.h"
#include "runtime/account_log.h"
#include "runtime/lake_lock.h"
#include "runtime/silver_reader.h"
#include "runtime/status.h"
#include "runtime/topics.h"

namespace pactolus {
namespace {

struct Table {
  std::string name;
  delta::Snapshot snapshot;
};

Result<std::vector<Table>> tables_of(const LakePaths& lake) {
  std::vector<Table> out;
  std::vector<std::pair<std::string, fs::path>> all = {{"silver/events", lake.silver()},
                                                       {"quarantine/events", lake.quarantine()}};
  for (const std::string& view : gold_tables(lake)) all.emplace_back("gold/" + view, lake.gold(view));
  all.emplace_back("ledger", lake.ledger());
  for (const auto& [name, folder] : all) {
    auto snapshot = delta::Snapshot::load(folder);
    if (!snapshot && snapshot.error().code == ErrorCode::not_found) continue;
    if (!snapshot) return std::unexpected(snapshot.error());
    out.push_back({name, std::move(*snapshot)});
  }
  return out;
}

// What the lake says by itself, under the names of status.json.
void set_committed(Json& json, const BatchAccount& last) {
  json.set("batch", last.batch)
      .set("batch_time", time_json(last.batch_time))
      .set("watermark", time_json(last.watermark_after))
      .set("sources", sources_json(last.sources));
}

// Histories are read once and then left: Silver's `txn` entries know all of them. Of the others in the log the whole
// ones wait for whoever runs the lake next; what an ingest or a replay that was cut off has left is of no use to
// anybody but the same ingest.
Result<Json> histories_of(const Config& config, const delta::Snapshot& silver) {
  int64_t files = 0, replays = 0, records = 0, waiting = 0, unfinished = 0;
  std::set<std::string> read;
  for (const auto& [app, txn] : silver.txns())
    if (const auto offset = parse_offset_app_id(app, config.job); offset && is_history_topic(offset->topic)) {
      ++(offset->topic.starts_with(kReplayPrefix) ? replays : files);
      records += txn.version;
      read.insert(offset->topic);
    }
  for (const std::string& name : TRY(list_history_topics(config))) {
    if (read.contains(name)) continue;
    if (TRY(whole_history_rows({config.lake}, name)))
      ++waiting;
    else if (!name.starts_with(kReplayPrefix) && !TRY(is_being_written(config, name)))
      ++unfinished;
  }
  return Json::object()
      .set("files", files)
      .set("replays", replays)
      .set("records", records)
      .set("waiting", waiting)
      .set("unfinished", unfinished);
}

// How the lake stands: everything but the tables.
Result<Json> standing(const Config& config, const std::vector<Table>& tables, const std::optional<LockHolder>& holder) {
  const LakePaths lake{config.lake};
  const std::string& job = config.job;
  const auto left = read_status(lake);  // none, or torn: then the lake alone speaks
  const bool own = left && holder && is_status_of(*left, *holder);
  Json json = own ? *left : Json::object();
  if (!own && !tables.empty() && tables[0].name == "silver/events") {
    const delta::Snapshot& silver = tables[0].snapshot;
    const auto last = TRY(last_batch(silver, job));
    if (left && !(*left)["running"].as_bool() && last && (*left)["batch"].as_int() == last->batch) json = *left;
    if (last) set_committed(json, *last);
    json.set("epoch", silver.txn_version(app_id(job, "epoch")).value_or(0));
  }
  const bool has_silver = !tables.empty() && tables[0].name == "silver/events";
  json.set("histories", TRY(histories_of(config, has_silver ? tables[0].snapshot : delta::Snapshot())));
  std::error_code ignored;
  json.set("unfinished_erasure", fs::exists(lake.unfinished_erasure(), ignored));
  json.set("running", holder.has_value());
  json.set("pid", holder && holder->pid ? Json(holder->pid) : Json());
  json.set("command", holder ? Json(holder->command) : Json());
  json.set("since", holder && holder->pid ? Json(iso_time(holder->since_us)) : Json());
  if (!holder && left) json.set("clean_stop", !(*left)["running"].as_bool());
  return json;
}

std::string heading(const Json& json, const std::string& job) {
  const std::string last = json["batch"].as_int() == 0 ? fmt::format("nothing committed yet by job {}", job)
                                                       : fmt::format("batch {} at {}", json["batch"].as_int(),
                                                                     json["batch_time"].as_string("-"));
  if (json["running"].as_bool()) {
    const std::string who = json["pid"].is_null() ? "a process that has just started"
                                                  : fmt::format("pid {} ({}) since {}", json["pid"].as_int(),
                                                                json["command"].as_string(), json["since"].as_string());
    return fmt::format("running     {}, epoch {}\nbatch       {}\n", who, json["epoch"].as_int(), last);
  }
  const bool killed = json["clean_stop"].is_bool() && !json["clean_stop"].as_bool();
  return fmt::format("stopped     last commit: {}{}\n", last,
                     killed ? "; its process was killed, the next run goes on from there" : "");
}

// Nothing where it is not known, or none.
std::string lag_text(const Json& source) {
  const int64_t records = source["lag_records"].as_int();
  return records == 0
             ? ""
             : fmt::format(", {} behind, {:.1f} s", counted_text(records, "record"), source["lag_seconds"].as_double());
}

// Whom this run brings Gold to, and how far it has come.
std::string delivery_text(const Json& to) {
  std::string out = fmt::format("to          {}: ", to["to"].as_string());
  out += to["batch"].is_null() ? "nothing yet in this run" : fmt::format("batch {}", to["batch"].as_int());
  if (const int64_t waiting = to["waiting"].as_int(); waiting > 0)
    out += fmt::format(" read, {} waiting", counted_text(waiting, "message"));
  if (!to["error"].is_null()) out += fmt::format(", then {}", to["error"].as_string());
  if (const int64_t dead = to["dead"].as_int(); dead > 0)
    out += fmt::format("; {} in _pactolus/webhooks", counted_text(dead, "dead letter"));
  return out + "\n";
}

class Status final : public Command {
 public:
  CommandInfo info() const override {
    return {"status", Group::look, "what runs on a lake, and what its tables hold", "pactolus status --json"};
  }
  void declare(Flags&) override {}
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    TRY(check_lake(lake));
    const auto holder = TRY(lake_holder(lake.lock()));
    const auto tables = TRY(tables_of(lake));
    Json json = TRY(standing(session.config, tables, holder));
    if (session.globals.json) {
      Json list = Json::array();
      for (const auto& [name, t] : tables)
        list.push(Json::object()
                      .set("table", name)
                      .set("version", t.version().value)
                      .set("rows", t.rows())
                      .set("files", int64_t(t.files().size()))
                      .set("bytes", t.bytes()));
      session.out << json.set("tables", std::move(list)).dump() << "\n";
      return kExitOk;
    }
    session.out << fmt::format("lake        {}\n", session.config.lake) << heading(json, session.config.job);
    if (json["batch"].as_int() > 0) {
      session.out << fmt::format("watermark   {}\n", json["watermark"].as_string("not yet"));
      if (json.find("open_alerts")) session.out << fmt::format("alerts      {} open\n", json["open_alerts"].size());
      for (const Json& s : json["sources"].as_array())
        if (!is_history_topic(s["topic"].as_string()))
          session.out << fmt::format("source      {}/{} next offset {}{}{}\n", s["topic"].as_string(),
                                     s["partition"].as_int(), count_text(s["next_offset"].as_int()), lag_text(s),
                                     s["idle"].as_bool() ? ", idle" : "");
    }
    for (const Json& d : json["deliveries"].as_array()) session.out << delivery_text(d);
    const Json& histories = json["histories"];
    const auto number = [&](const char* name) { return histories[name].as_int(); };
    if (number("files") + number("replays") > 0) {
      std::string what = number("files") > 0 ? "ingested " + counted_text(number("files"), "file") : "";
      if (number("replays") > 0)
        what += (what.empty() ? "" : " and ") + counted_text(number("replays"), "replay") + " of the quarantine";
      session.out << fmt::format("history     {}, {}\n", what, counted_text(number("records"), "record"));
    }
    if (number("waiting") > 0)
      session.out << fmt::format(
          "waiting     {} in the log and not in Silver yet; whatever runs the lake next takes them\n",
          counted_text(number("waiting"), "file or replay", "files or replays"));
    if (number("unfinished") > 0)
      session.out << fmt::format(
          "unfinished  {} of an ingest that was cut off: nothing of them counts until it is repeated\n",
          counted_text(number("unfinished"), "file"));
    if (json["unfinished_erasure"].as_bool())
      session.out << "unfinished  an erasure was cut off: pactolus tables erase goes on with it\n";
    for (const auto& [name, t] : tables)
      session.out << fmt::format("table       {:<26} version {:>5}  {:>13} rows  {:>6} files  {:>10}\n", name,
                                 t.version().value, count_text(t.rows()), count_text(int64_t(t.files().size())),
                                 bytes_text(t.bytes()));
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace pactolus
