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

CodedColumn SessionColumn::start(const EventBatch& b, std::span<const uint32_t> rows) {
  values_.clear();
  codes_.resize(b.rows());
  by_session_.assign(size_t(b.sessions.size()), -1);
  by_user_.assign(size_t(b.users.size()), -1);
  std::string user;
  for (const uint32_t row : rows) {
    const int32_t session = b.session_id.codes[row], by = b.user_id.codes[row];
    if (session < 0 && by < 0) {
      codes_[row] = -1;
      continue;
    }
    int32_t& code = session >= 0 ? by_session_[size_t(session)] : by_user_[size_t(by)];
    if (code < 0) {
      if (session < 0) user.assign("user:").append(b.users.value(by));
      code = values_.code(session >= 0 ? b.sessions.value(session) : std::string_view(user));
    }
    codes_[row] = code;
  }
  return {&values_, codes_.data(), codes_.size()};
}

}  // namespace pactolus
