#include "cli/commands.h"

#include <algorithm>

#include "base/check.h"

// The list of commands: one line each, in the order of help within their group. X(name) stands for make_name().
#define PACTOLUS_COMMANDS(X) \
  X(demo)                    \
  X(simulate)                \
  X(ingest)                  \
  X(run)                     \
  X(status)                  \
  X(gold_show)               \
  X(alerts_ls)               \
  X(alerts_ack)              \
  X(alerts_silence)          \
  X(sql)                     \
  X(verify)                  \
  X(gold_rebuild)            \
  X(model_list)              \
  X(model_run)               \
  X(quarantine_ls)           \
  X(quarantine_show)         \
  X(quarantine_replay)       \
  X(offsets_show)            \
  X(offsets_accept_loss)     \
  X(tables_ls)               \
  X(tables_show)             \
  X(tables_history)          \
  X(tables_optimize)         \
  X(tables_vacuum)           \
  X(tables_erase)            \
  X(init)                    \
  X(config_show)             \
  X(config_check)            \
  X(completion)              \
  X(version)

namespace pactolus {

#define PACTOLUS_DECLARE(name) std::unique_ptr<Command> make_##name();
PACTOLUS_COMMANDS(PACTOLUS_DECLARE)
#undef PACTOLUS_DECLARE

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> out;
#define PACTOLUS_ADD(name) out.push_back(make_##name());
  PACTOLUS_COMMANDS(PACTOLUS_ADD)
#undef PACTOLUS_ADD
  return out;
}

std::string_view title_of(Group group) noexcept {
  switch (group) {
    case Group::start: return "Start here";
    case Group::data_in: return "Data in";
    case Group::pipeline: return "Pipeline";
    case Group::look: return "Look";
    case Group::trust: return "Trust and care";
    case Group::setup: return "Set-up";
  }
  return "";
}

CommandTable::CommandTable(std::vector<std::unique_ptr<Command>> commands) {
  global_flags_.text("--config", "FILE", &globals_.config, "configuration instead of ./pactolus.toml", Complete::files);
  global_flags_.key("--lake", "DIR", "lake", "folder of the lake", Complete::folders);
  global_flags_.toggle("--json", &globals_.json, "data as JSON");
  global_flags_.toggle("-q,--quiet", &globals_.quiet, "no messages but errors");
  global_flags_.toggle("--no-color", &globals_.no_color, "no colour; NO_COLOR does the same");
  global_flags_.toggle("-h,--help", &globals_.help, "help for a command");
  global_flags_.toggle("--version", &globals_.version, "name and version");
  for (std::unique_ptr<Command>& command : commands) {
    Entry entry{std::move(command), {}, {}};
    entry.info = entry.command->info();
    PACTOLUS_CHECK(find(entry.info.name) == nullptr, "two commands have one name: " + entry.info.name);
    entry.command->declare(entry.flags);
    for (const Flags::Flag& flag : entry.flags.all()) {
      PACTOLUS_CHECK(
          global_flags_.find(flag.name) == nullptr && (flag.short_name.empty() || !global_flags_.find(flag.short_name)),
          "redeclares a global flag: " + entry.info.name + " " + flag.name);
    }
    entries_.push_back(std::move(entry));
  }
}

CommandTable::Entry* CommandTable::find(std::string_view name) {
  for (Entry& entry : entries_) {
    if (entry.info.name == name) return &entry;
  }
  return nullptr;
}

bool CommandTable::is_family(std::string_view word) const { return !second_words(word).empty(); }

std::vector<std::string_view> CommandTable::first_words() const {
  std::vector<std::string_view> out;
  for (const Entry& entry : entries_) {
    const std::string_view name = entry.info.name, word = name.substr(0, name.find(' '));
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  }
  return out;
}

std::vector<std::string_view> CommandTable::second_words(std::string_view family) const {
  std::vector<std::string_view> out;
  for (const Entry& entry : entries_) {
    const std::string_view name = entry.info.name;
    const size_t space = name.find(' ');
    if (space != std::string_view::npos && name.substr(0, space) == family) out.push_back(name.substr(space + 1));
  }
  return out;
}

}  // namespace pactolus
