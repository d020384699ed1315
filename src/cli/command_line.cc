#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/closest_word.h"

namespace pactolus {
namespace {

std::unexpected<Error> usage(std::string message, std::string hint = {}) {
  return fail(ErrorCode::usage, std::move(message), std::move(hint));
}

bool is_flag(std::string_view word) {
  // "-" is a name for stdin and stdout, and "-5" a number.
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

const Flags::Flag* find_flag(const CommandTable& table, std::string_view name) {
  if (const Flags::Flag* flag = table.global_flags().find(name)) return flag;
  for (const CommandTable::Entry& entry : table.entries()) {
    if (const Flags::Flag* flag = entry.flags.find(name)) return flag;
  }
  return nullptr;
}

std::string_view name_part(std::string_view word) { return word.substr(0, word.find('=')); }

// Which of the words name the command. A word behind a flag that takes a value is that value, whichever command the
// flag belongs to, so that flags may stand before the command.
std::vector<size_t> command_words(const CommandTable& table, const std::vector<std::string>& words) {
  std::vector<size_t> out;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (is_flag(words[i])) {
      const Flags::Flag* flag = find_flag(table, words[i]);
      if (flag && !flag->value.empty()) ++i;
      continue;
    }
    const bool is_help = words[i] == "help" && out.empty();
    out.push_back(i);
    if (is_help) continue;
    const bool after_help = words[out.front()] == "help";
    if (out.size() == (after_help ? 3 : 2) || !table.is_family(words[i])) break;
  }
  return out;
}

Result<> accept(const std::function<std::optional<std::string>(std::string_view)>& take, const std::string& what,
                const std::string& value, const std::vector<std::string>& choices) {
  const std::optional<std::string> refusal = take(value);
  if (!refusal) return {};
  const std::vector<std::string_view> words(choices.begin(), choices.end());
  return usage(
      fmt::format("unusable value for {}\n{}, got \"{}\"{}", what, *refusal, value, did_you_mean(value, words)));
}

std::string hint_of(const CommandTable::Entry* entry) {
  return fmt::format("`pactolus {}--help` lists what there is", entry ? entry->info.name + " " : "");
}

Error unknown_flag(const CommandTable& table, const CommandTable::Entry* entry, std::string_view word) {
  const std::string_view name = name_part(word);
  std::vector<std::string_view> known;
  if (entry) {
    for (const Flags::Flag& flag : entry->flags.all()) known.push_back(flag.name);
  }
  for (const Flags::Flag& flag : table.global_flags().all()) known.push_back(flag.name);
  std::string guess = did_you_mean(name, known);
  const std::string of = entry ? " of " + entry->info.name : "";
  if (guess.empty()) {
    std::vector<std::string> owners;
    for (const CommandTable::Entry& other : table.entries())
      if (other.flags.find(name)) owners.push_back(fmt::format("`pactolus {}`", other.info.name));
    if (!owners.empty())
      return {ErrorCode::usage,
              fmt::format("{} is no flag{}", name, entry ? of : " without its command"),
              fmt::format("it belongs to {}", fmt::join(owners, ", ")),
              {}};
  }
  return {ErrorCode::usage, fmt::format("unknown flag {}{}{}", name, of, guess), hint_of(entry), {}};
}

// What CLI11 would take without a word: a value that is missing, or is the next flag.
Result<> check_values_are_there(const CommandTable& table, const CommandTable::Entry* entry,
                                const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (!is_flag(words[i])) continue;
    const std::string_view name = name_part(words[i]);
    const Flags::Flag* flag = entry ? entry->flags.find(name) : nullptr;
    if (!flag) flag = table.global_flags().find(name);
    if (!flag) {
      // "-qh" is two toggles; CLI11 takes them apart, and tells what is left over.
      if (words[i].size() > 2 && words[i][1] != '-') continue;
      return std::unexpected(unknown_flag(table, entry, words[i]));
    }
    const bool inline_value = name.size() < words[i].size();
    if (flag->value.empty()) {
      if (inline_value)
        return usage(fmt::format("{} takes no value\ngot \"{}\"", flag->name, words[i].substr(name.size() + 1)));
      continue;
    }
    const bool missing = inline_value ? name.size() + 1 == words[i].size()
                                      : i + 1 == words.size() || words[i + 1].empty() || words[i + 1].starts_with("--");
    if (missing)
      return usage(fmt::format("{} needs a value\nas in {} {}", flag->name, flag->name, flag->value), hint_of(entry));
    if (!inline_value) ++i;
  }
  return {};
}

// CLI11 splits the words into flags and arguments; what they mean is decided by the declaration.
Result<> take_words(CommandTable& table, CommandLine& line, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  struct Taken {
    const Flags::Flag* flag;
    std::vector<std::string> values;
    int64_t times = 0;
  };
  std::vector<std::unique_ptr<Taken>> taken;
  const auto declare = [&](const Flags& flags) {
    for (const Flags::Flag& flag : flags.all()) {
      Taken& to = *taken.emplace_back(std::make_unique<Taken>(Taken{&flag, {}, 0}));
      const std::string names = flag.short_name.empty() ? flag.name : flag.short_name + "," + flag.name;
      if (flag.value.empty())
        app.add_flag(names, to.times);
      else
        app.add_option(names, to.values)->allow_extra_args(false);
    }
  };
  declare(table.global_flags());
  if (line.entry) declare(line.entry->flags);
  try {
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
  } catch (const CLI::Error& error) {
    return usage(fmt::format("cannot read the command line\n{}", error.what()), hint_of(line.entry));
  }

  for (const std::unique_ptr<Taken>& one : taken) {
    if (one->times > 0) (void)one->flag->accept("");
    for (const std::string& value : one->values) {
      if (one->flag->key.empty())
        TRY(accept(one->flag->accept, one->flag->name, value, one->flag->choices));
      else
        line.config_flags.push_back({one->flag->name, one->flag->key, value});
    }
  }
  if (table.globals().help || table.globals().version) return {};

  std::vector<std::string> rest = app.remaining();
  // The words behind "--" are arguments, whatever they look like.
  const auto mark = std::find(rest.begin(), rest.end(), "--");
  for (auto word = rest.begin(); word != mark; ++word) {
    if (is_flag(*word)) return std::unexpected(unknown_flag(table, line.entry, *word));
  }
  if (mark != rest.end()) rest.erase(mark);
  if (!line.entry) return {};

  size_t next = 0;
  for (const Flags::Argument& argument : line.entry->flags.positional()) {
    if (next == rest.size() && argument.required) {
      return usage(fmt::format("{} needs {}\n{}", line.entry->info.name, argument.name, argument.help),
                   "for example: " + line.entry->info.example);
    }
    do {
      if (next == rest.size()) break;
      TRY(accept(argument.accept, argument.name, rest[next++], argument.choices));
    } while (argument.many);
  }
  if (next < rest.size()) {
    return usage(fmt::format("{} has no use for \"{}\"", line.entry->info.name, rest[next]), hint_of(line.entry));
  }
  return {};
}

Error unknown_command(const CommandTable& table, const std::string& family, std::string_view word) {
  const std::vector<std::string_view> known = family.empty() ? table.first_words() : table.second_words(family);
  const std::string before = family.empty() ? "" : family + " ";
  std::string guess = did_you_mean(word, known);
  if (family.empty() && guess.empty()) {
    // `pactolus show` for `config show`: a second word alone is a frequent slip.
    for (const CommandTable::Entry& entry : table.entries()) {
      if (entry.info.name.ends_with(" " + std::string(word)))
        guess = fmt::format("; did you mean \"{}\"?", entry.info.name);
    }
  }
  return {ErrorCode::usage,
          fmt::format("unknown command \"{}{}\"{}", before, word, guess),
          family.empty() ? "`pactolus` alone lists the commands"
                         : fmt::format("{} has: {}", family, fmt::join(known, ", ")),
          {}};
}

}  // namespace

