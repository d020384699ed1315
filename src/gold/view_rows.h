// Rows of a view: one key in one window or session each. In columns, since a window of a large shop has many of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/columns.h"
#include "base/decimal.h"
#include "gold/conversion.h"
#include "gold/view_declaration.h"

namespace pactolus {

enum class ViewBasis : uint8_t { stream, rebuild };
constexpr std::string_view name_of(ViewBasis basis) noexcept {
  return basis == ViewBasis::stream ? "stream" : "rebuild";
}

class ViewRows {
 public:
  struct OtherCurrency {
    std::string currency;
    WideMoney amount = 0;
    bool operator==(const OtherCurrency&) const = default;
  };

  explicit ViewRows(std::shared_ptr<const ViewDeclaration> view) : view_(std::move(view)), slots_(*view_) {}
  const ViewDeclaration& view() const noexcept { return *view_; }

  size_t size() const noexcept { return window_start_.size(); }
  bool empty() const noexcept { return window_start_.empty(); }
  int64_t window_start(size_t row) const { return window_start_[row]; }
  int64_t window_end(size_t row) const {
    return view_->shape.is_session() ? session_end_[row] : window_start_[row] + view_->shape.size;
  }
  std::optional<std::string_view> key(size_t row, size_t column) const {
    const size_t at = row * view_->keys.size() + column;
    return has_key_[at] ? std::optional(keys_.at(at)) : std::nullopt;
  }
  // Of a measure of the view, by its place in the declaration. count, sum of quantities, distinct, sketch, orders:
  int64_t number(size_t row, size_t measure) const;
  WideMoney money(size_t row, size_t measure) const;
  bool approximate(size_t row, size_t measure) const;
  std::string_view sketch(size_t row, size_t measure) const;  // bytes of the set (DistinctSet::save)
  std::optional<Conversion> rate(size_t row, size_t measure) const;
  const std::vector<OtherCurrency>& other_currencies(size_t row, size_t measure) const;  // by currency, ascending
  bool any(size_t row, size_t measure) const;
  WideMoney unless(size_t row, size_t measure) const;
  std::optional<std::string_view> first(size_t row, size_t measure) const;
  // Of then() and maybe(): the share of the sessions of the step before, and the median time from it.
  std::optional<double> step_rate(size_t row, size_t measure) const;
  std::optional<double> step_seconds(size_t row, size_t measure) const;

  void append(const ViewRows& rows, size_t row);  // of the same view

  // The table's columns, without the partition column, of rows [first, last).
  ColumnBatch columns(size_t first, size_t last, ViewBasis basis, int64_t batch) const;
  // Of a row: the UTC date of its window's start, as days since 1970. Rows of one date lie side by side.
  int32_t window_date(size_t row) const { return int32_t(floor_div(window_start_[row], kMicrosPerDay)); }

 private:
  friend class ViewFold;
  friend class SessionView;
  friend class FunnelView;
  size_t measure_of(std::string_view name) const;
  int64_t count_of(size_t row, std::string_view name) const;  // of a count() by its name
  void append_text(std::optional<std::string_view> text, TextRows& texts, std::vector<uint8_t>& has) {
    texts.append(text.value_or(std::string_view()));
    has.push_back(text.has_value());
  }

  std::shared_ptr<const ViewDeclaration> view_;
  MeasureSlots slots_;
  std::vector<int64_t> window_start_;
  std::vector<int64_t> session_end_;  // of sessions only
  TextRows keys_;                     // by row, then key column
  std::vector<uint8_t> has_key_;      // likewise
  std::vector<int64_t> counts_;       // by row, then slot; likewise the next
  std::vector<WideMoney> moneys_;
  std::vector<int64_t> distinct_;
  std::vector<uint8_t> approximate_;
  std::vector<std::string> sketches_;  // empty where nobody wants them
  std::vector<std::vector<OtherCurrency>> others_;
  TextRows firsts_;
  std::vector<uint8_t> has_first_;
  std::vector<double> medians_;  // by row, then step; NaN is none
};

}  // namespace pactolus
