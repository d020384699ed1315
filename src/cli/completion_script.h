// Completion scripts of the shells, made from the declared commands and flags.
#pragma once

#include <string>

#include "cli/commands.h"

namespace pactolus {

std::string bash_completion(const CommandTable& table);
std::string zsh_completion(const CommandTable& table);
std::string fish_completion(const CommandTable& table);

}  // namespace pactolus
