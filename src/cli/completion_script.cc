#include "cli/completion_script.h"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace pactolus {
namespace {

std::string first_word(const std::string& name) { return name.substr(0, name.find(' ')); }
std::string second_word(const std::string& name) {
  const size_t space = name.find(' ');
  return space == std::string::npos ? "" : name.substr(space + 1);
}

// 'it'\''s': whole inside single quotes, for bash and zsh.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// A word of the command line, with what it means.
struct Offer {
  std::string word, help;
};

std::vector<Offer> flag_offers(const Flags& flags) {
  std::vector<Offer> out;
  for (const Flags::Flag& flag : flags.all()) out.push_back({flag.name, flag.help});
  return out;
}

// What may stand at a place: commands at the top, the commands of a family, flags and the first argument's choices.
std::vector<Offer> word_offers(const CommandTable& table, const std::string& place) {
  std::vector<Offer> out;
  std::set<std::string> seen;
  for (const CommandTable::Entry& entry : table.entries()) {
    const std::string& name = entry.info.name;
    if (place.empty() && seen.insert(first_word(name)).second) {
      out.push_back({first_word(name), second_word(name).empty() ? entry.info.summary : "commands about it"});
    }
    if (!second_word(name).empty() && place == first_word(name)) out.push_back({second_word(name), entry.info.summary});
    if (place == name && !entry.flags.positional().empty()) {
      const Flags::Argument& first = entry.flags.positional().front();
      for (const std::string& choice : first.choices) out.push_back({choice, first.help});
    }
  }
  return out;
}

struct Place {
  std::string name;    // "", "config", "config show"
  const Flags* flags;  // of a command; null at the top and in a family
  Complete argument = Complete::nothing;
};

std::vector<Place> places(const CommandTable& table) {
  std::vector<Place> out = {{"", nullptr}};
  std::set<std::string> families;
  for (const CommandTable::Entry& entry : table.entries()) {
    const std::string& name = entry.info.name;
    if (!second_word(name).empty() && families.insert(first_word(name)).second)
      out.push_back({first_word(name), nullptr});
    Place place{name, &entry.flags};
    for (const Flags::Argument& argument : entry.flags.positional()) {
      if (place.argument == Complete::nothing) place.argument = argument.complete;
    }
    out.push_back(place);
  }
  return out;
}

// bash and zsh walk the words in the same way; only how words are reached and offered differs.
struct Dialect {
  std::string word_at_i, word_before, last_index;
  std::string (*offer)(const std::vector<Offer>& offers);
  std::string files, folders;
};

std::string walk(const CommandTable& table, const Dialect& shell) {
  std::string with_value;
  std::set<std::string> seen;
  const auto collect = [&](const Flags& flags) {
    for (const Flags::Flag& flag : flags.all()) {
      if (!flag.value.empty() && seen.insert(flag.name).second)
        with_value += (with_value.empty() ? "" : "|") + flag.name;
    }
  };
  collect(table.global_flags());
  for (const CommandTable::Entry& entry : table.entries()) collect(entry.flags);

  std::string out = fmt::format(
      "  local place='' word i\n"
      "  for ((i = {}; i < {}; i++)); do\n"
      "    word=\"{}\"\n"
      "    case \"$word\" in\n"
      "      {}) ((i++)) ;;\n"
      "      -*) ;;\n"
      "      *) case \"$place|$word\" in\n",
      shell.last_index == "CURRENT" ? 2 : 1, shell.last_index, shell.word_at_i, with_value);
  const std::vector<Place> all = places(table);
  for (const Place& place : all) {
    if (place.name.empty()) continue;
    const std::string second = second_word(place.name);
    const std::string step = second.empty() ? "|" + place.name : first_word(place.name) + "|" + second;
    out += fmt::format("           '{}') place='{}' ;;\n", step, place.name);
  }
  out += "         esac ;;\n    esac\n  done\n";

  out += fmt::format("  case \"$place|{}\" in\n", shell.word_before);
  const auto values = [&](const Flags& flags, const std::string& place) {
    for (const Flags::Flag& flag : flags.all()) {
      if (flag.value.empty()) continue;
      std::string action = ":";
      if (flag.complete == Complete::files) action = shell.files;
      if (flag.complete == Complete::folders) action = shell.folders;
      if (!flag.choices.empty()) {
        std::vector<Offer> offers;
        for (const std::string& choice : flag.choices) offers.push_back({choice, flag.help});
        action = shell.offer(offers);
      }
      out += fmt::format("    {}'|{}') {}; return ;;\n", place, flag.name, action);
    }
  };
  values(table.global_flags(), "*");
  for (const Place& place : all) {
    if (place.flags) values(*place.flags, fmt::format("'{}'", place.name));
  }
  out += "  esac\n";

  const std::vector<Offer> global = flag_offers(table.global_flags());
  out += "  case \"$cur\" in\n    -*)\n      case \"$place\" in\n";
  for (const Place& place : all) {
    if (!place.flags) continue;
    std::vector<Offer> offers = flag_offers(*place.flags);
    offers.insert(offers.end(), global.begin(), global.end());
    out += fmt::format("        '{}') {} ;;\n", place.name, shell.offer(offers));
  }
  out += fmt::format("        *) {} ;;\n      esac ;;\n    *)\n      case \"$place\" in\n", shell.offer(global));
  for (const Place& place : all) {
    const std::vector<Offer> offers = word_offers(table, place.name);
    std::string action = offers.empty() ? "" : shell.offer(offers);
    if (offers.empty() && place.argument == Complete::files) action = shell.files;
    if (offers.empty() && place.argument == Complete::folders) action = shell.folders;
    if (!action.empty()) out += fmt::format("        '{}') {} ;;\n", place.name, action);
  }
  return out + "      esac ;;\n  esac\n";
}

std::string bash_offer(const std::vector<Offer>& offers) {
  std::string words;
  for (const Offer& offer : offers) words += (words.empty() ? "" : " ") + offer.word;
  return fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))", shell_quoted(words));
}

