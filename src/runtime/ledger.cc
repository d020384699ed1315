#include "runtime/ledger.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace pactolus {
namespace {

Json time_json(int64_t t) { return t == kNoTime ? Json() : Json(t); }
int64_t time_of(const Json& j) { return j.as_int(kNoTime); }

CountByName counts_of(const Json& j) {
  CountByName out;
  for (const auto& [name, n] : j.as_object()) out[name] = n.as_int();
  return out;
}

void append_counts(MapColumn<FixedColumn<int64_t>>& column, const CountByName& counts) {
  for (const auto& [name, n] : counts) column.append_entry(name, n);
  column.end_row();
}
CountByName counts_at(const ColumnView& map, int64_t row) {
  CountByName out;
  const auto [first, last] = map.range_at(row);
  const ColumnView keys = map.entries().child(0), values = map.entries().child(1);
  for (int64_t i = first; i < last; ++i) out[std::string(keys.text_at(i))] = values.int_at(i);
  return out;
}

int64_t sum(const CountByName& counts) {
  int64_t total = 0;
  for (const auto& [name, n] : counts) total += n;
  return total;
}

}  // namespace

Json counts_json(const CountByName& counts) {
  Json out = Json::object();
  for (const auto& [name, n] : counts) out.set(name, n);
  return out;
}

int64_t SourceAccount::quarantined_total() const { return sum(quarantined); }
int64_t SourceAccount::skipped_total() const { return sum(skipped); }
bool SourceAccount::closes() const {
  return end - start == consumed + skipped_total() && consumed == silver + duplicates + quarantined_total();
}

std::string app_id(std::string_view job, std::string_view what) { return fmt::format("{}/{}", job, what); }
void add_up(SourceAccount& sum, const SourceAccount& a) {
  sum.end = std::max(sum.end, a.end);
  sum.consumed += a.consumed;
  sum.silver += a.silver;
  sum.duplicates += a.duplicates;
  sum.conflicting += a.conflicting;
  for (const auto& [reason, n] : a.quarantined) sum.quarantined[reason] += n;
}

std::optional<OffsetAppId> parse_offset_app_id(std::string_view app_id, std::string_view job) {
  const size_t at = app_id.rfind('@'), slash = app_id.rfind('/');
  if (!app_id.starts_with(job) || app_id.size() <= job.size() || app_id[job.size()] != '/') return std::nullopt;
  if (at == app_id.npos || slash == app_id.npos || at <= job.size() || slash < at) return std::nullopt;
  OffsetAppId out{std::string(app_id.substr(job.size() + 1, at - job.size() - 1)),
                  std::string(app_id.substr(at + 1, slash - at - 1)), 0};
  if (out.topic.find('/') != out.topic.npos) return std::nullopt;  // a leader's epoch
  const std::string_view number = app_id.substr(slash + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.partition);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return out;
}

std::string offset_app_id(std::string_view job, std::string_view topic, std::string_view topic_id, int32_t partition) {
  return fmt::format("{}/{}@{}/{}", job, topic, topic_id, partition);
}

std::string leader_app_id(std::string_view job, std::string_view topic, std::string_view topic_id, int32_t partition) {
  return fmt::format("{}/leader/{}@{}/{}", job, topic, topic_id, partition);
}

std::string given_up_app_id(std::string_view job, std::string_view topic, std::string_view topic_id) {
  return fmt::format("{}/given_up/{}@{}", job, topic, topic_id);
}

Json to_json(const SourceAccount& s) {
  Json j = Json::object();
  j.set("topic", s.topic).set("topic_id", s.topic_id).set("partition", int64_t(s.partition));
  if (s.history) j.set("history", true);
  j.set("start", s.start).set("end", s.end).set("consumed", s.consumed).set("silver", s.silver);
  if (s.duplicates) j.set("duplicates", s.duplicates);
  if (s.conflicting) j.set("conflicting", s.conflicting);
  if (!s.skipped.empty()) j.set("skipped", counts_json(s.skipped));
  if (!s.quarantined.empty()) j.set("quarantined", counts_json(s.quarantined));
  if (!s.late.empty()) j.set("late", counts_json(s.late));
  j.set("max_event_time", time_json(s.max_event_time));
  if (s.idle) j.set("idle", true);
  return j;
}

