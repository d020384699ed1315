// `pactolus model list`: the daily models that there are.
#include <fmt/format.h>

#include "cli/command.h"
#include "lake/delta/snapshot.h"
#include "runtime/model.h"

namespace pactolus {
namespace {

struct Made {
  int64_t days = 0;
  std::string last;
};

// Of a lake that is not there, or a model that never ran: nothing.
Made made_of(const LakePaths& lake, const Model& model) {
  Made out;
  const auto table = delta::Snapshot::load(lake.gold(model.name));
  if (!table) return out;
  for (const auto& [path, file] : table->files()) {
    const auto day = file.partition_values.find("day");
    if (day == file.partition_values.end() || !day->second) continue;
    ++out.days;
    out.last = std::max(out.last, *day->second);
  }
  return out;
}

class ModelList final : public Command {
 public:
  CommandInfo info() const override {
    return {"model list", Group::pipeline, "the daily models: built-in ones, and files of your own",
            "pactolus model list"};
  }
  void declare(Flags& flags) override {
    flags.key("--models", "DIR", "models.folder", "where models of your own are", Complete::folders);
  }
  Result<int> run(Session& session) override {
    Json list = Json::array();
    for (const Model& model : TRY(list_models(session.config.models.folder))) {
      const Made made = made_of({session.config.lake}, model);
      if (session.globals.json) {
        list.push(Json::object()
                      .set("model", model.name)
                      .set("title", model.title)
                      .set("built_in", model.built_in)
                      .set("file", model.built_in ? Json() : Json(model.file))
                      .set("problem", model.problem.empty() ? Json() : Json(model.problem))
                      .set("days", made.days)
                      .set("last_day", made.days > 0 ? Json(made.last) : Json()));
        continue;
      }
      const std::string days = made.days == 0   ? "never run"
                               : made.days == 1 ? made.last
                                                : fmt::format("{} days, the last {}", count_text(made.days), made.last);
      session.out << fmt::format("{:<24} {:<32} {}\n", model.name, days, model.built_in ? "built-in" : model.file);
      if (!model.problem.empty())
        session.out << paint(Paint::error, "  " + model.problem, session.out_terminal.colour) << "\n";
      if (!model.title.empty())
        session.out << paint(Paint::faint, "  " + model.title, session.out_terminal.colour) << "\n";
    }
    if (session.globals.json) session.out << Json::object().set("models", std::move(list)).dump() << "\n";
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> make_model_list() { return std::make_unique<ModelList>(); }

}  // namespace pactolus