std::string zsh_offer(const std::vector<Offer>& offers) {
  std::string words;
  for (const Offer& offer : offers) {
    std::string help;
    for (const char c : offer.help) help += c == ':' ? std::string("\\:") : std::string(1, c);
    words += fmt::format(" {}", shell_quoted(fmt::format("{}:{}", offer.word, help)));
  }
  return fmt::format("offers=({}); _describe pactolus offers", words.substr(words.empty() ? 0 : 1));
}

}  // namespace

std::string bash_completion(const CommandTable& table) {
  const Dialect bash{
      "${COMP_WORDS[i]}", "${COMP_WORDS[COMP_CWORD-1]}",           "COMP_CWORD",
      bash_offer,         "COMPREPLY=($(compgen -f -- \"$cur\"))", "COMPREPLY=($(compgen -d -- \"$cur\"))"};
  return "# Completion of pactolus for bash. To use it now:  source <(pactolus completion bash)\n"
         "_pactolus() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
         "  COMPREPLY=()\n" +
         walk(table, bash) + "}\ncomplete -o filenames -o bashdefault -F _pactolus pactolus\n";
}

std::string zsh_completion(const CommandTable& table) {
  const Dialect zsh{"${words[i]}", "${words[CURRENT-1]}", "CURRENT", zsh_offer, "_files", "_files -/"};
  return "#compdef pactolus\n"
         "# Completion of pactolus for zsh. To use it now:  source <(pactolus completion zsh)\n"
         "_pactolus() {\n"
         "  local cur=\"${words[CURRENT]}\"\n"
         "  local -a offers\n" +
         walk(table, zsh) +
         "}\n"
         "if [[ \"${funcstack[1]}\" == _pactolus ]]; then _pactolus \"$@\"; else compdef _pactolus pactolus; fi\n";
}

std::string fish_completion(const CommandTable& table) {
  std::string out =
      "# Completion of pactolus for fish. To use it now:  pactolus completion fish | source\n"
      "complete -c pactolus -f\n";
  const auto flags = [&](const Flags& declared, const std::string& when) {
    for (const Flags::Flag& flag : declared.all()) {
      out += fmt::format("complete -c pactolus{} -l {}", when.empty() ? "" : fmt::format(" -n {}", fish_quoted(when)),
                         flag.name.substr(2));
      if (!flag.short_name.empty()) out += fmt::format(" -s {}", flag.short_name.substr(1));
      out += fmt::format(" -d {}", fish_quoted(flag.help));
      if (!flag.value.empty()) out += " -r";
      if (flag.complete == Complete::files) out += " -F";
      if (flag.complete == Complete::folders) out += " -a '(__fish_complete_directories)'";
      if (!flag.choices.empty())
        out += fmt::format(" -a {}", fish_quoted(fmt::format("{}", fmt::join(flag.choices, " "))));
      out += "\n";
    }
  };
  flags(table.global_flags(), "");
  for (const Place& place : places(table)) {
    const std::string second = second_word(place.name);
    std::string when = "__fish_use_subcommand";
    if (!place.name.empty()) when = fmt::format("__fish_seen_subcommand_from {}", first_word(place.name));
    if (!second.empty()) when += "; and __fish_seen_subcommand_from " + second;
    if (!place.flags && !place.name.empty()) {
      when += fmt::format("; and not __fish_seen_subcommand_from {}", fmt::join(table.second_words(place.name), " "));
    }
    for (const Offer& offer : word_offers(table, place.name)) {
      out += fmt::format("complete -c pactolus -n {} -a {} -d {}\n", fish_quoted(when), fish_quoted(offer.word),
                         fish_quoted(offer.help));
    }
    if (place.flags) flags(*place.flags, when);
    if (place.argument == Complete::files) out += fmt::format("complete -c pactolus -n {} -F\n", fish_quoted(when));
  }
  return out;
}

}  // namespace pactolus
