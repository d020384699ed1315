#include "runtime/alert_messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/time_text.h"

namespace pactolus {
namespace {

std::string_view type_of(AlertState state) {
  switch (state) {
    case AlertState::open: return "alert.opened";
    case AlertState::update: return "alert.updated";
    case AlertState::resolved: return "alert.resolved";
  }
  return "?";
}

bool wants(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

}  // namespace

WebhookQueue::Message alert_message(const AlertRow& row, const std::string& lake_id) {
  const AlertTransition& t = row.transition;
  Json data = alert_json(row);
  data.set("batch_id", row.batch);
  const std::string name = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", lake_id, row.rule, t.product_id, row.category,
                                       t.opened_window, t.window_end, name_of(t.state));
  return {"alert_" + hash128_hex(name),
          Json::object()
              .set("type", type_of(t.state))
              .set("timestamp", iso_time(row.told_us))
              .set("data", std::move(data))
              .dump(),
          0, 0};
}

std::deque<WebhookQueue::Message> alert_messages(std::span<const AlertRow> rows, const Config::Webhook& webhook,
                                                 const AlertNotes& notes, const std::string& lake_id, int64_t now_us) {
  std::deque<WebhookQueue::Message> out;
  for (const AlertRow& row : rows) {
    const AlertState state = row.transition.state;
    if (!wants(webhook.rules, row.rule) || !wants(webhook.states, name_of(state))) continue;
    if (notes.silence_of(row, now_us) || (state == AlertState::update && notes.ack_of(row))) continue;
    out.push_back(alert_message(row, lake_id));
  }
  return out;
}

}  // namespace pactolus