Json to_json(const AcceptedLoss& l) {
  return Json::object()
      .set("kind", l.kind)
      .set("topic", l.topic)
      .set("topic_id", l.topic_id)
      .set("partition", int64_t(l.partition))
      .set("start", l.start)
      .set("end", l.end < 0 ? Json() : Json(l.end))
      .set("reason", l.reason);
}

Json to_json(const BatchAccount& a) {
  Json sources = Json::array();
  for (const SourceAccount& s : a.sources) sources.push(to_json(s));
  Json files = Json::array();
  for (const NamedFile& f : a.quarantine_files)
    files.push(Json::object().set("path", f.path).set("size", f.size).set("rows", f.rows));
  Json out = Json::object();
  out.set("kind", "batch")
      .set("job", a.job)
      .set("batch", a.batch)
      .set("epoch", a.epoch)
      .set("commit_uuid", a.commit_uuid)
      .set("batch_time", a.batch_time)
      .set("watermark_before", time_json(a.watermark_before))
      .set("watermark_after", time_json(a.watermark_after))
      .set("sources", std::move(sources))
      .set("quarantine_files", std::move(files));
  if (a.closes_windows) out.set("closes_windows", true);
  if (!a.losses.empty()) {
    Json losses = Json::array();
    for (const AcceptedLoss& loss : a.losses) losses.push(to_json(loss));
    out.set("accepted_losses", std::move(losses));
  }
  return out;
}

bool is_batch_account(const Json& info, std::string_view job) {
  return info["kind"].as_string() == "batch" && info["job"].as_string() == job;
}

Result<BatchAccount> batch_account(const Json& info) {
  if (info["kind"].as_string() != "batch" || !info["batch"].is_int() || !info["sources"].is_array())
    return fail(ErrorCode::corrupt,
                "a commit of Silver has an account that cannot be read: " + info.dump().substr(0, 200));
  BatchAccount a;
  a.job = info["job"].as_string();
  a.batch = info["batch"].as_int();
  a.epoch = info["epoch"].as_int();
  a.commit_uuid = info["commit_uuid"].as_string();
  a.batch_time = info["batch_time"].as_int();
  a.watermark_before = time_of(info["watermark_before"]);
  a.watermark_after = time_of(info["watermark_after"]);
  a.closes_windows = info["closes_windows"].as_bool();
  for (const Json& j : info["sources"].as_array()) {
    SourceAccount s;
    s.topic = j["topic"].as_string();
    s.topic_id = j["topic_id"].as_string();
    s.partition = int32_t(j["partition"].as_int());
    s.history = j["history"].as_bool();
    s.start = j["start"].as_int();
    s.end = j["end"].as_int();
    s.consumed = j["consumed"].as_int();
    s.silver = j["silver"].as_int();
    s.duplicates = j["duplicates"].as_int();
    s.conflicting = j["conflicting"].as_int();
    s.skipped = counts_of(j["skipped"]);
    s.quarantined = counts_of(j["quarantined"]);
    s.late = counts_of(j["late"]);
    s.max_event_time = time_of(j["max_event_time"]);
    s.idle = j["idle"].as_bool();
    a.sources.push_back(std::move(s));
  }
  for (const Json& l : info["accepted_losses"].as_array())
    a.losses.push_back({std::string(l["kind"].as_string()), std::string(l["topic"].as_string()),
                        std::string(l["topic_id"].as_string()), int32_t(l["partition"].as_int()), l["start"].as_int(),
                        l["end"].as_int(-1), std::string(l["reason"].as_string())});
  for (const Json& f : info["quarantine_files"].as_array())
    a.quarantine_files.push_back({std::string(f["path"].as_string()), f["size"].as_int(), f["rows"].as_int()});
  return a;
}

std::optional<LedgerEvent> take_over_event(const Json& info, std::string_view job, std::string_view commit_uuid,
                                           int64_t time_us) {
  if (info["kind"].as_string() != "epoch" || info["job"].as_string() != job || !info["take_over"].as_bool()) return {};
  return LedgerEvent{
      "take_over", std::string(info["command"].as_string()), info["epoch"].as_int(), 0, std::string(commit_uuid),
      time_us};
}

