#include "gold/view_rows.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace pactolus {
namespace {
template <class Text>  // (row), optional
ColumnData text_column(std::string name, size_t first, size_t last, Text text) {
  TextColumn column;
  for (size_t r = first; r < last; ++r) {
    if (const auto value = text(r))
      column.append(*value);
    else
      column.append_null();
  }
  return column.finish(std::move(name));
}
}  // namespace

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

size_t ViewRows::measure_of(std::string_view name) const {
  const auto& all = view_->measures;
  const auto at = std::ranges::find(all, name, &Measure::name);
  PACTOLUS_CHECK(at != all.end(), "a measure of one that the view does not have");
  return size_t(at - all.begin());
}
int64_t ViewRows::count_of(size_t row, std::string_view name) const { return number(row, measure_of(name)); }
bool ViewRows::any(size_t row, size_t measure) const { return count_of(row, view_->measures[measure].part) > 0; }
WideMoney ViewRows::unless(size_t row, size_t measure) const {
  const Measure& m = view_->measures[measure];
  return count_of(row, m.whole) > 0 ? 0 : std::max<WideMoney>(0, money(row, measure_of(m.part)));
}
std::optional<std::string_view> ViewRows::first(size_t row, size_t measure) const {
  const size_t at = row * size_t(slots_.texts) + size_t(slots_.of[measure].text);
  return has_first_[at] ? std::optional(firsts_.at(at)) : std::nullopt;
}

std::optional<Conversion> ViewRows::rate(size_t row, size_t measure) const {
  const Measure& m = view_->measures[measure];
  return conversion_of(count_of(row, m.whole), count_of(row, m.part));
}

std::optional<double> ViewRows::step_rate(size_t row, size_t measure) const {
  size_t before = measure - 1;  // the last one that it waited for
  while (!view_->measures[before].is_step() || view_->measures[before].function == MeasureFunction::maybe) --before;
  const int64_t of = number(row, before);
  return of == 0 ? std::nullopt : std::optional(double(number(row, measure)) / double(of));
}
std::optional<double> ViewRows::step_seconds(size_t row, size_t measure) const {
  const double median = medians_[row * size_t(slots_.steps) + size_t(slots_.of[measure].step)];
  return std::isnan(median) ? std::nullopt : std::optional(median);
}

void ViewRows::append(const ViewRows& from, size_t row) {
  window_start_.push_back(from.window_start_[row]);
  if (view_->shape.is_session()) session_end_.push_back(from.session_end_[row]);
  for (size_t k = 0; k < view_->keys.size(); ++k) append_text(from.key(row, k), keys_, has_key_);
  for (size_t m = 0; m < view_->measures.size(); ++m)
    if (slots_.of[m].text >= 0) append_text(from.first(row, m), firsts_, has_first_);
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
  copy(medians_, from.medians_, slots_.steps);
}

ColumnBatch ViewRows::columns(size_t first, size_t last, ViewBasis basis, int64_t batch) const {
  std::vector<ColumnData> out;
  for (size_t k = 0; k < view_->keys.size(); ++k)
    out.push_back(text_column(std::string(name_of(view_->keys[k])), first, last, [&](size_t r) { return key(r, k); }));
  FixedColumn<int64_t> start, end;
  for (size_t r = first; r < last; ++r) {
    start.append(window_start(r));
    end.append(window_end(r));
  }
  out.push_back(start.finish("window_start", kFormatTimestamp));
  out.push_back(end.finish("window_end", kFormatTimestamp));

  for (size_t i = 0; i < view_->measures.size(); ++i) {
    const Measure& m = view_->measures[i];
    if (m.is_money() || m.function == MeasureFunction::unless) {
      FixedColumn<WideMoney> column;
      for (size_t r = first; r < last; ++r) column.append(m.is_money() ? money(r, i) : unless(r, i));
      out.push_back(column.finish(m.name, kFormatWideMoney));
    } else if (m.function == MeasureFunction::any) {
      BoolColumn column;
      for (size_t r = first; r < last; ++r) column.append(any(r, i));
      out.push_back(column.finish(m.name));
    } else if (m.function == MeasureFunction::first) {
      out.push_back(text_column(m.name, first, last, [&](size_t r) { return this->first(r, i); }));
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
      if (m.function == MeasureFunction::then || m.function == MeasureFunction::maybe) {
        FixedColumn<double> rates, seconds;
        for (size_t r = first; r < last; ++r) {
          const auto rate = step_rate(r, i), median = step_seconds(r, i);
          rate ? rates.append(*rate) : rates.append_null();
          median ? seconds.append(*median) : seconds.append_null();
        }
        out.push_back(rates.finish(m.name + "_rate", kFormatDouble));
        out.push_back(seconds.finish(m.name + "_seconds", kFormatDouble));
      }
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