Result<CommandLine> parse_command_line(CommandTable& table, const std::vector<std::string>& words) {
  CommandLine line;
  std::vector<size_t> naming = command_words(table, words);
  std::vector<std::string> rest;
  for (size_t i = 0; i < words.size(); ++i) {
    if (std::find(naming.begin(), naming.end(), i) == naming.end()) rest.push_back(words[i]);
  }
  if (!naming.empty() && words[naming.front()] == "help") {
    table.globals().help = true;
    naming.erase(naming.begin());
  }
  if (!naming.empty()) {
    const std::string& first = words[naming[0]];
    if (table.is_family(first)) {
      line.family = first;
      if (naming.size() > 1) line.entry = table.find(first + " " + words[naming[1]]);
      if (naming.size() > 1 && !line.entry) return std::unexpected(unknown_command(table, first, words[naming[1]]));
    } else {
      line.entry = table.find(first);
      if (!line.entry) return std::unexpected(unknown_command(table, "", first));
    }
  }
  TRY(check_values_are_there(table, line.entry, rest));
  TRY(take_words(table, line, std::move(rest)));
  if (!line.family.empty() && !line.entry && !table.globals().help && !table.globals().version) {
    return usage(
        fmt::format("{} needs one of its commands: {}", line.family, fmt::join(table.second_words(line.family), ", ")),
        fmt::format("`pactolus {} --help` says what they do", line.family));
  }
  return line;
}

}  // namespace pactolus
