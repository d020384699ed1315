// `pactolus tables ls`: the tables of a lake, a line each.
#include <fmt/format.h>

#include "cli/command.h"
#include "lake/delta/compaction.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

std::string rows_text(int64_t rows) { return rows < 0 ? "?" : count_text(rows); }

class TablesLs final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables ls", Group::trust, "the lake's tables: versions, files, rows, sizes", "pactolus tables ls"};
  }
  void declare(Flags&) override {}
  Result<int> run(Session& session) override {
    Json list = Json::array();
    const std::vector<LakeTable> tables = TRY(lake_tables({session.config.lake}));
    if (!session.globals.json)
      session.out << paint(Paint::strong,
                           fmt::format("{:<24} {:>9} {:>9} {:>13} {:>11}  {}", "table", "version", "files", "rows",
                                       "size", "most files in a partition"),
                           session.out_terminal.colour)
                  << "\n";
    for (const LakeTable& table : tables) {
      const delta::Snapshot s = TRY(delta::Snapshot::load(table.folder));
      const int64_t most = int64_t(delta::most_files_in_a_partition(s));
      if (session.globals.json)
        list.push(Json::object()
                      .set("table", table.name)
                      .set("version", s.version().value)
                      .set("files", int64_t(s.files().size()))
                      .set("rows", s.rows())
                      .set("bytes", s.bytes())
                      .set("most_files_in_a_partition", most)
                      .set("tombstones", int64_t(s.tombstones().size())));
      else
        session.out << fmt::format("{:<24} {:>9} {:>9} {:>13} {:>11}  {}\n", table.name, s.version().value,
                                   count_text(int64_t(s.files().size())), rows_text(s.rows()), bytes_text(s.bytes()),
                                   count_text(most));
    }
    if (session.globals.json) session.out << Json::object().set("tables", std::move(list)).dump() << "\n";
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_tables_ls() { return std::make_unique<TablesLs>(); }

}  // namespace pactolus
