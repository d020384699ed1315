#include "cli/command.h"

namespace pactolus {

void Session::say(std::string_view line) const {
  if (!globals.quiet) write_message(std::string(line) + "\n");
}

}  // namespace pactolus
