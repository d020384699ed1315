#include "cli/config_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/closest_word.h"
#include "base/file.h"
#include "cli/config_alerts.h"
#include "cli/config_keys.h"
#include "cli/config_toml.h"
#include "cli/config_views.h"
#include "cli/config_webhooks.h"

namespace pactolus {
namespace {

constexpr std::string_view kEnvironmentPrefix = "PACTOLUS_";
constexpr std::string_view kPropertiesPrefix = "KAFKA__PROPERTIES__";
constexpr std::string_view kProperties = "kafka.properties";

// One value from one source, on its way into the configuration.
struct Given {
  std::string key;
  RawValue value;
  std::string place;  // for errors: "pactolus.toml:12", "environment PACTOLUS_LAKE", "flag --lake"
  ErrorCode code = ErrorCode::bad_config;
};

class Loading {
 public:
  explicit Loading(LoadedConfig& out) : out_(out) {}

  void take(const Given& given) {
    if (refuse_secrets(given)) return;
    if (given.key == kViews) return take_tables(given, take_view, "view");
    if (given.key == kAlertRules) return take_tables(given, take_alert, "rule");
    if (given.key == kWebhooks) return take_tables(given, take_webhook, "webhook");
    const ConfigKey* key = find_config_key(given.key);
    if (!key) return unknown(given);
    if (auto done = assign(key->slot(out_.config), given.value); !done) {
      return error(given, fmt::format("unusable value for {}\n{}", given.key, done.error().expected),
                   done.error().hint);
    }
    if (given.key != kProperties) out_.origins[given.key] = given.place;
    for (const auto& [name, value] : given.value.entries) {
      out_.origins[fmt::format("{}.{}", given.key, name)] =
          value.line > 0 ? place_of_line(given.place, value.line) : given.place;
    }
  }

  // Once all sources have spoken: a view may measure event types that another source declares.
  void finish() {
    for (const auto& [name, given] : declared_[std::string(kViews)])
      for (const ViewFault& fault : faults_of_view(out_.config, name)) {
        Given at = given;
        if (const int line = line_of(given.value, fault); line > 0) at.place = place_of_line(given.place, line);
        error(at, fmt::format("unusable view {}\n{}", name, fault.text), {});
      }
    for (const auto& [name, given] : declared_[std::string(kWebhooks)])
      for (const std::string& fault : faults_of_webhook(out_.config, name))
        error(given, fmt::format("unusable webhook {}\n{}", name, fault), {});
  }

  void error(const Given& given, std::string message, std::string hint) {
    // A flag's place is the command line itself, which the reader has before his eyes: its name is enough.
    const std::string where =
        given.code == ErrorCode::usage ? given.place : fmt::format("{} {}", given.place, given.key);
    out_.errors.push_back({given.code, std::move(message), std::move(hint), where});
  }

 private:
  // A list of tables, each taken by `take`; `taken` gets what declared each last, without those that were left out.
  void take_tables(const Given& given, TakenTable (*take_one)(const RawValue&, Config&), const char* what) {
    if (given.value.kind != RawValue::Kind::list)
      return error(given,
                   fmt::format("unusable value for {}\nexpected tables [[{}]], got {}", given.key, given.key,
                               shown(given.value)),
                   fmt::format("{}s are declared in a file; `pactolus config show` prints those that there are", what));
    std::set<std::string> here;
    for (const RawValue& item : given.value.items) {
      Given one{given.key, item, item.line > 0 ? place_of_line(given.place, item.line) : given.place, given.code};
      if (item.kind != RawValue::Kind::table) {
        error(one,
              fmt::format("unusable value for {}\nexpected a table, as [[{}]] begins one, got {}", given.key, given.key,
                          shown(item)),
              {});
        continue;
      }
      auto taken = take_one(item, out_.config);
      for (const EntryMistake& mistake : taken.mistakes) {
        Given at = one;
        if (mistake.line > 0) at.place = place_of_line(given.place, mistake.line);
        error(at, fmt::format("unusable value for {}.{}\n{}", given.key, mistake.entry, mistake.mismatch.expected),
              mistake.mismatch.hint);
      }
      if (!taken.mistakes.empty()) continue;
      if (!here.insert(taken.name).second)
        error(one, fmt::format("the {} {} is declared twice in this file", what, taken.name), {});
      out_.origins[fmt::format("{}.{}", given.key, taken.name)] = one.place;
      auto& declared = declared_[given.key];
      if (taken.left_out)
        declared.erase(taken.name);
      else
        declared[taken.name] = std::move(one);
    }
  }

