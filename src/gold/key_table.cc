#include "gold/key_table.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace pactolus {

size_t KeyTable::slot_of(std::span<const int32_t> codes) const {
  uint64_t hash = 0;
  for (const int32_t code : codes) hash = (hash ^ uint32_t(code)) * 0x9E3779B97F4A7C15u;
  const size_t mask = slots_.size() - 1;
  size_t i = size_t(hash >> 20) & mask;
  while (slots_[i] >= 0 && !std::ranges::equal(this->codes(slots_[i]), codes)) i = (i + 1) & mask;
  return i;
}

int32_t KeyTable::number(std::span<const int32_t> codes) {
  if (size_t(size_) * 2 >= slots_.size()) grow();
  int32_t& slot = slots_[slot_of(codes)];
  if (slot < 0) {
    slot = size_++;
    codes_.insert(codes_.end(), codes.begin(), codes.end());
  }
  return slot;
}

void KeyTable::grow() {
  slots_.assign(std::max<size_t>(16, slots_.size() * 2), -1);
  for (int32_t n = 0; n < size_; ++n) slots_[slot_of(codes(n))] = n;
}

std::vector<int32_t> KeyTable::sorted() const {
  // Codes of a column in the order of its texts: comparing numbers is then enough.
  std::vector<std::vector<int32_t>> ranks(columns());
  for (size_t c = 0; c < columns(); ++c) {
    std::vector<int32_t> by_text(size_t(texts_[c].size()));
    std::iota(by_text.begin(), by_text.end(), 0);
    std::ranges::sort(by_text, {}, [&](int32_t code) { return texts_[c].value(code); });
    ranks[c].resize(by_text.size());
    for (size_t i = 0; i < by_text.size(); ++i) ranks[c][size_t(by_text[i])] = int32_t(i);
  }
  std::vector<int32_t> numbers;
  numbers.resize(size_t(size_));
  std::iota(numbers.begin(), numbers.end(), 0);
  std::ranges::sort(numbers, [&](int32_t a, int32_t b) {
    for (size_t c = 0; c < columns(); ++c) {
      const int32_t left = codes(a)[c], right = codes(b)[c];
      if (left != right) return (left < 0 ? -1 : ranks[c][size_t(left)]) < (right < 0 ? -1 : ranks[c][size_t(right)]);
    }
    return false;
  });
  return numbers;
}

KeyTable KeyTable::with(std::span<const int32_t> numbers) const {
  KeyTable out(columns());
  std::vector<int32_t> mine(columns());
  for (const int32_t n : numbers) {
    for (size_t c = 0; c < columns(); ++c) {
      const auto value = text(n, c);
      mine[c] = value ? out.texts_[c].code(*value) : -1;
    }
    out.number(mine);
  }
  return out;
}

size_t KeyTable::bytes() const noexcept {
  size_t sum = (codes_.capacity() + slots_.capacity()) * sizeof(int32_t);
  for (const TextDictionary& t : texts_) sum += t.bytes() + size_t(t.size()) * 32;  // its end, hash and two slots
  return sum;
}

void BatchKeys::start(const EventBatch& b, std::span<const uint32_t> rows, std::span<const EventColumn> columns,
                      KeyTable& table) {
  constexpr size_t kMostCombinations = 1 << 20;  // of several columns: 8 MiB
  table_ = &table;
  codes_.resize(columns.size());
  columns_.resize(columns.size());
  size_t places = 1;
  direct_ = true;
  bool same = b.filling == filling_;
  for (size_t c = 0; c < columns.size(); ++c) {
    Column& column = columns_[c];
    size_t values = 0;
    if (columns[c] == EventColumn::session) {
      sessions_.start(b, rows);
      column.codes = sessions_.codes(), column.values = nullptr;
      values = sessions_.size();
    } else {
      const CodedColumn of = column_of(b, columns[c]);
      column.codes = of.codes, column.values = of.values;
      values = size_t(of.values->size());
    }
    // In powers of two: a batch gets new values while it is filled, and places change with the radix.
    const size_t radix = std::bit_ceil(values + 1);
    same &= radix == column.radix || (columns.size() == 1 && radix >= column.radix);
    column.radix = radix;
    if (direct_) places *= radix;
    direct_ = columns.size() == 1 || places <= kMostCombinations;
  }
  filling_ = b.filling;
  if (!direct_) return;
  if (slots_.size() < places) slots_.resize(places, 0);
  if (same) return;
  if (++generation_ == 0) {
    std::ranges::fill(slots_, 0);
    generation_ = 1;
  }
}

int32_t BatchKeys::look_up(uint32_t row) {
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const int32_t code = column.codes[row];
    codes_[c] =
        code < 0 ? -1 : table_->texts(c).code(column.values ? column.values->value(code) : sessions_.text(code));
  }
  return table_->number(codes_);
}

}  // namespace pactolus
