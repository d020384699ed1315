// Transitions of alerts as messages to webhooks.
#pragma once

#include <deque>
#include <string>

#include "runtime/alert_notes.h"
#include "runtime/alert_table.h"
#include "runtime/config.h"
#include "sinks/webhook/webhook_queue.h"

namespace pactolus {

// {"type":"alert.opened","timestamp":…,"data":{…}}; docs/formats/webhooks.md. Its id depends on the lake and on what
// names the transition alone.
WebhookQueue::Message alert_message(const AlertRow& row, const std::string& lake_id);
// Of those rules and states that the webhook wants; none of products that are silenced, and no update of an alert that
// somebody has acknowledged.
std::deque<WebhookQueue::Message> alert_messages(std::span<const AlertRow> rows, const Config::Webhook& webhook,
                                                 const AlertNotes& notes, const std::string& lake_id, int64_t now_us);

}  // namespace pactolus