  // 0 when it has none of its own: the entry does not stand there.
  static int line_of(const RawValue& view, const ViewFault& fault) {
    for (const auto& [name, value] : view.entries)
      if (name == fault.entry) return fault.item < value.items.size() ? value.items[fault.item].line : value.line;
    return 0;
  }

  static std::string place_of_line(const std::string& place, int line) {
    return fmt::format("{}:{}", place.substr(0, place.rfind(':')), line);
  }

  // True when there was one. Looks into tables, since a secret may sit in a section that is not known yet.
  bool refuse_secrets(const Given& given) {
    bool found = false;
    for (const auto& [name, line] : secret_names(given.key, given.value)) {
      found = true;
      Given at = given;
      at.key = name;
      if (line > 0) at.place = place_of_line(given.place, line);
      std::string named = fmt::format("{}_file", name.substr(name.rfind('.') + 1));
      if (name.starts_with(kProperties))
        named = fmt::format("{}_file", name.substr(kProperties.size() + 1));
      else if (const auto meant = closest_word(name, config_key_names()); meant && meant->ends_with("_file"))
        named = meant->substr(meant->rfind('.') + 1);
      error(at, fmt::format("{} looks like a secret, and secrets are kept in files of their own", name),
            fmt::format(
                "put it alone into a file that only you can read, and name that file: \"{}\" = \"/etc/pactolus/…\"",
                named));
    }
    return found;
  }

  // With their lines, 0 when there are none.
  static std::vector<std::pair<std::string, int>> secret_names(const std::string& name, const RawValue& value) {
    std::vector<std::pair<std::string, int>> out;
    if (value.kind == RawValue::Kind::table || value.kind == RawValue::Kind::list) {
      for (const auto& [inner, item] : value.entries) {
        for (auto& found : secret_names(fmt::format("{}.{}", name, inner), item)) out.push_back(std::move(found));
      }
      for (const RawValue& item : value.items) {
        for (auto& found : secret_names(name, item)) out.push_back(std::move(found));
      }
      return out;
    }
    // The section's own name does not make a secret of what stands in it.
    const std::string_view own = name.starts_with(kProperties) ? std::string_view(name).substr(kProperties.size())
                                                               : std::string_view(name).substr(name.rfind('.') + 1);
    if (looks_secret(own)) out.emplace_back(name, value.line);
    return out;
  }

  void unknown(const Given& given) {
    if (belongs_to_later_release(given.key)) {
      // One error for a section, not one for each of its lines.
      const std::string section = given.key.substr(0, given.key.find('.'));
      if (!later_reported_.insert(fmt::format("{} {}", section, given.place.substr(0, given.place.rfind(':')))).second)
        return;
      return error(given, fmt::format("{} comes with a later release, this one does not have it yet", given.key),
                   "take it out; nothing else depends on it");
    }
    for (const std::string_view list : {kViews, kAlertRules, kWebhooks})
      if (given.key.starts_with(fmt::format("{}.", list)))
        return error(given, fmt::format("{} is a list of tables", list), fmt::format("each begins with [[{}]]", list));
    std::vector<std::string_view> names = config_key_names();
    names.insert(names.end(), {kViews, kAlertRules, kWebhooks});
    for (const std::string_view name : names) {
      if (!name.starts_with(given.key + ".")) continue;
      if (given.value.kind == RawValue::Kind::table) return;  // an empty section
      return error(given, fmt::format("{} is a section, not a key", given.key),
                   fmt::format("its keys stand below [{}], such as {}", given.key, name));
    }
    std::string guess = did_you_mean(given.key, names);
    if (guess.empty()) guess = same_last_word(given.key, names);
    error(given, fmt::format("unknown key {}{}", given.key, guess),
          guess.empty() ? "`pactolus config show` lists all keys" : "");
  }

