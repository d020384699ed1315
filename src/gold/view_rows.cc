#include "gold/view_rows.h"

#include <algorithm>

#include "base/check.h"

namespace pactolus {

int64_t ViewRows::number(size_t row, size_t measure) const {
  const MeasureSlots::Of& slot = slots_.of[measure];
  int64_t out = 0;
  if (slot.count >= 0) out += counts_[row * size_t(slots_.counts) + size_t(slot.count)];
  if (slot.set >= 0) out += distinct_[row * size_t(slots_.sets) + size_t(slot.set)];
  return out;
}

WideMoney ViewRows::money(size_t row, size_t measure) const {
  return moneys_[row * size_t(slots_.moneys) + size_t(slots_.of[measure].money)];
}

bool ViewRows::approximate(size_t row, size_t measure) const {
  return approximate_[row * size_t(slots_.sets) + size_t(slots_.of[measure].set)] != 0;
}

std::string_view ViewRows::sketch(size_t row, size_t measure) const {
  return sketches_[row * size_t(slots_.sets) + size_t(slots_.of[measure].set)];
}

const std::vector<ViewRows::OtherCurrency>& ViewRows::other_currencies(size_t row, size_t measure) const {
  return others_[row * size_t(slots_.others) + size_t(slots_.of[measure].other)];
}

int32_t ViewRows::count_of(std::string_view name) const {
  for (size_t m = 0; m < view_->measures.size(); ++m)
    if (view_->measures[m].function == MeasureFunction::count && view_->measures[m].name == name)
      return slots_.of[m].count;
  PACTOLUS_CHECK(false, "a rate of a count that the view does not have");
  return -1;
}

std::optional<Conversion> ViewRows::rate(size_t row, size_t measure) const {
  const Measure& m = view_->measures[measure];
  const int64_t* counts = &counts_[row * size_t(slots_.counts)];
  return conversion_of(counts[count_of(m.whole)], counts[count_of(m.part)]);
}

void ViewRows::append(const ViewRows& from, size_t row) {
  window_start_.push_back(from.window_start_[row]);
  for (size_t k = 0; k < view_->keys.size(); ++k) {
    const auto text = from.key(row, k);
    keys_.append(text.value_or(std::string_view()));
    has_key_.push_back(text.has_value());
  }
  const auto copy = [&](auto& to, const auto& values, int32_t stride) {
    const auto begin = values.begin() + ptrdiff_t(row) * stride;
    if (!values.empty()) to.insert(to.end(), begin, begin + stride);
  };
  copy(counts_, from.counts_, slots_.counts);
  copy(moneys_, from.moneys_, slots_.moneys);
  copy(distinct_, from.distinct_, slots_.sets);
  copy(approximate_, from.approximate_, slots_.sets);
  copy(sketches_, from.sketches_, slots_.sets);
  copy(others_, from.others_, slots_.others);
}

ColumnBatch ViewRows::columns(size_t first, size_t last, ViewBasis basis, int64_t batch) const {
  std::vector<ColumnData> out;
  for (size_t k = 0; k < view_->keys.size(); ++k) {
    TextColumn column;
    for (size_t r = first; r < last; ++r) {
      if (const auto text = key(r, k))
        column.append(*text);
      else
        column.append_null();
    }
    out.push_back(column.finish(std::string(name_of(view_->keys[k]))));
  }
  FixedColumn<int64_t> start, end;
  for (size_t r = first; r < last; ++r) {
    start.append(window_start(r));
    end.append(window_end(r));
  }
  out.push_back(start.finish("window_start", kFormatTimestamp));
  out.push_back(end.finish("window_end", kFormatTimestamp));

  for (size_t i = 0; i < view_->measures.size(); ++i) {
    const Measure& m = view_->measures[i];
    if (m.is_money()) {
      FixedColumn<WideMoney> column;
      for (size_t r = first; r < last; ++r) column.append(money(r, i));
      out.push_back(column.finish(m.name, kFormatWideMoney));
    } else if (m.function == MeasureFunction::other_currencies) {
      MapColumn<FixedColumn<WideMoney>> column;
      for (size_t r = first; r < last; ++r) {
        for (const OtherCurrency& o : other_currencies(r, i)) column.append_entry(o.currency, o.amount);
        column.end_row();
      }
      out.push_back(column.finish(m.name, kFormatWideMoney));
    } else if (m.function == MeasureFunction::rate) {
      FixedColumn<double> rates, lows, highs;
      for (size_t r = first; r < last; ++r) {
        if (const auto c = rate(r, i)) {
          rates.append(c->rate);
          lows.append(c->interval.low);
          highs.append(c->interval.high);
        } else {
          rates.append_null();
          lows.append_null();
          highs.append_null();
        }
      }
      out.push_back(rates.finish(m.name + "_rate", kFormatDouble));
      out.push_back(lows.finish(m.name + "_low", kFormatDouble));
      out.push_back(highs.finish(m.name + "_high", kFormatDouble));
    } else {
      FixedColumn<int64_t> column;
      for (size_t r = first; r < last; ++r) column.append(number(r, i));
      out.push_back(column.finish(m.name, kFormatInt64));
      if (!m.is_set()) continue;
      BoolColumn approx;
      for (size_t r = first; r < last; ++r) approx.append(approximate(r, i));
      out.push_back(approx.finish(m.name + "_approx"));
      if (m.function != MeasureFunction::sketch) continue;
      TextColumn bytes;
      for (size_t r = first; r < last; ++r) bytes.append(sketch(r, i));
      out.push_back(bytes.finish(m.name + "_sketch", kFormatBinary));
    }
  }
  TextColumn made_by;
  FixedColumn<int64_t> batch_id;
  for (size_t r = first; r < last; ++r) {
    made_by.append(name_of(basis));
    batch_id.append(batch);
  }
  out.push_back(made_by.finish("basis"));
  out.push_back(batch_id.finish("batch_id", kFormatInt64));
  return ColumnBatch(int64_t(last - first), std::move(out));
}

}  // namespace pactolus
