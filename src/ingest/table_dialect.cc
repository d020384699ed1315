#include "ingest/table_dialect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

constexpr std::string_view kNativeFields[] = {
    "event_id",    "user_id",  "product_id", "event_type", "timestamp", "session_id", "product_category",
    "device_type", "page_url", "referrer",   "price",      "quantity",  "currency",   "order_id",
};

// Most texts have nothing to escape, and are then copied whole.
void append_text(std::string& out, std::string_view text) {
  const bool plain = std::ranges::none_of(text, [](char c) { return c == '"' || c == '\\' || uint8_t(c) < 0x20; });
  if (!plain) return append_json_string(out, text);
  out.push_back('"');
  out.append(text);
  out.push_back('"');
}

class TableDialect final : public Dialect {
 public:
  explicit TableDialect(const TableMapping& mapping) : mapping_(mapping) {}
  std::string_view name() const override { return mapping_.name; }
  int version() const override { return mapping_.version; }
  Format format() const override { return mapping_.format; }

  Result<> bind(const std::vector<std::string>& columns) override {
    std::vector<std::string_view> missing;
    const auto prefix = [](std::string_view field) {
      std::string text = ",";
      append_json_string(text, field);
      return text + ":";
    };
    for (const DialectColumn& c : mapping_.columns) {
      const auto at = std::ranges::find(columns, c.column);
      if (at == columns.end()) missing.push_back(c.column);
      fields_.push_back({size_t(at - columns.begin()), c.kind, prefix(c.field)});
    }
    if (!missing.empty())
      return fail(ErrorCode::invalid,
                  fmt::format("the file has not the columns of dialect {}: {} missing\nexpected {}, got {}",
                              mapping_.name, fmt::join(missing, ", "), fmt::join(wanted(), ","),
                              shortened(fmt::format("{}", fmt::join(columns, ",")))),
                  "--dialect says what the columns mean; the first row of the file must name them");
    identity_columns_ = fields_.size();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (std::ranges::any_of(mapping_.columns, [&](const DialectColumn& c) { return c.column == columns[i]; }))
        continue;
      const bool taken =
          std::ranges::find(kNativeFields, columns[i]) != std::end(kNativeFields) ||
          std::ranges::any_of(mapping_.columns, [&](const DialectColumn& c) { return c.field == columns[i]; });
      fields_.push_back(
          {i, ColumnKind::text, prefix(taken ? fmt::format("{}_{}", mapping_.name, columns[i]) : columns[i])});
    }
    return {};
  }

  void map(const InputRow& row, MappedRow& out) override {
    if (!row.problem.empty()) {
      out = {{}, row.bytes, kNoTime, false};
      return;
    }
    out = {{}, {}, kNoTime, true};
    canonical_.clear();
    for (size_t i = 0; i < identity_columns_; ++i) {
      if (i) canonical_.push_back('\x1f');
      canonical_.append(row.fields[fields_[i].column]);
    }
    json_.assign("{\"event_id\":\"").append(mapping_.name).append(":").append(hash128_hex(canonical_)).append("\"");
    for (const Field& f : fields_) {
      const std::string_view text = row.fields[f.column];
      if (text.empty()) continue;
      json_ += f.prefix;
      switch (f.kind) {
        case ColumnKind::user: out.key = text; [[fallthrough]];
        case ColumnKind::text: append_text(json_, text); break;
        case ColumnKind::event_type: {
          const auto word = std::ranges::find(mapping_.event_types, text, &DialectWord::theirs);
          append_text(json_, word == mapping_.event_types.end() ? text : word->ours);
          break;
        }
        case ColumnKind::time:
          if (const auto time = parse_iso_time(text)) {
            char iso[27];
            out.event_time_us = *time;
            append_text(json_, {iso, size_t(write_iso_time(*time, iso) - iso)});
          } else {
            append_text(json_, text);
          }
          break;
      }
    }
    json_.push_back('}');
    out.value = json_;
  }

 private:
  struct Field {
    size_t column;
    ColumnKind kind;
    std::string prefix;  // ,"name":
  };
  std::vector<std::string_view> wanted() const {
    std::vector<std::string_view> names;
    for (const DialectColumn& c : mapping_.columns) names.push_back(c.column);
    return names;
  }
  static std::string shortened(std::string text) {
    if (text.size() > 120) text = text.substr(0, 117) + "...";
    return text;
  }

  TableMapping mapping_;
  std::vector<Field> fields_;  // those of the identity first
  size_t identity_columns_ = 0;
  std::string canonical_, json_;
};

}  // namespace

std::unique_ptr<Dialect> make_table_dialect(const TableMapping& mapping) {
  return std::make_unique<TableDialect>(mapping);
}

}  // namespace pactolus