  // "horizon" at the top, or under the wrong section: the key is right, its place is not.
  static std::string same_last_word(std::string_view typed, const std::vector<std::string_view>& names) {
    const std::string_view word = typed.substr(typed.rfind('.') + 1);
    std::vector<std::string_view> words;
    for (const std::string_view name : names) words.push_back(name.substr(name.rfind('.') + 1));
    const auto near = closest_word(word, words);
    if (!near) return "";
    const size_t i = size_t(std::find(words.begin(), words.end(), *near) - words.begin());
    return fmt::format("; did you mean \"{}\"?", names[i]);
  }

  LoadedConfig& out_;
  std::set<std::string> later_reported_;
  std::map<std::string, std::map<std::string, Given>> declared_;  // tables of a list by name: what declared each last
};

void take_file(const fs::path& path, LoadedConfig& out, Loading& loading) {
  const std::string name = path.lexically_normal().string();
  auto text = read_file(path);
  if (!text) {
    out.errors.push_back(
        {ErrorCode::bad_config, fmt::format("cannot read the configuration\n{}", text.error().message), {}, name});
    return;
  }
  out.files.push_back(name);
  TomlFile file = take_toml_apart(*text, name);
  for (Error& error : file.errors) out.errors.push_back(std::move(error));
  for (TomlEntry& entry : file.entries) {
    loading.take({std::move(entry.key), std::move(entry.value), fmt::format("{}:{}", name, entry.value.line)});
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return out;
}

// "RUN__COMMIT_INTERVAL" as "run.commit_interval".
std::string key_of_environment(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "__") {
      out += '.';
      ++i;
    } else {
      out += lower(name.substr(i, 1));
    }
  }
  return out;
}

// Sorted, so that errors do not come in the order in which a shell happens to export.
void take_environment(std::vector<std::string> environment, Loading& loading) {
  std::sort(environment.begin(), environment.end());
  const std::vector<std::string_view> names = config_key_names();
  std::vector<std::string_view> top_level = {"config"};
  for (const std::string_view name : names) {
    if (name.find('.') == std::string_view::npos) top_level.push_back(name);
  }
  for (const std::string& variable : environment) {
    const size_t equals = variable.find('=');
    if (!variable.starts_with(kEnvironmentPrefix) || equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    std::string_view rest = std::string_view(name).substr(kEnvironmentPrefix.size());
    const std::string place = fmt::format("environment {}", name);
    const RawValue value = RawValue::untyped(std::string_view(variable).substr(equals + 1));
    if (!rest.starts_with('_')) {
      // Names with one underscore also serve other ends (faults in tests, containers); what resembles no key is theirs.
      const std::string key = lower(rest);
      if (key == "config") continue;
      if (find_config_key(key)) {
        loading.take({key, value, place});
      } else if (const auto meant = closest_word(key, top_level)) {
        std::string upper(*meant);
        for (char& c : upper) c = char(c & ~0x20);
        loading.error({key, value, place},
                      fmt::format("unknown variable {}; did you mean \"PACTOLUS_{}\"?", name, upper), {});
      }
      continue;
    }
    rest.remove_prefix(1);
    if (rest.starts_with(kPropertiesPrefix)) {
      std::string property = lower(rest.substr(kPropertiesPrefix.size()));
      const bool names_file = property.ends_with("_file");
      if (names_file) property.resize(property.size() - 5);
      std::replace(property.begin(), property.end(), '_', '.');
      RawValue table{RawValue::Kind::table, {}, {}, {}, 0};
      table.entries.emplace_back(property + (names_file ? "_file" : ""), value);
      loading.take({std::string(kProperties), std::move(table), place});
      continue;
    }
    loading.take({key_of_environment(rest), value, place});
  }
}

std::optional<std::string> variable_in(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& variable : environment) {
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
      std::string value = variable.substr(name.size() + 1);
      if (!value.empty()) return value;
    }
  }
  return std::nullopt;
}

