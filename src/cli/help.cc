#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace pactolus {
namespace {

std::string invocation(const CommandTable::Entry& entry) {
  std::string out = entry.info.name;
  for (const Flags::Argument& argument : entry.flags.positional()) {
    std::string name = argument.choices.empty() ? argument.name : fmt::format("{}", fmt::join(argument.choices, "|"));
    if (argument.many) name += "…";
    out += argument.required ? " " + name : fmt::format(" [{}]", name);
  }
  return out;
}

// Names and explanations in two columns.
class Columns {
 public:
  void add(std::string name, std::string text) { rows_.emplace_back(std::move(name), std::move(text)); }
  std::string text() const {
    // A single long name shall not push all explanations to the right; it gets a line for itself.
    constexpr int kWidest = 28;
    int width = 0;
    for (const auto& [name, explanation] : rows_) {
      if (visible_width(name) <= kWidest) width = std::max(width, visible_width(name));
    }
    std::string out;
    for (const auto& [name, explanation] : rows_) {
      if (visible_width(name) > width)
        out += fmt::format("  {}\n  {}  {}\n", name, std::string(size_t(width), ' '), explanation);
      else
        out += fmt::format("  {}  {}\n", pad_right(name, width), explanation);
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

std::string flag_lines(const Flags& flags) {
  Columns columns;
  for (const Flags::Flag& flag : flags.all()) {
    std::string name = flag.short_name.empty() ? flag.name : flag.short_name + ", " + flag.name;
    if (!flag.value.empty()) name += " " + flag.value;
    columns.add(std::move(name), flag.key.empty() || "--" + flag.key == flag.name
                                     ? flag.help
                                     : fmt::format("{} (key {})", flag.help, flag.key));
  }
  return columns.text();
}

std::string heading(std::string_view title, bool colour) {
  return fmt::format("\n{}\n", paint(Paint::strong, title, colour));
}

std::string example_line(std::string_view example, bool colour) {
  return fmt::format("\n{} {}\n", paint(Paint::strong, "Example:", colour), example);
}

}  // namespace

std::string list_of_commands(const CommandTable& table, bool colour) {
  std::string out = "Pactolus turns a shop's clickstream into numbers that can be trusted while it flows.\n\n" +
                    paint(Paint::strong, "Usage:", colour) + " pactolus COMMAND [FLAGS]\n";
  for (const Group group : {Group::start, Group::data_in, Group::pipeline, Group::look, Group::trust, Group::setup}) {
    Columns columns;
    for (const CommandTable::Entry& entry : table.entries()) {
      if (entry.info.group == group) columns.add(invocation(entry), entry.info.summary);
    }
    const std::string lines = columns.text();
    if (!lines.empty()) out += heading(fmt::format("{}:", title_of(group)), colour) + lines;
  }
  out += heading("Flags of every command, in any position:", colour) + flag_lines(table.global_flags());
  return out +
         "\nExit codes: 0 ok, 1 a check failed, 2 wrong usage, 3 error (a retry may help), 4 made but not delivered,\n"
         "78 bad configuration, "
         "130 Ctrl-C, 143 SIGTERM.\n`pactolus COMMAND --help` explains a command, with an example.\n";
}

std::string help_of_family(const CommandTable& table, std::string_view family, bool colour) {
  std::string out = fmt::format("{} pactolus {} COMMAND [FLAGS]\n\n", paint(Paint::strong, "Usage:", colour), family);
  Columns columns;
  std::string example;
  for (const CommandTable::Entry& entry : table.entries()) {
    if (!entry.info.name.starts_with(std::string(family) + " ")) continue;
    columns.add(invocation(entry).substr(family.size() + 1), entry.info.summary);
    if (example.empty()) example = entry.info.example;
  }
  return out + columns.text() + example_line(example, colour);
}

std::string help_of_command(const CommandTable& table, const CommandTable::Entry& entry, bool colour) {
  const CommandInfo& info = entry.info;
  std::string out = fmt::format("pactolus {}: {}\n\n{} pactolus {} [FLAGS]\n", info.name, info.summary,
                                paint(Paint::strong, "Usage:", colour), invocation(entry));
  Columns arguments;
  for (const Flags::Argument& argument : entry.flags.positional()) arguments.add(argument.name, argument.help);
  if (!entry.flags.positional().empty()) out += fmt::format("\n{}", arguments.text());
  if (!entry.flags.all().empty()) out += heading("Flags:", colour) + flag_lines(entry.flags);
  out += heading("Flags of every command:", colour) + flag_lines(table.global_flags());
  return out + example_line(info.example, colour);
}

}  // namespace pactolus
