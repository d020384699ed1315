// The text columns of an event that a view may group by or count the values of, and `session`, which is made of two of
// them: the session_id, or "user:" and the user_id of an event without one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_batch.h"

namespace pactolus {

enum class EventColumn : uint8_t {
  user_id,
  product_id,
  session_id,
  product_category,
  device_type,
  page_url,
  referrer,
  currency,
  order_id,
  session,
};
inline constexpr std::array<std::string_view, 10> kEventColumnNames = {
    "user_id",  "product_id", "session_id", "product_category", "device_type",
    "page_url", "referrer",   "currency",   "order_id",         "session"};
constexpr std::string_view name_of(EventColumn c) noexcept { return kEventColumnNames[size_t(c)]; }
std::optional<EventColumn> event_column(std::string_view name) noexcept;

struct CodedColumn {
  const TextDictionary* values;
  const int32_t* codes;  // by row; -1 is null
  size_t rows;
};
CodedColumn column_of(const EventBatch& b, EventColumn c) noexcept;  // borrows the batch; not of session

struct MutableColumn {
  TextDictionary* values;
  std::vector<int32_t>* codes;
};
MutableColumn column_of(EventBatch& b, EventColumn c) noexcept;  // likewise, to fill it

// The column `session` of some rows of a batch: codes of two dictionaries side by side. Memory that is used again. One
// thread.
class SessionColumn {
 public:
  void start(const EventBatch& b, std::span<const uint32_t> rows);  // borrows it until the next start()
  const int32_t* codes() const noexcept { return codes_.data(); }   // of those rows only; -1 is null
  size_t size() const noexcept;                                     // codes are below it
  std::string_view text(int32_t code);                              // until the next text()

 private:
  const EventBatch* batch_ = nullptr;
  std::vector<int32_t> codes_;  // twice the code of the session_id, or twice that of the user_id and 1
  std::string user_;
};

}  // namespace pactolus