Json to_json(const ErasureAccount& a) {
  Json sources = Json::array();
  for (const ErasedSource& s : a.sources) {
    Json j = Json::object();
    j.set("batch", s.batch).set("topic", s.topic).set("partition", int64_t(s.partition));
    if (s.silver) j.set("silver", s.silver);
    if (!s.quarantined.empty()) j.set("quarantined", counts_json(s.quarantined));
    if (s.silver)
      j.set("min_event_time", time_json(s.min_event_time)).set("max_event_time", time_json(s.max_event_time));
    sources.push(std::move(j));
  }
  return Json::object()
      .set("kind", "erasure")
      .set("job", a.job)
      .set("number", a.number)
      .set("receipt", a.receipt)
      .set("epoch", a.epoch)
      .set("time", a.time_us)
      .set("commit_uuid", a.commit_uuid)
      .set("sources", std::move(sources));
}

Result<std::optional<ErasureAccount>> erasure_account(const Json& info, std::string_view job) {
  if (info["kind"].as_string() != "erasure" || info["job"].as_string() != job) return std::optional<ErasureAccount>();
  if (!info["number"].is_int() || !info["sources"].is_array())
    return fail(ErrorCode::corrupt, "the account of an erasure cannot be read: " + info.dump().substr(0, 200));
  ErasureAccount a;
  a.job = job;
  a.number = info["number"].as_int();
  a.receipt = info["receipt"].as_string();
  a.epoch = info["epoch"].as_int();
  a.time_us = info["time"].as_int();
  a.commit_uuid = info["commit_uuid"].as_string();
  for (const Json& j : info["sources"].as_array())
    a.sources.push_back({j["batch"].as_int(), std::string(j["topic"].as_string()), int32_t(j["partition"].as_int()),
                         j["silver"].as_int(), counts_of(j["quarantined"]), time_of(j["min_event_time"]),
                         time_of(j["max_event_time"])});
  return a;
}

std::vector<LedgerEvent> events_of(const ErasureAccount& a) {
  std::vector<LedgerEvent> out;
  for (const ErasedSource& s : a.sources)
    out.push_back({.event = kErase,
                   .detail = a.receipt,
                   .epoch = a.epoch,
                   .batch = s.batch,
                   .commit_uuid = a.commit_uuid,
                   .time_us = a.time_us,
                   .erased = s});
  return out;
}

