#include "cli/config_toml.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

// The only place that sees toml++: it is large, and here it compiles without exceptions.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace pactolus {
namespace {

// The characters of the text between two positions of toml++, which count lines and code points from 1.
class SourceText {
 public:
  explicit SourceText(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  std::string_view line(uint32_t number) const { return between({{number, 1}, {number + 1, 1}}); }
  std::string_view between(const toml::source_region& region) const {
    const size_t begin = position(region.begin), end = position(region.end);
    return begin < end ? text_.substr(begin, end - begin) : std::string_view();
  }

 private:
  size_t position(const toml::source_position& at) const {
    if (at.line == 0 || at.line > starts_.size()) return text_.size();
    size_t i = starts_[at.line - 1];
    for (uint32_t column = 1; column < at.column && i < text_.size(); ++column) {
      ++i;
      while (i < text_.size() && (static_cast<unsigned char>(text_[i]) & 0xC0) == 0x80) ++i;
    }
    return std::min(i, text_.size());
  }
  std::string_view text_;
  std::vector<size_t> starts_;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\n'))
    text.remove_suffix(1);
  return text;
}

class Walk {
 public:
  explicit Walk(std::string_view text) : source_(text) {}

  void table(const toml::table& table, const std::string& prefix, std::vector<TomlEntry>& out) const {
    for (const auto& [key, node] : table) {
      const std::string name = prefix.empty() ? toml_key(key.str()) : fmt::format("{}.{}", prefix, toml_key(key.str()));
      const auto* inner = node.as_table();
      if (inner && !inner->empty() && !is_table_key(name)) {
        this->table(*inner, name, out);
        continue;
      }
      // An empty section says nothing, whatever its name will be; only unknown ones are worth a word.
      RawValue raw = value(node);
      raw.line = int(key.source().begin.line);
      out.push_back({name, std::move(raw)});
    }
  }

 private:
  RawValue value(const toml::node& node) const {
    RawValue out;
    out.line = int(node.source().begin.line);
    if (const auto* text = node.as_string()) {
      out.kind = RawValue::Kind::text;
      out.text = text->get();
    } else if (const auto* list = node.as_array()) {
      out.kind = RawValue::Kind::list;
      for (const toml::node& item : *list) out.items.push_back(value(item));
    } else if (const auto* inner = node.as_table()) {
      out.kind = RawValue::Kind::table;
      for (const auto& [key, item] : *inner) add_entries(std::string(key.str()), item, out);
    } else {
      out.kind = node.is_number() ? RawValue::Kind::number : RawValue::Kind::other;
      out.text = std::string(trimmed(source_.between(node.source())));
    }
    return out;
  }

  // `socket.timeout.ms = 5000` is three tables to TOML, and one name to whoever wrote it.
  void add_entries(const std::string& name, const toml::node& node, RawValue& out) const {
    const auto* inner = node.as_table();
    if (!inner) return void(out.entries.emplace_back(name, value(node)));
    for (const auto& [key, item] : *inner) add_entries(fmt::format("{}.{}", name, key.str()), item, out);
  }

  SourceText source_;
};

}  // namespace

TomlFile take_toml_apart(std::string_view text, const std::string& name) {
  TomlFile out;
  const toml::parse_result parsed = toml::parse(text, std::string_view(name));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const bool is_of_value = SourceText(text).line(error.source().begin.line).find('=') != std::string_view::npos;
    out.errors.push_back({ErrorCode::bad_config, fmt::format("{} is no TOML\n{}", name, error.description()),
                          is_of_value ? "texts and durations need quotes, as in commit_interval = \"1s\"" : "",
                          fmt::format("{}:{}", name, error.source().begin.line)});
    return out;
  }
  Walk(text).table(parsed.table(), "", out.entries);
  // toml++ keeps tables sorted by name; people read errors from the top of the file.
  std::sort(out.entries.begin(), out.entries.end(), [](const TomlEntry& a, const TomlEntry& b) {
    return std::tie(a.value.line, a.key) < std::tie(b.value.line, b.key);
  });
  return out;
}

}  // namespace pactolus
