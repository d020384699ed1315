// `pactolus tables vacuum`: files that no kept version needs go.
#include <fmt/format.h>

#include "cli/command.h"
#include "runtime/maintenance.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

class TablesVacuum final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables vacuum", Group::trust, "remove files that no kept version needs",
            "pactolus tables vacuum --dry-run"};
  }
  void declare(Flags& flags) override {
    flags.duration("--retain", &retain_us_, "how far back readers and time travel still find their files (6h)");
    flags.toggle("--dry-run", &dry_run_, "say what would be removed");
    flags.argument("TABLE", &table_, kTableHelp, false);
  }
  Result<int> run(Session& session) override {
    SystemClock clock;
    Json list = Json::array();
    for (const LakeTable& table : TRY(tables_named({session.config.lake}, table_))) {
      const delta::Vacuumed done =
          TRY(vacuum_table({session.config.lake}, table, session.config.job, retain_us_, dry_run_, clock));
      if (session.globals.json)
        list.push(Json::object()
                      .set("table", table.name)
                      .set("dry_run", dry_run_)
                      .set("removed", done.tombstoned + done.unreferenced)
                      .set("replaced", done.tombstoned)
                      .set("unreferenced", done.unreferenced)
                      .set("bytes", done.bytes)
                      .set("waiting", done.waiting)
                      .set("waiting_bytes", done.waiting_bytes));
      else
        session.out << fmt::format("{}: {} files{} removed, {}; {} wait for the end of the retention, {}\n", table.name,
                                   count_text(done.tombstoned + done.unreferenced), dry_run_ ? " would be" : "",
                                   bytes_text(done.bytes), count_text(done.waiting), bytes_text(done.waiting_bytes));
    }
    if (session.globals.json) session.out << Json::object().set("tables", std::move(list)).dump() << "\n";
    return kExitOk;
  }

 private:
  std::string table_;
  int64_t retain_us_ = MaintenanceRules{}.keep_us;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tables_vacuum() { return std::make_unique<TablesVacuum>(); }

}  // namespace pactolus
