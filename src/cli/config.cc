// `pactolus config show` and `pactolus config check [FILE]`.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/config_alerts.h"
#include "cli/config_keys.h"
#include "cli/config_views.h"
#include "cli/config_webhooks.h"

namespace pactolus {
namespace {

std::string origin_of(const LoadedConfig& loaded, const std::string& key) {
  const auto found = loaded.origins.find(key);
  return found == loaded.origins.end() ? "default" : found->second;
}

// What holds, as a file that would say the same, with the source of each value behind it.
class ConfigShow final : public Command {
  CommandInfo info() const override {
    return {"config show", Group::setup, "what holds, and where each value came from", "pactolus config show",
            ConfigUse::needed};
  }

  void declare(Flags&) override {}

  Result<int> run(Session& session) override {
    if (session.globals.json)
      session.out << json(session).dump() << "\n";
    else
      session.out << toml(session);
    return kExitOk;
  }

  static std::string toml(const Session& session) {
    struct Line {
      std::string text, origin;
    };
    std::vector<Line> lines;
    std::string section;
    for (const ConfigKey& key : config_keys()) {
      const size_t dot = key.name.find('.');
      const std::string own(dot == std::string_view::npos ? std::string_view() : key.name.substr(0, dot));
      if (own != section) {
        section = own;
        lines.push_back({"", ""});
        lines.push_back({fmt::format("[{}]", section), ""});
      }
      if (is_table_key(key.name)) {
        const auto& properties = session.config.kafka.properties;
        if (!properties.empty()) lines.push_back({fmt::format("[{}]", key.name), ""});
        for (const auto& [name, value] : properties) {
          lines.push_back({fmt::format("{} = {}", toml_key(name), toml_quoted(value)),
                           origin_of(session.loaded, fmt::format("{}.{}", key.name, name))});
        }
        continue;
      }
      lines.push_back({fmt::format("{} = {}", key.name.substr(dot == std::string_view::npos ? 0 : dot + 1),
                                   toml_value(key, session.config)),
                       origin_of(session.loaded, std::string(key.name))});
    }
    for (auto& [name, texts] : declared_tables(session.config)) {
      lines.push_back({"", ""});
      for (std::string& text : texts) lines.push_back({std::move(text), ""});
      lines[lines.size() - texts.size()].origin = origin_of(session.loaded, name);
    }
    int width = 0;
    for (const Line& line : lines) width = std::max(width, std::min(48, visible_width(line.text)));
    std::string out;
    for (const Line& line : lines) {
      out +=
          line.origin.empty() ? line.text + "\n" : fmt::format("{}  # {}\n", pad_right(line.text, width), line.origin);
    }
    return out;
  }

  // Views, rules and webhooks: "gold.view.sessions" and its lines.
  static std::vector<std::pair<std::string, std::vector<std::string>>> declared_tables(const Config& config) {
    std::vector<std::pair<std::string, std::vector<std::string>>> out;
    for (const ViewDeclaration& view : config.gold.views)
      out.emplace_back(fmt::format("{}.{}", kViews, view.name), view_lines(view));
    for (auto& [name, lines] : alert_lines(config))
      out.emplace_back(fmt::format("{}.{}", kAlertRules, name), std::move(lines));
    for (const Config::Webhook& webhook : config.webhooks)
      out.emplace_back(fmt::format("{}.{}", kWebhooks, webhook.name), webhook_lines(webhook));
    return out;
  }

  static Json json(const Session& session) {
    Json values = Json::object();
    for (const ConfigKey& key : config_keys()) {
      if (is_table_key(key.name)) {
        for (const auto& [name, value] : session.config.kafka.properties) {
          const std::string full = fmt::format("{}.{}", key.name, name);
          values.set(full, entry(value, origin_of(session.loaded, full)));
        }
        continue;
      }
      values.set(std::string(key.name),
                 entry(plain_value(key, session.config), origin_of(session.loaded, std::string(key.name))));
    }
    for (const auto& [name, texts] : declared_tables(session.config))
      values.set(name, entry(fmt::format("{}", fmt::join(texts, "\n")), origin_of(session.loaded, name)));
    Json files = Json::array();
    for (const std::string& file : session.loaded.files) files.push(file);
    Json out = Json::object();
    out.set("files", std::move(files)).set("values", std::move(values));
    return out;
  }

  static Json entry(const std::string& value, const std::string& origin) {
    Json out = Json::object();
    out.set("value", value).set("origin", origin);
    return out;
  }
};

class ConfigCheck final : public Command {
  CommandInfo info() const override {
    return {"config check", Group::setup, "find all mistakes in the configuration",
            "pactolus config check pactolus.toml", ConfigUse::tolerated};
  }

  void declare(Flags& flags) override {
    flags.argument("FILE", &file_, "instead of the project file", false, Complete::files);
  }

  Result<int> run(Session& session) override {
    ConfigSources sources = session.sources;
    if (!file_.empty()) sources.config_flag = file_;
    LoadedConfig loaded = load_config(sources);
    if (loaded.errors.empty()) loaded.errors = unreadable_files(loaded);
    if (session.globals.json) session.out << json(loaded).dump() << "\n";
    if (loaded.errors.empty()) {
      const std::string files = fmt::format("{}", fmt::join(loaded.files, ", "));
      session.say(files.empty() ? "no configuration file here: the defaults hold"
                                : fmt::format("{}: no mistakes", files));
      return kExitOk;
    }
    print_errors(loaded.errors, session.message_terminal.colour);
    return kExitBadConfig;
  }

  // Only `run` reads them: that one is missing is a mistake here alone.
  static std::vector<Error> unreadable_files(const LoadedConfig& loaded) {
    const Config& config = loaded.config;
    std::vector<Error> out;
    const auto check = [&](const std::string& key, const std::string& path) {
      const auto origin = loaded.origins.find(key);
      if (const auto read = path.empty() ? Result<std::string>() : read_file(path); !read)
        out.push_back({ErrorCode::bad_config, fmt::format("{}: {}", key, read.error().message), "",
                       origin == loaded.origins.end() ? "" : origin->second});
    };
    for (const auto& [name, value] : config.kafka.properties)
      if (name.ends_with("_file")) check("kafka.properties." + name, value);
    check("postgres.password_file", config.postgres.password_file);
    for (const Config::Webhook& w : config.webhooks) {
      check(fmt::format("url_file of the webhook {}", w.name), w.url_file);
      check(fmt::format("secret_file of the webhook {}", w.name), w.secret_file);
      check(fmt::format("ca_file of the webhook {}", w.name), w.ca_file);
    }
    return out;
  }

  static Json json(const LoadedConfig& loaded) {
    Json errors = Json::array(), files = Json::array();
    for (const Error& error : loaded.errors) {
      const MessageParts parts = parts_of(error.message);
      Json one = Json::object();
      one.set("error", parts.what).set("where", error.where).set("detail", parts.detail).set("hint", error.hint);
      errors.push(std::move(one));
    }
    for (const std::string& file : loaded.files) files.push(file);
    Json out = Json::object();
    out.set("ok", loaded.errors.empty()).set("files", std::move(files)).set("errors", std::move(errors));
    return out;
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_config_show() { return std::make_unique<ConfigShow>(); }
std::unique_ptr<Command> make_config_check() { return std::make_unique<ConfigCheck>(); }

}  // namespace pactolus
