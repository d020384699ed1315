#include "golden_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/time_text.h"

namespace pactolus::golden {
namespace {

constexpr std::string_view kLive = "clicks";

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

// Takes the first word off.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

std::unexpected<Error> bad(std::string what) { return fail(ErrorCode::invalid, std::move(what)); }

Result<int64_t> number(std::string_view text) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return bad(fmt::format("\"{}\" is no number", text));
  return n;
}
Result<int64_t> duration(std::string_view text) {
  const auto d = parse_duration(text);
  if (!d) return bad(fmt::format("\"{}\" is no duration", text));
  return *d;
}

// "10:00:00.5" of the case's day, or a whole ISO time.
Result<int64_t> time_of(std::string_view text, int64_t date_us) {
  const bool whole = text.find('T') != text.npos;
  const auto t =
      parse_iso_time(whole ? std::string(text) : date_text(int32_t(date_us / kMicrosPerDay)) + "T" + std::string(text));
  if (!t) return bad(fmt::format("\"{}\" is no time", text));
  return *t;
}

// "#" is the index of a repeated line, "#7" the index modulo 7.
std::string with_index(std::string_view text, int64_t index) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '#') {
      out.push_back(text[i]);
      continue;
    }
    int64_t modulo = 0;
    for (; i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9'; ++i)
      modulo = modulo * 10 + (text[i + 1] - '0');
    out += std::to_string(modulo ? index % modulo : index);
  }
  return out;
}

