// What people have said to alerts: that they have seen one, that they do not want to hear of a product for a while.
// Kept in _pactolus/alerts.json, beside the lake's tables: alerts themselves do not depend on it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/alert_table.h"

namespace pactolus {

struct AlertNotes {
  struct Ack {
    std::string rule, product_id;
    int64_t opened_window = 0;  // with the two above the alert's name
    int64_t time_us = 0;
    std::string note;
  };
  struct Silence {
    std::string product_id;
    int64_t until_us = 0;
    std::string note;
  };
  std::vector<Ack> acks;
  std::vector<Silence> silences;

  const Ack* ack_of(const AlertRow& alert) const;
  const Silence* silence_of(const AlertRow& alert, int64_t now_us) const;  // one that is not over
};

// Without a file: none. Error corrupt for a file that is not ours.
Result<AlertNotes> read_alert_notes(const LakePaths& lake);
// Reads, changes and replaces the file, one process at a time. What is over or of no open alert any more is left out.
Result<> change_alert_notes(const LakePaths& lake, int64_t now_us, std::span<const AlertRow> open,
                            const std::function<void(AlertNotes&)>& change);

// From the table of the lake, none where there is no table yet: the newest transition of every alert that is open, by
// rule, then most viewed first; and all that was told, in order.
Result<std::vector<AlertRow>> open_alerts(const LakePaths& lake);
Result<std::vector<AlertRow>> told_alerts(const LakePaths& lake);

}  // namespace pactolus
