#include "gold/event_column.h"

#include <algorithm>

namespace pactolus {

std::optional<EventColumn> event_column(std::string_view name) noexcept {
  const auto at = std::ranges::find(kEventColumnNames, name);
  if (at == kEventColumnNames.end()) return std::nullopt;
  return EventColumn(at - kEventColumnNames.begin());
}

CodedColumn column_of(const EventBatch& b, EventColumn c) noexcept {
  const MutableColumn column = column_of(const_cast<EventBatch&>(b), c);
  return {column.values, column.codes->data(), column.codes->size()};
}

MutableColumn column_of(EventBatch& b, EventColumn c) noexcept {
  const auto of = [](TextDictionary& values, CodedRows& rows) { return MutableColumn{&values, &rows.codes}; };
  switch (c) {
    case EventColumn::user_id: return of(b.users, b.user_id);
    case EventColumn::product_id: return of(b.products, b.product_id);
    case EventColumn::session_id: return of(b.sessions, b.session_id);
    case EventColumn::product_category: return of(b.categories, b.product_category);
    case EventColumn::device_type: return of(b.devices, b.device_type);
    case EventColumn::page_url: return of(b.pages, b.page_url);
    case EventColumn::referrer: return of(b.referrers, b.referrer);
    case EventColumn::currency: return of(b.currencies, b.currency);
    case EventColumn::order_id: return of(b.orders, b.order_id);
  }
  __builtin_unreachable();
}

}  // namespace pactolus