std::optional<fs::path> user_file(const std::vector<std::string>& environment) {
  if (const auto folder = variable_in(environment, "XDG_CONFIG_HOME"))
    return fs::path(*folder) / "pactolus" / "config.toml";
  if (const auto home = variable_in(environment, "HOME"))
    return fs::path(*home) / ".config" / "pactolus" / "config.toml";
  return std::nullopt;
}

// There, or there and not to be seen: both are tried to be read, so that a file without permission is an error.
bool may_exist(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return status.type() != fs::file_type::not_found;
}

}  // namespace

ConfigSources ConfigSources::of_process() {
  ConfigSources out;
  for (char** variable = environ; variable && *variable; ++variable) out.environment.emplace_back(*variable);
  return out;
}

LoadedConfig load_config(const ConfigSources& sources) {
  LoadedConfig out;
  Loading loading(out);
  if (const auto path = user_file(sources.environment); path && may_exist(*path)) take_file(*path, out, loading);

  const auto named = sources.config_flag ? sources.config_flag : variable_in(sources.environment, "PACTOLUS_CONFIG");
  const fs::path project = named ? fs::path(*named) : sources.folder / "pactolus.toml";
  if (named || may_exist(project)) {
    out.project_file = project.lexically_normal().string();
    take_file(project, out, loading);
  }

  take_environment(sources.environment, loading);
  for (const ConfigSources::Flag& flag : sources.flags) {
    loading.take({flag.key, RawValue::untyped(flag.value), fmt::format("flag {}", flag.flag), ErrorCode::usage});
  }
  loading.finish();
  return out;
}

std::string config_template() {
  std::string out =
      "# Configuration of Pactolus. Every key stands here with its default, switched off by \"#\".\n"
      "# Stronger than this file: flags, and the environment (PACTOLUS_LAKE, PACTOLUS__RUN__COMMIT_INTERVAL).\n"
      "# `pactolus config check` finds mistakes, `pactolus config show` tells what holds and where it came from.\n"
      "# Durations are texts such as \"1s\", \"5m\", \"24h\"; sizes are texts such as \"64MiB\". Secrets never stand "
      "here.\n"
      "# A top-level key stands above the first section.\n\n";
  const Config defaults;
  std::string_view section;
  for (const ConfigKey& key : config_keys()) {
    if (is_table_key(key.name)) {
      out += fmt::format("\n# [{}]  # {}\n# \"socket.timeout.ms\" = 60000\n", key.name, key.summary);
      continue;
    }
    const size_t dot = key.name.find('.');
    const std::string_view own = dot == std::string_view::npos ? std::string_view() : key.name.substr(0, dot);
    if (own != section) out += fmt::format("\n[{}]\n", section = own);
    const std::string_view last = key.name.substr(dot == std::string_view::npos ? 0 : dot + 1);
    out += fmt::format("{:<34}# {}\n", fmt::format("# {} = {}", last, toml_value(key, defaults)), key.summary);
  }
  out +=
      "\n# A view of your own, as a table gold/<name>; `pactolus config show` prints the built-in ones in the same "
      "words.\n";
  for (const std::string& line : view_lines(
           {"device_hours",
            {EventColumn::device_type},
            {kMicrosPerHour, kMicrosPerHour},
            {parse_measure("count(view) as views").value(), parse_measure("distinct(user_id) as visitors").value()}}))
    out += fmt::format("# {}\n", line);
  out += "\n# Rules of alerts: the built-in ones by other numbers, or one more; enabled = false leaves one out.\n";
  Config example;
  example.alerts.rules.push_back(
      {"left_in_the_cart", AlertCondition::parse("carts >= 50 and conversion_high < 0.02").value()});
  for (const auto& [name, lines] : alert_lines(example))
    for (const std::string& line : lines) out += fmt::format("# {}\n", line);
  out += "\n# Where each transition of an alert is posted.\n";
  Config::Webhook webhook;
  webhook.name = "shop", webhook.url = "https://hooks.example.org/pactolus";
  webhook.secret_file = "/etc/pactolus/webhook.secret";
  for (const std::string& line : webhook_lines(webhook)) out += fmt::format("# {}\n", line);
  return out;
}

}  // namespace pactolus
