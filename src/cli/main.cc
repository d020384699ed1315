// pactolus: the words are understood, the configuration is put together, the command runs, and whatever went wrong is
// said once. What a command does is in its own file; the list of them is in commands.cc.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/help.h"

namespace pactolus {
namespace {

std::string help_for(const CommandTable& table, const CommandLine& line, bool colour) {
  if (line.entry) return help_of_command(table, *line.entry, colour);
  if (!line.family.empty()) return help_of_family(table, line.family, colour);
  return list_of_commands(table, colour);
}

int worst_exit_code(const std::vector<Error>& errors) {
  const bool in_config =
      std::any_of(errors.begin(), errors.end(), [](const Error& e) { return e.code != ErrorCode::usage; });
  return in_config ? kExitBadConfig : kExitUsage;
}

Result<int> run_command(CommandTable& table, const CommandLine& line, Output& out, const Terminal& screen,
                        const Terminal& messages) {
  const GlobalFlags& globals = table.globals();
  if (globals.version) {
    out << "pactolus " PACTOLUS_VERSION "\n";
    return kExitOk;
  }
  if (globals.help || !line.entry) {
    out << help_for(table, line, screen.colour);
    return kExitOk;
  }
  ConfigSources sources = ConfigSources::of_process();
  if (!globals.config.empty()) sources.config_flag = globals.config;
  sources.flags = line.config_flags;
  const LoadedConfig loaded = load_config(sources);
  if (line.entry->info.config == ConfigUse::needed && !loaded.errors.empty()) {
    print_errors(loaded.errors, messages.colour);
    return worst_exit_code(loaded.errors);
  }
  Session session{loaded.config, loaded, sources, globals, table, out, screen, messages, StopSignal::install()};
  return line.entry->command->run(session);
}

int run_program(const std::vector<std::string>& words) {
  StopSignal::install();
  CommandTable table(all_commands());
  const auto line = parse_command_line(table, words);
  // A command line that could not be read may still have asked for no colour.
  const bool no_colour = table.globals().no_color || std::find(words.begin(), words.end(), "--no-color") != words.end();
  const Terminal screen = inspect_terminal(STDOUT_FILENO, no_colour),
                 messages = inspect_terminal(STDERR_FILENO, no_colour);
  Output out(STDOUT_FILENO, screen.is_terminal);
  Result<int> code = line ? run_command(table, *line, out, screen, messages) : std::unexpected(line.error());
  const auto flushed = out.flush();
  if (code && !flushed) code = std::unexpected(flushed.error());
  if (code) return *code;
  print_error(code.error(), messages.colour);
  return exit_code(code.error().code);
}

}  // namespace
}  // namespace pactolus

int main(int argc, char** argv) {
  // A micro-batch allocates and frees the same large buffers again and again; given back to the kernel each time, their
  // pages cost a tenth of the whole time to clear again.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  return pactolus::run_program({argv + std::min(1, argc), argv + argc});
}
