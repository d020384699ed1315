#include "golden_result.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"
#include "golden_accounts.h"
#include "lake/parquet/parquet_file.h"
#include "runtime/lake_tables.h"
#include "runtime/ledger.h"
#include "runtime/silver_reader.h"

namespace pactolus::golden {
namespace {

// Of the case's day only the time; fractions without zeros at their end.
std::string time_text(int64_t t, int64_t date_us) {
  if (t == kNoTime) return "-";
  std::string out = iso_time(t).substr(floor_to(t, kMicrosPerDay) == date_us ? 11 : 0);
  out.pop_back();  // Z
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string word(std::string_view text) {
  if (text.empty()) return "\"\"";
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return uint8_t(c) > 0x20 && uint8_t(c) < 0x7f && c != '"'; });
  if (plain) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (uint8_t(c) <= 0x20 || uint8_t(c) >= 0x7f)
      out += fmt::format("\\x{:02x}", uint8_t(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string money(__int128 v) {
  std::string out = money_text(v);
  while (out.ends_with('0') && out[out.size() - 3] != '.') out.pop_back();  // two places at least
  return out;
}

std::string counts(const CountByName& counts) {
  std::string out;
  for (const auto& [name, n] : counts) out += fmt::format("{}{}={}", out.empty() ? "" : ",", name, n);
  return out.empty() ? "-" : out;
}

std::string cell(const ColumnView& v, int64_t i, int64_t date_us) {
  if (v.is_null(i)) return "-";
  const std::string_view f = v.format();
  if (f == kFormatBool) return v.bool_at(i) ? "yes" : "no";
  if (f.starts_with("ts")) return time_text(v.int_at(i), date_us);
  if (f == kFormatDate) return date_text(int32_t(v.int_at(i)));
  if (f.starts_with("d:")) return money(v.decimal_at(i));
  if (f == kFormatDouble) return fmt::format("{:.6f}", v.double_at(i));
  if (f == "l" || f == "i" || f == "s" || f == "c") return std::to_string(v.int_at(i));
  if (f == "+m") {
    std::string out;
    const auto [first, last] = v.range_at(i);
    for (int64_t k = first; k < last; ++k)
      out += fmt::format("{}{}={}", out.empty() ? "" : ",", v.entries().child(0).text_at(k),
                         cell(v.entries().child(1), k, date_us));
    return out.empty() ? "-" : out;
  }
  return word(v.text_at(i));
}

Result<std::vector<Row>> rows_of(const fs::path& folder, int64_t date_us) {
  const auto snapshot = TRY(delta::Snapshot::load(folder));
  std::vector<Row> out;
  for (const auto& [path, file] : snapshot.files()) {
    const ColumnBatch batch = TRY(read_parquet(folder / path));
    const ColumnView v = ColumnView::of(batch);
    for (int64_t i = 0; i < v.length(); ++i) {
      Row& row = out.emplace_back();
      for (const auto& [name, value] : file.partition_values) row[name] = value.value_or("-");
      for (int64_t c = 0; c < v.children(); ++c) row[std::string(v.child(c).name())] = cell(v.child(c), i, date_us);
    }
  }
  return out;
}

// "0:3" of the live topic, "_ingest.a:3" of others.
std::string place(const Case& c, const std::string& topic, const std::string& partition, const std::string& offset) {
  return (topic == c.config.kafka.topic ? partition : topic) + ":" + offset;
}
std::string order_key(const Row& row) {
  const auto padded = [&](const char* name) {
    const auto v = row.find(name);
    return fmt::format("{:>20}", v == row.end() ? "" : v->second);
  };
  const bool history = is_history_topic(row.contains("topic") ? row.at("topic") : "");
  return padded("batch") + (history ? "1" : "0") + padded("topic") + padded("partition") + padded("offset");
}
void sort_rows(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return order_key(a) < order_key(b); });
}

void add_short_names(std::vector<Row>& rows, const std::vector<std::pair<const char*, const char*>>& names) {
  for (Row& row : rows)
    for (const auto& [name, column] : names)
      if (const auto v = row.find(column); v != row.end()) row[name] = v->second;
}

void account_rows(const Case& c, const std::vector<BatchAccount>& accounts, std::vector<Row>& ledger,
                  std::vector<Row>& batches) {
  const auto time = [&](int64_t t) { return time_text(t, c.date_us); };
  for (const BatchAccount& a : accounts) {
    const std::string batch = std::to_string(a.batch);
    batches.push_back({{"batch", batch},
                       {"time", time(a.batch_time)},
                       {"before", time(a.watermark_before)},
                       {"after", time(a.watermark_after)}});
    for (const SourceAccount& s : a.sources)
      ledger.push_back(
          {{"batch", batch},
           {"source", place(c, s.topic, std::to_string(s.partition), fmt::format("{}..{}", s.start, s.end))},
           {"topic", s.topic},
           {"partition", std::to_string(s.partition)},
           {"consumed", std::to_string(s.consumed)},
           {"skipped", counts(s.skipped)},
           {"silver", std::to_string(s.silver)},
           {"duplicates", std::to_string(s.duplicates)},
           {"conflicting", std::to_string(s.conflicting)},
           {"quarantined", counts(s.quarantined)},
           {"late", counts(s.late)},
           {"newest", time(s.max_event_time)},
           {"idle", s.idle ? "idle" : "-"}});
  }
}

const std::map<std::string, std::vector<std::string>> kUsual = {
    {"silver", {"batch", "at", "id"}},
    {"quarantine", {"batch", "at", "reason", "field"}},
    {"ledger", {"batch", "source", "silver", "duplicates", "quarantined", "late"}},
    {"batches", {"batch", "time", "before", "after"}},
    {"gold", {"product", "windows", "views", "carts", "purchases", "revenue"}},
};

// Windows that follow one another with the same values are one line: "09:51..10:00".
std::vector<std::string> shown_gold(const std::vector<Row>& rows, const std::vector<std::string>& columns) {
  struct Line {
    std::string before, after;  // cells around the windows
    std::string first, last;
    int64_t last_start;
  };
  std::vector<Line> lines;
  for (const Row& row : rows) {
    Line line;
    bool behind = false;
    for (const std::string& c : columns) {
      if (c == "windows")
        behind = true;
      else {
        const auto v = row.find(c);
        (behind ? line.after : line.before) += (v == row.end() ? "?" : v->second) + " ";
      }
    }
    line.first = line.last = row.at("windows");
    line.last_start = std::stoll(row.at("start_us"));
    if (!lines.empty() && lines.back().before == line.before && lines.back().after == line.after &&
        lines.back().last_start + kMicrosPerMinute == line.last_start) {
      lines.back().last = line.first;
      lines.back().last_start = line.last_start;
    } else {
      lines.push_back(line);
    }
  }
  std::vector<std::string> out;
  for (const Line& l : lines) {
    out.push_back(l.before + (l.first == l.last ? l.first : l.first + ".." + l.last) + " " + l.after);
    out.back().pop_back();
  }
  return out;
}

}  // namespace

std::string LakeResult::everything() const {
  std::string out;
  for (const auto& [table, rows] : tables) {
    out += "== " + table + "\n";
    for (const Row& row : rows) {
      for (const auto& [name, value] : row) out += name + "=" + value + " ";
      out += "\n";
    }
  }
  return out;
}

Result<LakeResult> read_result(const Case& c, const fs::path& folder) {
  const LakePaths lake{folder};
  LakeResult out;
  auto& silver = out.tables["silver"] = TRY(rows_of(lake.silver(), c.date_us));
  auto& quarantine = out.tables["quarantine"] = TRY(rows_of(lake.quarantine(), c.date_us));
  auto& gold = out.tables["gold"] = TRY(rows_of(lake.gold(kProductInterest), c.date_us));
  for (const std::string& name : gold_tables(lake)) {
    if (name == kProductInterest) continue;
    auto& rows = out.tables["gold/" + name] = TRY(rows_of(lake.gold(name), c.date_us));
    std::ranges::sort(rows);
  }
  const std::vector<BatchAccount> accounts =
      TRY(checked_accounts(lake, c.config.job, int64_t(silver.size()), int64_t(quarantine.size())));
  account_rows(c, accounts, out.tables["ledger"], out.tables["batches"]);

  add_short_names(silver, {{"batch", "batch_id"},
                           {"id", "event_id"},
                           {"type", "event_type"},
                           {"user", "user_id"},
                           {"product", "product_id"},
                           {"time", "event_timestamp"},
                           {"date", "event_date"},
                           {"category", "product_category"}});
  add_short_names(quarantine, {{"batch", "batch_id"}});
  add_short_names(
      gold,
      {{"batch", "batch_id"}, {"product", "product_id"}, {"other", "revenue_other"}, {"rate", "conversion_rate"}});
  for (auto* rows : {&silver, &quarantine})
    for (Row& row : *rows) row["at"] = place(c, row["topic"], row["partition"], row["offset"]);
  for (Row& row : gold) {
    const std::string& start = row["window_start"];
    row["windows"] = start.substr(0, start.size() - 3);  // without seconds, which are 00
    const auto t = parse_iso_time(
        start.find('T') == start.npos ? date_text(int32_t(floor_div(c.date_us, kMicrosPerDay))) + "T" + start : start);
    row["start_us"] = std::to_string(t.value_or(0));
  }
  sort_rows(silver);
  sort_rows(quarantine);
  std::sort(gold.begin(), gold.end(), [](const Row& a, const Row& b) {
    return a.at("product") != b.at("product") ? a.at("product") < b.at("product")
                                              : std::stoll(a.at("start_us")) < std::stoll(b.at("start_us"));
  });
  return out;
}

std::vector<std::string> shown(const LakeResult& result, const std::string& table,
                               const std::vector<std::string>& wanted) {
  const auto rows = result.tables.find(table);
  if (rows == result.tables.end()) return {"there is no table " + table};
  const auto usual = kUsual.find(table);
  const std::vector<std::string>& columns = wanted.empty() && usual != kUsual.end() ? usual->second : wanted;
  if (table == "gold") {
    std::vector<std::string> with_windows = columns;
    if (std::find(columns.begin(), columns.end(), "windows") == columns.end())
      with_windows.insert(with_windows.begin(), {"product", "windows"});
    return shown_gold(rows->second, with_windows);
  }
  std::vector<std::string> out;
  for (const Row& row : rows->second) {
    std::string line;
    for (const std::string& c : columns) {
      const auto v = row.find(c);
      line += (line.empty() ? "" : " ") + (v == row.end() ? "?" + c : v->second);
    }
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace pactolus::golden
