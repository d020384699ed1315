// What events do to the numbers of a key: the measures of a view as lists of actions, one for each type of event, so
// that what a row does is looked up and not decided. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_batch.h"
#include "gold/event_column.h"
#include "gold/view_declaration.h"
#include "gold/view_pane.h"

namespace pactolus {

class ViewActions {
 public:
  struct Action {
    enum class What : uint8_t { count, quantity, money, other, set } what;
    bool minus = false;
    bool only_without = false;  // count: events whose text of `column` is null
    Amount amount = Amount::price;
    int32_t slot = 0;
    int32_t column = -1;  // of set_columns_
  };

  // Events of the code behind those of `types` are of none of them.
  ViewActions(const ViewDeclaration& view, const MeasureSlots& slots, const std::vector<std::string>& types,
              std::string shop_currency);

  void start(const EventBatch& b);  // borrows it until the next start()
  // Does the view count events of that type?
  bool counts(uint8_t type) const noexcept { return type < named_.size() && named_[type]; }
  void apply(const EventBatch& b, uint32_t row, ViewPane& pane, size_t entry) {
    for (const Action& a : actions_[b.event_type[row]]) act(b, row, a, pane, entry);
  }
  TextDictionary& currencies() noexcept { return currencies_; }  // others than the shop's
  const TextDictionary& currencies() const noexcept { return currencies_; }

 private:
  struct CurrencyCodes {
    std::vector<uint64_t> slots;  // generation << 32 | number
    uint32_t generation = 0;
  };
  int32_t currency_number(const EventBatch& b, int32_t code);  // -1 is the shop's
  void act(const EventBatch& b, uint32_t row, const Action& a, ViewPane& pane, size_t entry) {
    switch (a.what) {
      case Action::What::count:
        if (!a.only_without || batch_sets_[size_t(a.column)].codes[row] < 0) ++pane.count(entry, a.slot);
        break;
      case Action::What::quantity: pane.count(entry, a.slot) += a.minus ? -b.quantity[row] : b.quantity[row]; break;
      case Action::What::set: {
        const CodedColumn& column = batch_sets_[size_t(a.column)];
        if (const int32_t code = column.codes[row]; code >= 0)
          pane.set(entry, a.slot).insert(column.values->hash(code));
        break;
      }
      case Action::What::money:
      case Action::What::other: {
        const Money price = b.price[row];
        if (price == kNoMoney) break;
        const int32_t currency = currency_number(b, b.currency.codes[row]);
        if ((currency < 0) != (a.what == Action::What::money)) break;
        WideMoney amount = price;
        if (a.amount == Amount::price_times_quantity) amount *= b.quantity[row];
        if (a.minus) amount = -amount;
        if (currency < 0)
          pane.money(entry, a.slot) += amount;
        else
          pane.add_other(entry, a.slot, currency, amount);
        break;
      }
    }
  }

  std::string shop_currency_;
  std::vector<std::vector<Action>> actions_;  // by event type
  std::vector<bool> named_;                   // by event type: by a measure
  std::vector<EventColumn> set_columns_;      // whose values are counted
  std::vector<CodedColumn> batch_sets_;       // set_columns_ of the batch being applied
  TextDictionary currencies_;
  CurrencyCodes currency_codes_;
};

}  // namespace pactolus
