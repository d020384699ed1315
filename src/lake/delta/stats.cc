#include "lake/delta/stats.h"

#include "base/time_text.h"

namespace pactolus::delta {
namespace {

// The longest prefix of at most `bytes` that ends at a UTF-8 character's end.
std::string_view text_prefix(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

constexpr std::string_view kHighestCharacter = "\xF4\x8F\xBF\xBF";  // U+10FFFF

}  // namespace

void FileStats::add(std::string_view column, Json min, Json max, int64_t nulls) {
  min_.emplace_back(column, std::move(min));
  max_.emplace_back(column, std::move(max));
  add_nulls(column, nulls);
}
void FileStats::add_nulls(std::string_view column, int64_t nulls) { nulls_.emplace_back(column, Json(nulls)); }

void FileStats::add_number(std::string_view column, int64_t min, int64_t max, int64_t nulls) {
  add(column, Json(min), Json(max), nulls);
}
void FileStats::add_date(std::string_view column, int32_t min_days, int32_t max_days, int64_t nulls) {
  add(column, Json(date_text(min_days)), Json(date_text(max_days)), nulls);
}
void FileStats::add_timestamp(std::string_view column, int64_t min_us, int64_t max_us, int64_t nulls) {
  add(column, Json(iso_time_ms(min_us)), Json(iso_time_ms(max_us + 999)), nulls);
}
void FileStats::add_text(std::string_view column, std::string_view min, std::string_view max, int64_t nulls) {
  std::string high(text_prefix(max, kTextPrefix));
  if (max.substr(high.size()).starts_with(kHighestCharacter)) return add_nulls(column, nulls);  // nothing is above it
  if (high.size() < max.size()) high += kHighestCharacter;
  add(column, Json(text_prefix(min, kTextPrefix)), Json(std::move(high)), nulls);
}

std::string FileStats::json() const {
  return Json(Json::Object{{"numRecords", rows_}, {"minValues", min_}, {"maxValues", max_}, {"nullCount", nulls_}})
      .dump();
}

std::string merged_stats(std::span<const std::string_view> stats) {
  std::vector<Json> all;
  int64_t rows = 0;
  for (const std::string_view text : stats) {
    auto parsed = Json::parse(text);
    if (!parsed || !(*parsed)["numRecords"].is_int()) return "";
    rows += (*parsed)["numRecords"].as_int();
    all.push_back(std::move(*parsed));
  }
  if (all.empty()) return "";
  // Texts of one kind (dates, times, bounds of text) are ordered as their bytes; numbers are integers.
  const auto less = [](const Json& a, const Json& b) {
    return a.is_string() ? a.as_string() < b.as_string() : a.as_int() < b.as_int();
  };
  const auto bounds = [&](const char* kind, bool largest) {
    Json::Object out;
    for (const auto& [column, first] : all.front()[kind].as_object()) {
      const Json* best = &first;
      for (const Json& one : all) {
        const Json* value = one[kind].find(column);
        if (!value || value->is_string() != first.is_string() || (!value->is_string() && !value->is_int())) {
          best = nullptr;
          break;
        }
        if (largest ? less(*best, *value) : less(*value, *best)) best = value;
      }
      if (best) out.emplace_back(column, *best);
    }
    return out;
  };
  Json::Object nulls;
  for (const auto& [column, first] : all.front()["nullCount"].as_object()) {
    int64_t sum = 0;
    bool known = true;
    for (const Json& one : all) {
      const Json* value = one["nullCount"].find(column);
      known = known && value && value->is_int();
      if (known) sum += value->as_int();
    }
    if (known) nulls.emplace_back(column, Json(sum));
  }
  return Json(Json::Object{{"numRecords", Json(rows)},
                           {"minValues", Json(bounds("minValues", false))},
                           {"maxValues", Json(bounds("maxValues", true))},
                           {"nullCount", Json(std::move(nulls))}})
      .dump();
}

std::optional<int64_t> rows_of(std::string_view stats) {
  if (stats.empty()) return std::nullopt;
  const auto parsed = Json::parse(stats);
  if (!parsed || !(*parsed)["numRecords"].is_int() || (*parsed)["numRecords"].as_int() < 0) return std::nullopt;
  return (*parsed)["numRecords"].as_int();
}

}  // namespace pactolus::delta
