// `pactolus tables history`: the commits of one table.
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/command.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

class TablesHistory final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables history", Group::trust, "a table's commits, the newest first",
            "pactolus tables history silver --limit 20"};
  }
  void declare(Flags& flags) override {
    flags.count("--limit", "N", &limit_, "commits (20)", 1);
    flags.argument("TABLE", &table_, kTableHelp);
  }
  Result<int> run(Session& session) override {
    const LakeTable table = TRY(find_table({session.config.lake}, table_));
    Json list = Json::array();
    for (const delta::CommitRecord& c : TRY(delta::history(table.folder, limit_))) {
      if (!session.globals.json) {
        session.out << fmt::format("{:>9}  {}  {:<18} {:>5} in {:>5} out", c.version.value,
                                   iso_time_ms(c.timestamp_ms * 1000), c.operation, c.adds, c.removes);
        for (const auto& [name, value] : c.parameters) session.out << fmt::format("  {}={}", name, value.as_string());
        session.out << "\n";
        continue;
      }
      Json parameters = Json::object();
      for (const auto& [name, value] : c.parameters) parameters.set(name, value);
      list.push(Json::object()
                    .set("version", c.version.value)
                    .set("time", iso_time_ms(c.timestamp_ms * 1000))
                    .set("operation", c.operation)
                    .set("parameters", std::move(parameters))
                    .set("files_added", c.adds)
                    .set("files_removed", c.removes)
                    .set("commit_uuid", c.commit_uuid));
    }
    if (session.globals.json) session.out << Json::object().set("commits", std::move(list)).dump() << "\n";
    return kExitOk;
  }

 private:
  std::string table_;
  int64_t limit_ = 20;
};

}  // namespace

std::unique_ptr<Command> make_tables_history() { return std::make_unique<TablesHistory>(); }

}  // namespace pactolus