// \xHH is a byte; ${text*N} is the text N times.
std::string raw_bytes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text.substr(i).starts_with("\\x") && i + 4 <= text.size() &&
        std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16).ptr == text.data() + i + 4) {
      out.push_back(char(byte));
      i += 3;
      continue;
    }
    const size_t end = text.substr(i).starts_with("${") ? text.find('}', i) : text.npos;
    const size_t star = end == text.npos ? text.npos : text.rfind('*', end);
    if (star != text.npos && star > i) {
      const auto times = number(text.substr(star + 1, end - star - 1));
      if (times) {
        for (int64_t n = 0; n < *times; ++n) out.append(text.substr(i + 2, star - i - 2));
        i = end;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

// "e1 view p1 u1 10:00:00 10.00 currency=EUR note:=[1,2]": id, type, product, user, time, price; "-" leaves a field
// out. "=" gives a text, ":=" JSON as it is.
Result<std::string> event_json(std::string_view text, int64_t index, int64_t date_us) {
  std::vector<std::string> w = words(with_index(text, index));
  if (w.size() < 5) return bad("an event is: ID TYPE PRODUCT USER TIME [PRICE] [FIELD=TEXT|FIELD:=JSON]…");
  std::string out = "{";
  const auto field = [&](std::string_view name, std::string_view json) {
    out += fmt::format("{}\"{}\":{}", out.size() > 1 ? "," : "", name, json);
  };
  constexpr const char* kNames[] = {"event_id", "event_type", "product_id", "user_id"};
  for (size_t i = 0; i < 4; ++i)
    if (w[i] != "-") field(kNames[i], Json(w[i]).dump());
  if (w[4] != "-") {
    const size_t plus = w[4].find('+');
    int64_t t = TRY(time_of(w[4].substr(0, plus), date_us));
    if (plus != std::string::npos) t += index * TRY(duration(w[4].substr(plus + 1)));
    field("timestamp", Json(iso_time(t)).dump());
  }
  bool price = false;
  for (size_t i = 5; i < w.size(); ++i) {
    const size_t equal = w[i].find('=');
    if (equal == std::string::npos) {
      price = true;
      if (w[i] != "-") field("price", w[i]);
    } else if (w[i][equal - 1] == ':') {
      field(w[i].substr(0, equal - 1), w[i].substr(equal + 1));
    } else {
      field(w[i].substr(0, equal), Json(w[i].substr(equal + 1)).dump());
    }
  }
  if (!price && w[2] != "-") field("price", "10.00");
  return out + "}";
}

Result<> set_config(Config& c, std::string_view key, std::string_view value) {
  const std::pair<std::string_view, int64_t*> durations[] = {{"time.allowed_lateness", &c.time.allowed_lateness_us},
                                                             {"time.max_ahead", &c.time.max_ahead_us},
                                                             {"time.idle_after", &c.time.idle_after_us},
                                                             {"time.max_skew", &c.time.max_skew_us},
                                                             {"dedup.horizon", &c.dedup.horizon_us}};
  for (const auto& [name, target] : durations)
    if (key == name) {
      *target = TRY(duration(value));
      return {};
    }
  if (key == "run.batch_records")
    c.run.batch_records = TRY(number(value));
  else if (key == "shop.currency")
    c.shop.currency = value;
  else if (key == "silver.high_value") {
    if (parse_money(value, c.silver.high_value) != DecimalError::none) return bad("silver.high_value is no decimal");
  } else if (key == "gold.views") {
    if (value != "all") return bad("gold.views is all");
    c.gold.views = built_in_views();
  } else if (key == "events.types") {
    for (const std::string& word : words(value)) {
      const size_t colon = word.find(':');
      ExtraEventType type{word.substr(0, colon)};
      for (int k = 0; colon != std::string::npos && k < kBuiltInKinds; ++k)
        if (name_of(EventKind(k)) == word.substr(colon + 1)) type.like = EventKind(k);
      c.events.types.push_back(type);
    }
  } else {
    return bad(fmt::format("\"{}\" is no key of a case's configuration", key));
  }
  return {};
}

// "words keys=product_id,device_type size=10s slide=5s gap=10s: count() as events; first(user_id) as user"
Result<ViewDeclaration> declared_view(std::string_view text) {
  const size_t colon = text.find(": ");
  const std::vector<std::string> head = words(text.substr(0, colon));
  if (colon == text.npos || head.empty()) return bad("a view is: view NAME [keys=…] size=…|gap=…: MEASURE; MEASURE…");
  ViewDeclaration view{head[0], {}, {0, 0}, {}};
  int64_t gap = 0;
  for (size_t i = 1; i < head.size(); ++i) {
    const size_t equals = std::min(head[i].find('='), head[i].size() - 1);
    const std::string name = head[i].substr(0, equals);
    std::string_view value = std::string_view(head[i]).substr(equals + 1);
    if (name == "size" || name == "slide" || name == "gap") {
      (name == "size" ? view.shape.size : name == "slide" ? view.shape.slide : gap) = TRY(duration(value));
      continue;
    }
    while (name == "keys" && !value.empty()) {
      const size_t comma = std::min(value.find(','), value.size());
      const auto key = event_column(value.substr(0, comma));
      if (!key) return bad(fmt::format("\"{}\" is no column", value));
      view.keys.push_back(*key);
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
    if (name != "keys") return bad(fmt::format("\"{}\" is nothing that a view has", name));
  }
  if (gap > 0)
    view.shape = view.shape.size > 0 ? WindowShape::funnel_of(view.shape.size, gap) : WindowShape::session_of(gap);
  else if (view.shape.slide == 0)
    view.shape.slide = view.shape.size;
  for (std::string_view rest = text.substr(colon + 1); !rest.empty();) {
    const size_t end = std::min(rest.find(';'), rest.size());
    view.measures.push_back(TRY(parse_measure(rest.substr(0, end))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return view;
}

class Reader {
 public:
  explicit Reader(Case& out) : case_(out) {
    now_ = out.clock_us;
    out.config.gold.views.resize(1);
  }

  Result<> line(std::string_view text) {
    if (text.starts_with("==")) {
      std::vector<std::string> head = words(text.substr(2));
      if (head.empty()) return bad("== NAME [COLUMN…]");
      case_.sections.push_back({head[0], {head.begin() + 1, head.end()}, {}});
      return {};
    }
    text = trimmed(text);
    if (text.empty() || text.starts_with('#')) return {};
    if (!case_.sections.empty()) {
      case_.sections.back().rows.push_back(fmt::format("{}", fmt::join(words(text), " ")));
      return {};
    }
    const std::string_view word = take_word(text);
    if (word == "partitions")
      case_.config.bronze.partitions = int32_t(TRY(number(text)));
    else if (word == "config") {
      const std::string_view key = take_word(text);
      return set_config(case_.config, key, text);
    } else if (word == "view") {
      case_.config.gold.views.push_back(TRY(declared_view(text)));
    } else if (word == "date") {
      case_.date_us = TRY(time_of(std::string(text) + "T00:00:00", 0));
      now_ = case_.clock_us = case_.date_us + 10 * kMicrosPerHour;
    } else if (word == "clock" || word == "wait") {
      const int64_t to = word == "clock" ? TRY(time_of(text, case_.date_us)) : now_ + TRY(duration(text));
      if (case_.steps.empty())
        case_.clock_us = to;
      else if (to < now_)
        return bad("the clock does not go back");
      step(Step::Kind::clock, to);
    } else if (word == "cut" || word == "tick" || word == "close") {
      const auto kind = word == "cut" ? Step::Kind::cut : word == "tick" ? Step::Kind::tick : Step::Kind::close;
      step(kind, now_);
      now_ += kind == Step::Kind::cut ? 2 * kMicrosPerSecond : kMicrosPerSecond;
    } else if (word == "live" || word == "history") {
      return records(word == "history", text);
    } else {
      return bad(fmt::format("\"{}\" is no step of a case", word));
    }
    return {};
  }

 private:
  void step(Step::Kind kind, int64_t clock) {
    case_.steps.push_back({kind, {}, clock});
    now_ = clock;
  }

  // "live 0 x3 @10:00:00: e# view …", "history _ingest.a rees46 origin=…: raw …"
  Result<> records(bool history, std::string_view text) {
    const size_t colon = text.find(": ");
    if (colon == text.npos && !text.ends_with(':')) return bad("a record is: live PARTITION …: EVENT");
    std::vector<std::string> head = words(text.substr(0, colon == text.npos ? text.size() - 1 : colon));
    std::string_view payload = trimmed(colon == text.npos ? std::string_view() : text.substr(colon + 1));
    if (head.empty()) return bad("whose record is it?");
    InputRecord record;
    record.topic = history ? head[0] : std::string(kLive);
    record.timestamp_us = now_;
    if (!history) record.partition = int32_t(TRY(number(head[0])));
    int64_t times = 1;
    for (size_t i = 1; i < head.size(); ++i) {
      if (head[i].starts_with('@'))
        record.timestamp_us = TRY(time_of(std::string_view(head[i]).substr(1), case_.date_us));
      else if (head[i].starts_with("origin="))
        record.origin = head[i].substr(7);
      else if (head[i].starts_with('x'))
        times = TRY(number(std::string_view(head[i]).substr(1)));
      else
        record.dialect = head[i];
    }
    for (int64_t n = 0; n < times; ++n) {
      std::string_view rest = payload;
      const std::string_view word = take_word(rest);
      if (word == "raw")
        record.value = raw_bytes(rest);
      else if (word == "tombstone")
        record.value.reset();
      else if (word.empty())
        record.value = "";
      else
        record.value = TRY(event_json(payload, n, case_.date_us));
      case_.steps.push_back({Step::Kind::record, record, now_});
    }
    return {};
  }

  Case& case_;
  int64_t now_ = 0;
};

}  // namespace

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out;
  for (std::string_view rest = trimmed(line); !rest.empty();) out.emplace_back(take_word(rest));
  return out;
}

Result<Case> read_case(const fs::path& file) {
  const std::string text = TRY(read_file(file));
  Case out;
  out.name = file.stem().native();
  out.config.kafka.topic = kLive;
  out.config.bronze.partitions = 1;
  out.config.bronze.retention_age_us = 0;
  out.date_us = *parse_iso_time("2025-11-29T00:00:00Z");
  out.clock_us = out.date_us + 10 * kMicrosPerHour;
  Reader reader(out);
  int64_t line_number = 0;
  for (size_t first = 0; first < text.size();) {
    const size_t end = std::min(text.find('\n', first), text.size());
    ++line_number;
    if (auto read = reader.line(std::string_view(text).substr(first, end - first)); !read)
      return fail(ErrorCode::invalid,
                  fmt::format("{}:{}: {}", file.filename().native(), line_number, read.error().message));
    first = end + 1;
  }
  if (out.sections.empty())
    return fail(ErrorCode::invalid, fmt::format("{}: expects nothing", file.filename().native()));
  return out;
}

}  // namespace pactolus::golden
