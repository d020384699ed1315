// `pactolus status`: what runs on a lake, or what the last run left, and what its tables hold.
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/error_report.h"
#include "cli/terminal.h"
#include "runtime/lake_lock.h"
#include "runtime/status.h"

namespace pactolus {
namespace {

struct TableState {
  std::string name;
  int64_t version, rows, files, bytes;
};

Result<std::vector<TableState>> tables_of(const LakePaths& lake) {
  std::vector<TableState> out;
  for (const auto& [name, folder] : {std::pair<std::string, fs::path>{"silver/events", lake.silver()}, {"quarantine/events", lake.quarantine()},
                                     {"gold/product_interest", lake.gold(kProductInterest)}, {"ledger", lake.ledger()}}) {
    auto snapshot = delta::Snapshot::load(folder);
    if (!snapshot && snapshot.error().code == ErrorCode::not_found) continue;
    if (!snapshot) return std::unexpected(snapshot.error());
    out.push_back({name, snapshot->version().value, snapshot->rows(), int64_t(snapshot->files().size()), snapshot->bytes()});
  }
  return out;
}

class Status final : public Command {
 public:
  CommandInfo info() const override { return {"status", Group::look, "what runs on a lake, and what its tables hold", "pactolus status --json"}; }
  void declare(Flags&) override {}
  Result<int> run(Session& session) override {
    const LakePaths lake{session.config.lake};
    TRY(check_lake(lake));
    const bool running = TRY(lake_is_locked(lake.lock()));
    auto status = read_status(lake);
    Json json = status ? *status : Json::object();
    json.set("running", running);  // the lock knows; the file may be of a process that was killed
    const auto tables = TRY(tables_of(lake));
    Json list = Json::array();
    for (const TableState& t : tables)
      list.push(Json::object().set("table", t.name).set("version", t.version).set("rows", t.rows).set("files", t.files).set("bytes", t.bytes));
    json.set("tables", std::move(list));
    if (session.globals.json) {
      session.out << json.dump() << "\n";
      return kExitOk;
    }
    session.out << fmt::format("lake        {}\n", session.config.lake);
    session.out << (running ? fmt::format("running     pid {}, epoch {}\n", json["pid"].as_int(), json["epoch"].as_int())
                            : std::string("running     no\n"));
    if (status) {
      session.out << fmt::format("batch       {} at {}\n", json["batch"].as_int(), json["batch_time"].as_string("-"));
      session.out << fmt::format("watermark   {}\n", json["watermark"].as_string("not yet"));
      session.out << fmt::format("alerts      {} open\n", json["open_alerts"].size());
      for (const Json& s : json["sources"].as_array())
        session.out << fmt::format("source      {}/{} next offset {}{}\n", s["topic"].as_string(), s["partition"].as_int(),
                                   count_text(s["next_offset"].as_int()), s["idle"].as_bool() ? ", idle" : "");
    }
    for (const TableState& t : tables)
      session.out << fmt::format("table       {:<22} version {:>5}  {:>13} rows  {:>6} files  {:>10}\n", t.name, t.version, count_text(t.rows),
                                 count_text(t.files), bytes_text(t.bytes));
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace pactolus
