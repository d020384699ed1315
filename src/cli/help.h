// Help texts, made from the declarations. At most 80 columns where the declarations allow it.
#pragma once

#include <string>
#include <string_view>

#include "cli/commands.h"

namespace pactolus {

std::string list_of_commands(const CommandTable& table, bool colour);  // bare `pactolus`
std::string help_of_family(const CommandTable& table, std::string_view family, bool colour);
std::string help_of_command(const CommandTable& table, const CommandTable::Entry& entry, bool colour);

}  // namespace pactolus
