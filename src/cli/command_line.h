// The words of a command line, understood: which command, and the values of its flags put where they were declared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"

namespace pactolus {

struct CommandLine {
  CommandTable::Entry* entry = nullptr;           // null when no command was named
  std::string family;                             // "config", when it was named without one of its commands
  std::vector<ConfigSources::Flag> config_flags;  // flags that override keys of the configuration
};

// Fills the targets of `table`'s flags. Flags stand anywhere, before the command as well as behind it; "--" ends them;
// `help X` is `X --help`. Without --help, what a command requires has to be there. Errors are of code usage, and name
// the nearest known word.
Result<CommandLine> parse_command_line(CommandTable& table, const std::vector<std::string>& words);

}  // namespace pactolus
