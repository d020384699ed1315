// All commands of the program, declared and findable. Made once by main (commands.cc holds the list).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace pactolus {

class CommandTable {
 public:
  struct Entry {
    std::unique_ptr<Command> command;
    CommandInfo info;
    Flags flags;
  };
  // Declares the commands; no two may have one name, none may redeclare a global flag.
  explicit CommandTable(std::vector<std::unique_ptr<Command>> commands);
  CommandTable(const CommandTable&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }
  Entry* find(std::string_view name);                 // "config show"; null when there is none
  bool is_family(std::string_view word) const;        // "config"
  std::vector<std::string_view> first_words() const;  // each once, in the order of the list
  std::vector<std::string_view> second_words(std::string_view family) const;

  const Flags& global_flags() const { return global_flags_; }
  GlobalFlags& globals() { return globals_; }
  const GlobalFlags& globals() const { return globals_; }

 private:
  std::vector<Entry> entries_;
  GlobalFlags globals_;
  Flags global_flags_;
};

std::vector<std::unique_ptr<Command>> all_commands();

std::string_view title_of(Group group) noexcept;

}  // namespace pactolus
