// `pactolus tables …`: the lake's tables as files. Small siblings that share their table argument stand in one file.
#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "lake/delta/compaction.h"
#include "lake/delta/schema.h"
#include "lake/delta/stats.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

std::string partition_text(const delta::PartitionValues& partition) {
  std::string out;
  for (const auto& [column, value] : partition) {
    if (!out.empty()) out += ", ";
    out += column + "=" + value.value_or("NULL");
  }
  return out;
}

struct Sums {
  int64_t files = 0, rows = 0, bytes = 0;
  void add(const delta::AddFile& file) {
    ++files;
    bytes += file.size;
    const auto held = delta::rows_of(file.stats);
    rows = held && rows >= 0 ? rows + *held : -1;
  }
};
std::string rows_text(int64_t rows) { return rows < 0 ? "?" : count_text(rows); }

class TablesLs final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables ls", Group::trust, "the lake's tables: versions, files, rows, sizes", "pactolus tables ls"};
  }
  void declare(Flags&) override {}
  Result<int> run(Session& session) override {
    Json list = Json::array();
    if (!session.globals.json)
      session.out << paint(Paint::strong,
                           fmt::format("{:<24} {:>9} {:>9} {:>13} {:>11}  {}", "table", "version", "files", "rows",
                                       "size", "most files in a partition"),
                           session.out_terminal.colour)
                  << "\n";
    for (const LakeTable& table : TRY(lake_tables({session.config.lake}))) {
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

// Those that want a table's name.
class OfTable : public Command {
 protected:
  void declare_table(Flags& flags, bool required) {
    flags.argument("TABLE", &table_, "silver, quarantine, ledger or a Gold view", required);
  }
  Result<std::vector<LakeTable>> tables(const Session& session) const {
    if (table_.empty()) return lake_tables({session.config.lake});
    return std::vector<LakeTable>{TRY(find_table({session.config.lake}, table_))};
  }
  std::string table_;
};

class TablesShow final : public OfTable {
 public:
  CommandInfo info() const override {
    return {"tables show", Group::trust, "a table: its columns, and its files by partition",
            "pactolus tables show silver"};
  }
  void declare(Flags& flags) override { declare_table(flags, true); }
  Result<int> run(Session& session) override {
    const LakeTable table = TRY(find_table({session.config.lake}, table_));
    const delta::Snapshot s = TRY(delta::Snapshot::load(table.folder));
    const delta::TableSchema schema =
        TRY(delta::parse_schema(s.metadata().schema_string, s.metadata().partition_columns));
    std::map<delta::PartitionValues, Sums> partitions;
    for (const auto& [path, file] : s.files()) partitions[file.partition_values].add(file);
    if (session.globals.json) {
      Json list = Json::array();
      for (const auto& [values, sums] : partitions) {
        Json p = Json::object();
        for (const auto& [column, value] : values) p.set(column, value ? Json(*value) : Json());
        list.push(Json::object()
                      .set("partition", std::move(p))
                      .set("files", sums.files)
                      .set("rows", sums.rows)
                      .set("bytes", sums.bytes));
      }
      session.out << Json::object()
                         .set("table", table.name)
                         .set("folder", table.folder.native())
                         .set("id", s.metadata().id)
                         .set("version", s.version().value)
                         .set("schema", TRY(Json::parse(s.metadata().schema_string)))
                         .set("partitions", std::move(list))
                         .dump()
                  << "\n";
      return kExitOk;
    }
    session.out << fmt::format("{}: version {}, id {}\n{}\n", table.name, s.version().value, s.metadata().id,
                               table.folder.native());
    for (const auto& field : schema.fields)
      session.out << fmt::format("  {:<22} {}\n", field.name, delta::type_text(field.type));
    for (const auto& [values, sums] : partitions)
      session.out << fmt::format("{:<50} {:>7} files {:>13} rows {:>11}\n",
                                 values.empty() ? "all" : partition_text(values), count_text(sums.files),
                                 rows_text(sums.rows), bytes_text(sums.bytes));
    return kExitOk;
  }
};

class TablesHistory final : public OfTable {
 public:
  CommandInfo info() const override {
    return {"tables history", Group::trust, "a table's commits, the newest first",
            "pactolus tables history silver --limit 20"};
  }
  void declare(Flags& flags) override {
    flags.count("--limit", "N", &limit_, "commits (20)", 1);
    declare_table(flags, true);
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
  int64_t limit_ = 20;
};

class TablesOptimize final : public OfTable {
 public:
  CommandInfo info() const override {
    return {"tables optimize", Group::trust, "merge small files; the rows stay", "pactolus tables optimize silver"};
  }
  void declare(Flags& flags) override {
    flags.size("--target", &options_.target_bytes, "size of the merged files (256MiB)");
    flags.date("--from", &options_.from_day, "only partitions of this date and later");
    flags.date("--to", &options_.to_day, "only partitions up to this date");
    declare_table(flags, false);
  }
  Result<int> run(Session& session) override {
    SystemClock clock;
    Random random = Random::from_system();
    ProgressLine line(session);
    const int64_t began = clock.boot_us();
    options_.stop = [&] { return session.stop.requested(); };
    options_.progress = [&](int64_t done, int64_t of) {
      if (line.on()) line.draw("files merged: " + progress_text(done, of, clock.boot_us() - began));
    };
    Json list = Json::array();
    for (const LakeTable& table : TRY(tables(session))) {
      const Optimized done = TRY(optimize_table(table, options_, clock, random));
      line.clear();
      if (session.globals.json)
        list.push(Json::object()
                      .set("table", table.name)
                      .set("merges", done.merges)
                      .set("files_before", done.files_before)
                      .set("files_after", done.files_after)
                      .set("rows", done.rows)
                      .set("bytes", done.bytes)
                      .set("given_up", done.given_up));
      else
        session.out << fmt::format("{}: {} files became {}, {} rows, {}{}\n", table.name, count_text(done.files_before),
                                   count_text(done.files_after), count_text(done.rows), bytes_text(done.bytes),
                                   done.given_up == 0 ? ""
                                                      : fmt::format("; {} merges were given up: others were first",
                                                                    count_text(done.given_up)));
      if (session.stop.requested()) break;
    }
    if (session.globals.json) session.out << Json::object().set("tables", std::move(list)).dump() << "\n";
    return session.stop.requested() ? session.stop.exit_code() : kExitOk;
  }

 private:
  OptimizeOptions options_;
};

class TablesVacuum final : public OfTable {
 public:
  CommandInfo info() const override {
    return {"tables vacuum", Group::trust, "remove files that no kept version needs",
            "pactolus tables vacuum --dry-run"};
  }
  void declare(Flags& flags) override {
    flags.toggle("--dry-run", &dry_run_, "say what would be removed");
    declare_table(flags, false);
  }
  Result<int> run(Session& session) override {
    SystemClock clock;
    Json list = Json::array();
    for (const LakeTable& table : TRY(tables(session))) {
      const delta::Vacuumed done = TRY(vacuum_table(table, session.config.job, dry_run_, clock));
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
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tables_ls() { return std::make_unique<TablesLs>(); }
std::unique_ptr<Command> make_tables_show() { return std::make_unique<TablesShow>(); }
std::unique_ptr<Command> make_tables_history() { return std::make_unique<TablesHistory>(); }
std::unique_ptr<Command> make_tables_optimize() { return std::make_unique<TablesOptimize>(); }
std::unique_ptr<Command> make_tables_vacuum() { return std::make_unique<TablesVacuum>(); }

}  // namespace pactolus
