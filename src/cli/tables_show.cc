// `pactolus tables show`: one table, its columns and its files by partition.
#include <fmt/format.h>

#include <map>

#include "cli/command.h"
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

class TablesShow final : public Command {
 public:
  CommandInfo info() const override {
    return {"tables show", Group::trust, "a table: its columns, and its files by partition",
            "pactolus tables show silver"};
  }
  void declare(Flags& flags) override { flags.argument("TABLE", &table_, kTableHelp); }
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

 private:
  std::string table_;
};

}  // namespace

std::unique_ptr<Command> make_tables_show() { return std::make_unique<TablesShow>(); }

}  // namespace pactolus