ColumnBatch ledger_columns(const std::vector<BatchAccount>& accounts, std::vector<LedgerEvent> events) {
  FixedColumn<int64_t> batch, epoch, batch_time, start, end, consumed, silver, duplicates, conflicting, erased,
      min_time, max_time, before, after;
  FixedColumn<int32_t> partition;
  TextColumn uuid, topic, topic_id, event, detail;
  MapColumn<FixedColumn<int64_t>> skipped, quarantined, late;
  BoolColumn idle;
  const auto time = [](FixedColumn<int64_t>& c, int64_t t) { t == kNoTime ? c.append_null() : c.append(t); };
  int64_t rows = 0;
  for (const BatchAccount& a : accounts)
    for (const SourceAccount& s : a.sources) {
      ++rows;
      batch.append(a.batch), epoch.append(a.epoch), uuid.append(a.commit_uuid), batch_time.append(a.batch_time);
      topic.append(s.topic), topic_id.append(s.topic_id), partition.append(s.partition);
      start.append(s.start), end.append(s.end), consumed.append(s.consumed);
      append_counts(skipped, s.skipped);
      silver.append(s.silver), duplicates.append(s.duplicates), conflicting.append(s.conflicting), erased.append(0);
      append_counts(quarantined, s.quarantined);
      append_counts(late, s.late);
      min_time.append_null();
      time(max_time, s.max_event_time), time(before, a.watermark_before), time(after, a.watermark_after);
      idle.append(s.idle);
      event.append_null();
      s.history ? detail.append("history") : detail.append_null();
    }
  for (const BatchAccount& a : accounts) {
    if (a.closes_windows)
      events.push_back(
          {"close_windows", "", a.epoch, a.batch, a.commit_uuid, a.batch_time, a.watermark_before, a.watermark_after});
    for (const AcceptedLoss& l : a.losses)
      events.push_back({.event = kAcceptedLoss,
                        .detail = fmt::format("{}: {}", l.kind, l.reason),
                        .epoch = a.epoch,
                        .batch = a.batch,
                        .commit_uuid = a.commit_uuid,
                        .time_us = a.batch_time,
                        .loss = l});
  }
  for (const LedgerEvent& e : events) {
    ++rows;
    e.batch == 0 ? batch.append_null() : batch.append(e.batch);
    epoch.append(e.epoch), uuid.append(e.commit_uuid), batch_time.append(e.time_us);
    e.erased ? topic.append(e.erased->topic) : e.loss ? topic.append(e.loss->topic) : topic.append_null();
    e.erased ? partition.append(e.erased->partition)
    : e.loss ? partition.append(e.loss->partition)
             : partition.append_null();
    e.loss ? topic_id.append(e.loss->topic_id) : topic_id.append_null();
    e.loss ? start.append(e.loss->start) : start.append_null();
    e.loss&& e.loss->end >= 0 ? end.append(e.loss->end) : end.append_null();
    for (auto* c : {&consumed, &silver, &duplicates, &conflicting}) c->append_null();
    e.erased ? erased.append(e.erased->silver) : erased.append_null();
    e.erased ? append_counts(quarantined, e.erased->quarantined) : quarantined.append_null();
    time(min_time, e.erased ? e.erased->min_event_time : kNoTime);
    time(max_time, e.erased ? e.erased->max_event_time : kNoTime);
    for (auto* c : {&skipped, &late}) c->append_null();
    time(before, e.watermark_before), time(after, e.watermark_after);
    idle.append_null();
    event.append(e.event);
    e.detail.empty() ? detail.append_null() : detail.append(e.detail);
  }
  std::vector<ColumnData> c;
  c.push_back(batch.finish("batch_id", kFormatInt64));
  c.push_back(epoch.finish("epoch", kFormatInt64));
  c.push_back(uuid.finish("commit_uuid"));
  c.push_back(batch_time.finish("batch_time", kFormatTimestamp));
  c.push_back(topic.finish("topic"));
  c.push_back(topic_id.finish("topic_id"));
  c.push_back(partition.finish("partition", kFormatInt32));
  c.push_back(start.finish("start_offset", kFormatInt64));
  c.push_back(end.finish("end_offset", kFormatInt64));
  c.push_back(consumed.finish("consumed", kFormatInt64));
  c.push_back(skipped.finish("skipped", kFormatInt64));
  c.push_back(silver.finish("silver", kFormatInt64));
  c.push_back(duplicates.finish("duplicates", kFormatInt64));
  c.push_back(conflicting.finish("conflicting_duplicates", kFormatInt64));
  c.push_back(erased.finish("erased", kFormatInt64));
  c.push_back(quarantined.finish("quarantined", kFormatInt64));
  c.push_back(late.finish("late", kFormatInt64));
  c.push_back(max_time.finish("max_event_time", kFormatTimestamp));
  c.push_back(before.finish("watermark_before", kFormatTimestamp));
  c.push_back(after.finish("watermark_after", kFormatTimestamp));
  c.push_back(idle.finish("idle"));
  c.push_back(event.finish("event"));
  c.push_back(detail.finish("detail"));
  c.push_back(min_time.finish("min_event_time", kFormatTimestamp));
  return ColumnBatch(rows, std::move(c));
}

