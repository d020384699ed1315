// The text columns of an event that a view may group by or count the values of.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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
};
inline constexpr std::array<std::string_view, 9> kEventColumnNames = {"user_id",          "product_id",  "session_id",
                                                                      "product_category", "device_type", "page_url",
                                                                      "referrer",         "currency",    "order_id"};
constexpr std::string_view name_of(EventColumn c) noexcept { return kEventColumnNames[size_t(c)]; }
std::optional<EventColumn> event_column(std::string_view name) noexcept;

struct CodedColumn {
  const TextDictionary* values;
  const int32_t* codes;  // by row; -1 is null
  size_t rows;
};
CodedColumn column_of(const EventBatch& b, EventColumn c) noexcept;  // borrows the batch

struct MutableColumn {
  TextDictionary* values;
  std::vector<int32_t>* codes;
};
MutableColumn column_of(EventBatch& b, EventColumn c) noexcept;  // likewise, to fill it

}  // namespace pactolus
