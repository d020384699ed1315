#include "gold/view_actions.h"

#include <algorithm>

namespace pactolus {

ViewActions::ViewActions(const ViewDeclaration& view, const MeasureSlots& slots, const std::vector<std::string>& types,
                         std::string shop_currency)
    : shop_currency_(std::move(shop_currency)), actions_(types.size() + 1), named_(types.size() + 1) {
  using What = Action::What;
  const auto column_number = [&](EventColumn c) {
    const auto at = std::ranges::find(set_columns_, c);
    if (at == set_columns_.end()) set_columns_.push_back(c);
    return int32_t(std::ranges::find(set_columns_, c) - set_columns_.begin());
  };
  for (size_t i = 0; i < view.measures.size(); ++i) {
    const Measure& m = view.measures[i];
    const MeasureSlots::Of& slot = slots.of[i];
    std::vector<Action> actions;
    switch (m.function) {
      case MeasureFunction::count: actions = {{.what = What::count, .slot = slot.count}}; break;
      case MeasureFunction::sum:
        if (m.is_money())
          actions = {{.what = What::money, .amount = m.amount, .slot = slot.money}};
        else
          actions = {{.what = What::quantity, .slot = slot.count}};
        break;
      case MeasureFunction::other_currencies:
        actions = {{.what = What::other, .amount = m.amount, .slot = slot.other}};
        break;
      case MeasureFunction::distinct:
      case MeasureFunction::sketch:
        actions = {{.what = What::set, .slot = slot.set, .column = column_number(m.column)}};
        break;
      case MeasureFunction::orders: {
        const int32_t column = column_number(EventColumn::order_id);
        actions = {{.what = What::set, .slot = slot.set, .column = column},
                   {.what = What::count, .only_without = true, .slot = slot.count, .column = column}};
        break;
      }
      case MeasureFunction::first: break;  // which event is the first, the session knows
      case MeasureFunction::rate:
      case MeasureFunction::any:
      case MeasureFunction::unless: continue;  // of other measures
      case MeasureFunction::step:
      case MeasureFunction::then:
      case MeasureFunction::maybe: continue;  // of sessions
    }
    for (size_t type = 0; type < actions_.size(); ++type) {
      const auto named =
          type < types.size() ? std::ranges::find(m.types, types[type], &MeasuredType::name) : m.types.end();
      if (named == m.types.end() && !m.types.empty()) continue;
      if (m.function != MeasureFunction::first) named_[type] = true;
      for (Action a : actions) {
        a.minus = named != m.types.end() && named->minus;
        actions_[type].push_back(a);
      }
    }
  }
}

void ViewActions::start(const EventBatch& b) {
  CurrencyCodes& codes = currency_codes_;
  if (codes.slots.size() < size_t(b.currencies.size())) codes.slots.resize(size_t(b.currencies.size()), 0);
  if (++codes.generation == 0) {
    std::ranges::fill(codes.slots, 0);
    codes.generation = 1;
  }
  batch_sets_.clear();
  for (const EventColumn c : set_columns_) batch_sets_.push_back(column_of(b, c));
}

int32_t ViewActions::currency_number(const EventBatch& b, int32_t code) {
  if (code < 0) return -1;
  uint64_t& slot = currency_codes_.slots[size_t(code)];
  if (slot >> 32 != currency_codes_.generation) {
    const std::string_view name = b.currencies.value(code);
    const int32_t number = name == shop_currency_ ? -1 : currencies_.code(name);
    slot = uint64_t(currency_codes_.generation) << 32 | uint32_t(number);
  }
  return int32_t(uint32_t(slot));
}

}  // namespace pactolus
