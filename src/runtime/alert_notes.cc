#include "runtime/alert_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/json.h"

namespace pactolus {
namespace {

constexpr int64_t kFormat = 1;

fs::path notes_path(const LakePaths& lake) { return lake.own() / "alerts.json"; }

bool is_of(const AlertNotes::Ack& ack, const AlertRow& alert) {
  return ack.rule == alert.rule && ack.product_id == alert.transition.product_id &&
         ack.opened_window == alert.transition.opened_window;
}

std::string text_of(const AlertNotes& notes) {
  Json acks = Json::array(), silences = Json::array();
  for (const auto& a : notes.acks)
    acks.push(Json::object()
                  .set("rule", a.rule)
                  .set("product_id", a.product_id)
                  .set("opened_window", a.opened_window)
                  .set("time", a.time_us)
                  .set("note", a.note));
  for (const auto& s : notes.silences)
    silences.push(Json::object().set("product_id", s.product_id).set("until", s.until_us).set("note", s.note));
  return Json::object()
             .set("format", kFormat)
             .set("acks", std::move(acks))
             .set("silences", std::move(silences))
             .dump() +
         "\n";
}

}  // namespace

const AlertNotes::Ack* AlertNotes::ack_of(const AlertRow& alert) const {
  const auto found = std::ranges::find_if(acks, [&](const Ack& a) { return is_of(a, alert); });
  return found == acks.end() ? nullptr : &*found;
}

const AlertNotes::Silence* AlertNotes::silence_of(const AlertRow& alert, int64_t now_us) const {
  const auto found = std::ranges::find_if(
      silences, [&](const Silence& s) { return s.product_id == alert.transition.product_id && s.until_us > now_us; });
  return found == silences.end() ? nullptr : &*found;
}

Result<AlertNotes> read_alert_notes(const LakePaths& lake) {
  const auto text = read_file(notes_path(lake));
  if (!text && text.error().code == ErrorCode::not_found) return AlertNotes();
  if (!text) return std::unexpected(text.error());
  const auto json = Json::parse(*text);
  if (!json || (*json)["format"].as_int() != kFormat)
    return fail(ErrorCode::corrupt, fmt::format("no notes on alerts: {}", notes_path(lake).native()),
                "it holds only what was acknowledged and silenced: remove it");
  AlertNotes out;
  for (const Json& a : (*json)["acks"].as_array())
    out.acks.push_back({std::string(a["rule"].as_string()), std::string(a["product_id"].as_string()),
                        a["opened_window"].as_int(), a["time"].as_int(), std::string(a["note"].as_string())});
  for (const Json& s : (*json)["silences"].as_array())
    out.silences.push_back(
        {std::string(s["product_id"].as_string()), s["until"].as_int(), std::string(s["note"].as_string())});
  return out;
}

Result<> change_alert_notes(const LakePaths& lake, int64_t now_us, std::span<const AlertRow> open,
                            const std::function<void(AlertNotes&)>& change) {
  const auto lock = TRY(FileLock::try_lock(lake.own() / "alerts.lock"));
  if (!lock) return fail(ErrorCode::busy, "another process changes what is noted of alerts", "try again");
  AlertNotes notes = TRY(read_alert_notes(lake));
  change(notes);
  std::erase_if(notes.acks, [&](const AlertNotes::Ack& a) {
    return std::ranges::none_of(open, [&](const AlertRow& alert) { return is_of(a, alert); });
  });
  std::erase_if(notes.silences, [&](const AlertNotes::Silence& s) { return s.until_us <= now_us; });
  return replace_file(notes_path(lake), text_of(notes));
}

namespace {

Result<std::vector<AlertRow>> read_if_there(const LakePaths& lake,
                                            Result<std::vector<AlertRow>> (*read)(const delta::Snapshot&)) {
  TRY(check_lake(lake));
  const auto table = delta::Snapshot::load(lake.gold(kAlerts));
  if (!table && table.error().code == ErrorCode::not_found) return std::vector<AlertRow>();
  if (!table) return std::unexpected(table.error());
  return read(*table);
}

}  // namespace

Result<std::vector<AlertRow>> open_alerts(const LakePaths& lake) {
  std::vector<AlertRow> out = TRY(read_if_there(lake, read_open_alerts));
  std::ranges::stable_sort(out, [](const AlertRow& a, const AlertRow& b) {
    return std::tuple(std::string_view(a.rule), -a.transition.views, std::string_view(a.transition.product_id)) <
           std::tuple(std::string_view(b.rule), -b.transition.views, std::string_view(b.transition.product_id));
  });
  return out;
}

Result<std::vector<AlertRow>> told_alerts(const LakePaths& lake) { return read_if_there(lake, read_alerts); }

}  // namespace pactolus