Result<std::vector<BatchAccount>> accounts_of(const ColumnBatch& rows,
                                              const std::function<bool(int64_t batch, int64_t batch_time)>& wanted) {
  const ColumnView v = ColumnView::of(rows);
  for (const auto& f : {"batch_id", "commit_uuid", "topic", "start_offset", "quarantined", "watermark_after"})
    if (!v.has_child(f)) return fail(ErrorCode::corrupt, fmt::format("a ledger file lacks the column {}", f));
  const auto number = [&](const char* name, int64_t row) { return v.child(name).int_at(row); };
  const auto time = [&](const char* name, int64_t row) {
    return v.child(name).is_null(row) ? kNoTime : v.child(name).int_at(row);
  };
  const auto text = [&](const char* name, int64_t row) { return std::string(v.child(name).text_at(row)); };
  const ColumnView batch_id = v.child("batch_id"), batch_time = v.child("batch_time"), event = v.child("event");
  std::vector<BatchAccount> out;
  std::unordered_map<int64_t, size_t> by_batch;
  for (int64_t i = 0; i < v.length(); ++i) {
    const int64_t batch = batch_id.int_at(i);
    if (!event.is_null(i)) {  // events are no batches; they stand behind those of their file
      const std::string_view name = event.text_at(i);
      if (name != "close_windows" && name != kAcceptedLoss) continue;
      const auto batch_of_it = by_batch.find(batch);
      if (batch_of_it == by_batch.end()) continue;
      BatchAccount& account = out[batch_of_it->second];
      if (name == "close_windows") account.closes_windows = true;
      if (name == kAcceptedLoss) {
        const std::string detail = text("detail", i);
        const size_t colon = detail.find(": ");
        account.losses.push_back({detail.substr(0, colon), text("topic", i), text("topic_id", i),
                                  int32_t(number("partition", i)), number("start_offset", i),
                                  v.child("end_offset").is_null(i) ? -1 : number("end_offset", i),
                                  colon == detail.npos ? "" : detail.substr(colon + 2)});
      }
      continue;
    }
    if (wanted && !wanted(batch, batch_time.int_at(i))) continue;
    if (out.empty() || out.back().batch != batch) {
      by_batch.emplace(batch, out.size());
      BatchAccount a;
      a.batch = batch;
      a.epoch = number("epoch", i);
      a.commit_uuid = text("commit_uuid", i);
      a.batch_time = number("batch_time", i);
      a.watermark_before = time("watermark_before", i);
      a.watermark_after = time("watermark_after", i);
      out.push_back(std::move(a));
    }
    SourceAccount s;
    s.topic = text("topic", i);
    s.topic_id = text("topic_id", i);
    s.partition = int32_t(number("partition", i));
    s.history = !v.child("detail").is_null(i) && v.child("detail").text_at(i) == "history";
    s.start = number("start_offset", i);
    s.end = number("end_offset", i);
    s.consumed = number("consumed", i);
    s.skipped = counts_at(v.child("skipped"), i);
    s.silver = number("silver", i);
    s.duplicates = number("duplicates", i);
    s.conflicting = number("conflicting_duplicates", i);
    s.quarantined = counts_at(v.child("quarantined"), i);
    s.late = counts_at(v.child("late"), i);
    s.max_event_time = time("max_event_time", i);
    s.idle = v.child("idle").bool_at(i);
    out.back().sources.push_back(std::move(s));
  }
  return out;
}

Result<std::vector<ErasureAccount>> erasures_of(const ColumnBatch& rows) {
  const ColumnView v = ColumnView::of(rows);
  std::vector<ErasureAccount> out;
  if (!v.has_child("min_event_time")) return out;  // of an earlier release
  const ColumnView event = v.child("event"), topic = v.child("topic");
  const auto time = [&](const char* name, int64_t row) {
    return v.child(name).is_null(row) ? kNoTime : v.child(name).int_at(row);
  };
  for (int64_t i = 0; i < v.length(); ++i) {
    if (event.is_null(i) || event.text_at(i) != kErase || topic.is_null(i)) continue;
    ErasureAccount a;
    a.receipt = v.child("detail").text_at(i);
    a.epoch = v.child("epoch").int_at(i);
    a.time_us = v.child("batch_time").int_at(i);
    a.commit_uuid = v.child("commit_uuid").text_at(i);
    a.sources = {{v.child("batch_id").int_at(i), std::string(topic.text_at(i)), int32_t(v.child("partition").int_at(i)),
                  v.child("erased").int_at(i), counts_at(v.child("quarantined"), i), time("min_event_time", i),
                  time("max_event_time", i)}};
    out.push_back(std::move(a));
  }
  return out;
}

}  // namespace pactolus
