#include "runtime/status.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/time_text.h"
#include "gold/interest_json.h"

namespace pactolus {

Json time_json(int64_t time) { return time == kNoTime ? Json() : Json(iso_time(time)); }

Json sources_json(const std::vector<SourceAccount>& accounts, std::span<const SourceLag> lags) {
  Json sources = Json::array();
  for (size_t i = 0; i < accounts.size(); ++i) {
    const SourceAccount& s = accounts[i];
    Json json = Json::object()
                    .set("topic", s.topic)
                    .set("partition", int64_t(s.partition))
                    .set("next_offset", s.end)
                    .set("max_event_time", time_json(s.max_event_time))
                    .set("idle", s.idle);
    if (i < lags.size())
      json.set("lag_records", lags[i].records).set("lag_seconds", double(lags[i].us) / double(kMicrosPerSecond));
    sources.push(std::move(json));
  }
  return sources;
}

Json status_json(const Job& job, int64_t now_us, bool running, Json deliveries) {
  const JobView v = job.view();
  const InterestTotals totals = job.provisional_totals();
  Json alerts = Json::array();
  for (const AlertTransition& a : v.open_alerts)
    alerts.push(Json::object()
                    .set("product_id", a.product_id)
                    .set("opened_window", iso_time(a.opened_window))
                    .set("window_start", iso_time(a.window_start))
                    .set("window_end", iso_time(a.window_end))
                    .set("views", a.views)
                    .set("purchases", a.purchases));
  return Json::object()
      .set("running", running)
      .set("pid", int64_t(::getpid()))
      .set("time", iso_time(now_us))
      .set("epoch", v.epoch)
      .set("batch", v.batch)
      .set("batch_time", time_json(v.batch_time == 0 ? kNoTime : v.batch_time))
      .set("silver_version", v.silver_version)
      .set("watermark", time_json(v.watermark))
      .set("records", v.totals.records)
      .set("silver", v.totals.silver)
      .set("duplicates", v.totals.duplicates)
      .set("conflicting_duplicates", v.totals.conflicting)
      .set("quarantined", counts_json(v.totals.quarantined))
      .set("late", v.totals.late)
      .set("remembered_ids", int64_t(v.remembered_ids))
      .set("remembered_bytes", int64_t(v.remembered_bytes))
      .set("compaction", Json::object()
                             .set("merges", v.compaction.merges)
                             .set("files", v.compaction.files)
                             .set("rows", v.compaction.rows)
                             .set("bytes", v.compaction.bytes)
                             .set("cpu_ms", v.compaction.cpu_us / 1000)
                             .set("given_up", v.compaction.given_up))
      .set("sources", sources_json(v.sources, v.lags))
      .set("product_interest", interest_rows_json(job.provisional(kProvisionalRows), totals))
      .set("product_interest_totals", interest_totals_json(totals))
      .set("open_alerts", std::move(alerts))
      .set("deliveries", std::move(deliveries));
}

Result<> write_status(const Job& job, Clock& clock, bool running, Json deliveries) {
  // One that the lake was taken from says no more about it.
  if (const auto holder = read_lock_holder(job.lake().lock()); holder && holder->pid != ::getpid()) return {};
  const fs::path path = job.lake().status(), temporary = path.native() + ".tmp";
  {
    std::ofstream out(temporary, std::ios::trunc);
    out << status_json(job, clock.now_us(), running, std::move(deliveries)).dump() << "\n";
  }
  // A status that cannot be written (a full disk) is no reason to stop.
  (void)std::rename(temporary.c_str(), path.c_str());
  return {};
}

Result<Json> read_status(const LakePaths& lake) {
  auto text = read_file(lake.status());
  if (!text) return std::unexpected(text.error());
  return Json::parse(*text);
}

bool is_status_of(const Json& status, const LockHolder& holder) {
  const auto written = parse_iso_time(status["time"].as_string());
  return status["pid"].as_int() == holder.pid && written && *written >= holder.since_us;  // pids come again
}

}  // namespace pactolus
