// The keys of a view as numbers: each combination of the values of its key columns, null being a value like another.
// Numbers are dense from 0 in the order of first sight. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "event/event_batch.h"
#include "gold/event_column.h"

namespace pactolus {

class KeyTable {
 public:
  explicit KeyTable(size_t columns) : texts_(columns) {}
  size_t columns() const noexcept { return texts_.size(); }
  int32_t size() const noexcept { return size_; }

  // The number of a key; inserts when new. One code of a text of this table for each column, -1 is null.
  int32_t number(std::span<const int32_t> codes);
  std::span<const int32_t> codes(int32_t number) const {
    return std::span(codes_).subspan(size_t(number) * columns(), columns());
  }
  std::optional<std::string_view> text(int32_t number, size_t column) const {
    const int32_t code = codes_[size_t(number) * columns() + column];
    return code < 0 ? std::nullopt : std::optional(texts_[column].value(code));
  }
  TextDictionary& texts(size_t column) { return texts_[column]; }
  const TextDictionary& texts(size_t column) const { return texts_[column]; }

  // The numbers in the order of their texts, column by column, null first.
  std::vector<int32_t> sorted() const;
  // A table with these numbers alone; the place of a number in `numbers` is its number there.
  KeyTable with(std::span<const int32_t> numbers) const;
  size_t bytes() const noexcept;

 private:
  void grow();
  size_t slot_of(std::span<const int32_t> codes) const;
  std::vector<TextDictionary> texts_;  // by column
  std::vector<int32_t> codes_;         // by number, then column
  std::vector<int32_t> slots_;         // open addressing; -1 is free
  int32_t size_ = 0;
};

// From the codes of a batch to numbers of a table, remembered for as long as the batch is filled: by code when the view
// has one column, by combination as long as the batch has not too many of them.
class BatchKeys {
 public:
  // Borrows all of them until the next start().
  void start(const EventBatch& b, std::span<const uint32_t> rows, std::span<const EventColumn> columns,
             KeyTable& table);
  int32_t number(uint32_t row) {
    size_t place = 0;
    for (const Column& c : columns_) place = place * c.radix + size_t(c.codes[row] + 1);
    if (!direct_) return look_up(row);
    uint64_t& slot = slots_[place];
    if (slot >> 32 != generation_) slot = uint64_t(generation_) << 32 | uint32_t(look_up(row));
    return int32_t(uint32_t(slot));
  }
  void forget() noexcept { filling_ = 0; }  // the table has other numbers now

 private:
  struct Column {
    const int32_t* codes;          // by row
    const TextDictionary* values;  // null: of sessions_
    size_t radix;                  // above the codes of the batch, and null
  };
  int32_t look_up(uint32_t row);
  KeyTable* table_ = nullptr;
  uint64_t filling_ = 0;  // of the batch whose keys are remembered
  SessionColumn sessions_;
  std::vector<Column> columns_;
  std::vector<int32_t> codes_;
  bool direct_ = true;
  std::vector<uint64_t> slots_;  // generation << 32 | number
  uint32_t generation_ = 0;
};

}  // namespace pactolus
