#include "gold/event_column.h"

#include <algorithm>
#include <string>

#include "base/check.h"

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
    case EventColumn::session: break;
  }
  PACTOLUS_CHECK(false, "sessions are made of two columns");
  __builtin_unreachable();
}

void SessionColumn::start(const EventBatch& b, std::span<const uint32_t> rows) {
  batch_ = &b;
  codes_.resize(b.rows());
  for (const uint32_t row : rows) {
    const int32_t session = b.session_id.codes[row], user = b.user_id.codes[row];
    codes_[row] = session >= 0 ? 2 * session : user >= 0 ? 2 * user + 1 : -1;
  }
}

size_t SessionColumn::size() const noexcept {
  return 2 * size_t(std::max(batch_->sessions.size(), batch_->users.size()));
}

std::string_view SessionColumn::text(int32_t code) {
  if (code % 2 == 0) return batch_->sessions.value(code / 2);
  user_.assign("user:").append(batch_->users.value(code / 2));
  return user_;
}

}  // namespace pactolus
