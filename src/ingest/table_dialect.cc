#include "ingest/table_dialect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"
#include "event/json_syntax.h"

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

void append_number(std::string& out, std::string_view text) {
  if (!is_json_number(text)) return append_text(out, text);
  out += text;
}

// "13085.0" is what becomes of 13085 in a column of floats.
std::string_view without_zero_fraction(std::string_view text) {
  const size_t point = text.find('.');
  if (point == 0 || point == std::string_view::npos || point + 1 == text.size()) return text;
  const bool whole =
      text.find_first_not_of("0123456789") == point && text.find_first_not_of('0', point + 1) == std::string_view::npos;
  return whole ? text.substr(0, point) : text;
}

class TableDialect final : public Dialect {
 public:
  explicit TableDialect(const TableMapping& mapping) : mapping_(mapping) {}
  std::string_view name() const override { return mapping_.name; }
  int version() const override { return mapping_.version; }
  bool takes(Format format) const override { return format == Format::csv || format == Format::parquet; }

  Result<> bind(const std::vector<std::string>& columns) override {
    std::vector<std::string_view> missing;
    const auto index_of = [&](std::string_view column) {
      return size_t(std::ranges::find(columns, column) - columns.begin());
    };
    const auto prefix = [](std::string_view field) {
      std::string text = ",";
      append_json_string(text, field);
      return text + ":";
    };
    for (const DialectColumn& c : mapping_.columns) {
      const size_t at = index_of(c.column);
      if (at == columns.size() && c.required) missing.push_back(c.column);
      if (at < columns.size()) fields_.push_back({at, c.kind, prefix(c.field)});
    }
    if (!missing.empty())
      return fail(
          ErrorCode::invalid,
          fmt::format("the file has not the columns of dialect {}: {} missing\nexpected {}, got {}", mapping_.name,
                      fmt::join(missing, ", "), fmt::join(wanted(), ", "), shortened(quoted(columns))),
          "--dialect says what the columns mean; their names stand in the first row of a CSV file, and are compared "
          "letter by letter");
    identity_columns_ = fields_.size();
    if (!mapping_.guest_of.empty()) guest_column_ = index_of(mapping_.guest_of);
    if (!mapping_.cancelled_by.theirs.empty()) cancel_column_ = index_of(mapping_.cancelled_by.theirs);
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
    json_ = "{";
    if (!mapping_.own_ids) append_identity(row);
    for (const Field& f : fields_) {
      const std::string_view text = value_of(row, f);
      if (!text.empty())
        append_field(f, text, row, out);
      else if (f.kind == ColumnKind::user_number && guest_column_)
        append_guest(f, row.fields[*guest_column_], out);
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

  static std::string_view value_of(const InputRow& row, const Field& f) {
    const std::string_view text = row.fields[f.column];
    return f.kind == ColumnKind::user_number ? without_zero_fraction(text) : text;
  }
  void append_identity(const InputRow& row) {
    canonical_.clear();
    for (size_t i = 0; i < identity_columns_; ++i) {
      if (i) canonical_.push_back('\x1f');
      canonical_.append(value_of(row, fields_[i]));
    }
    json_.append("\"event_id\":\"").append(mapping_.name).append(":").append(hash128_hex(canonical_)).append("\"");
  }
  void append_prefix(std::string_view prefix) {
    json_ += json_.size() == 1 ? prefix.substr(1) : prefix;  // no comma before the first
  }
  void append_guest(const Field& user, std::string_view of, MappedRow& out) {
    if (of.empty()) return;
    guest_.assign("guest:").append(of);
    out.key = guest_;
    append_prefix(user.prefix);
    append_text(json_, guest_);
  }
  void append_field(const Field& f, std::string_view text, const InputRow& row, MappedRow& out) {
    append_prefix(f.prefix);
    switch (f.kind) {
      case ColumnKind::user:
      case ColumnKind::user_number: out.key = text; [[fallthrough]];
      case ColumnKind::text: append_text(json_, text); break;
      case ColumnKind::number: append_number(json_, text); break;
      case ColumnKind::event_type: {
        const auto word = std::ranges::find(mapping_.event_types, text, &DialectWord::theirs);
        append_text(json_, word == mapping_.event_types.end() ? text : word->ours);
        break;
      }
      case ColumnKind::signed_quantity: {
        const bool below_zero = text.starts_with('-');
        const bool refund =
            below_zero || (cancel_column_ && row.fields[*cancel_column_].starts_with(mapping_.cancelled_by.ours));
        append_number(json_, below_zero ? text.substr(1) : text);
        json_ += refund ? ",\"event_type\":\"refund\"" : ",\"event_type\":\"purchase\"";
        break;
      }
      case ColumnKind::time_or_epoch:
        if (is_json_number(text)) {
          json_ += text;
          out.event_time_us = parse_epoch(text).value_or(kNoTime);
          break;
        }
        [[fallthrough]];
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
  std::vector<std::string_view> wanted() const {
    std::vector<std::string_view> names;
    for (const DialectColumn& c : mapping_.columns)
      if (c.required) names.push_back(c.column);
    return names;
  }
  // Names in quotes where a space may be the fault.
  static std::string quoted(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
      const bool odd = name.empty() || name.front() == ' ' || name.back() == ' ';
      out += fmt::format("{}{}", out.empty() ? "" : ", ", odd ? '"' + name + '"' : name);
    }
    return out;
  }
  static std::string shortened(std::string text) {
    if (text.size() > 120) text = text.substr(0, 117) + "...";
    return text;
  }

  TableMapping mapping_;
  std::vector<Field> fields_;  // those of the identity first
  size_t identity_columns_ = 0;
  std::optional<size_t> guest_column_, cancel_column_;
  std::string canonical_, json_, guest_;
};

}  // namespace

std::unique_ptr<Dialect> make_table_dialect(const TableMapping& mapping) {
  return std::make_unique<TableDialect>(mapping);
}

}  // namespace pactolus
